//! What is to be listened on, by the configuration.

use knock_core::{config::Listen, interface::InterfaceIndex};

use crate::links::{Links, NoInterface};

/// How many sockets there are once everything exists.
pub(super) fn count(wanted: &Listen) -> usize {
    match wanted {
        Listen::Any => 1,
        Listen::Named(names) => names.len(),
    }
}

/// What is wanted and exists now, by the name that it was given.
pub(super) fn present(wanted: &Listen, links: &Links) -> Vec<(String, InterfaceIndex)> {
    match wanted {
        Listen::Any => vec![("any".to_owned(), InterfaceIndex::default())],
        Listen::Named(names) => {
            names.iter().filter_map(|name| Some((name.clone(), links.named(base(name)).ok()?.0))).collect()
        }
    }
}

/// What is wanted and doesn't exist now.
pub fn missing(wanted: &Listen, links: &Links) -> impl Iterator<Item = NoInterface> {
    let names = match wanted {
        Listen::Any => &[][..],
        Listen::Named(names) => names,
    };
    names.iter().filter_map(|name| links.named(base(name)).err())
}

/// Whether an interface of this name is one of those to listen on.
#[must_use]
pub fn is_wanted(wanted: &Listen, name: &str) -> bool {
    match wanted {
        Listen::Any => true,
        Listen::Named(names) => names.iter().any(|wanted| base(wanted) == name),
    }
}

/// What is listened on, in words.
#[must_use]
pub fn names(wanted: &Listen) -> String {
    match wanted {
        Listen::Any => "any".to_owned(),
        Listen::Named(names) => names.join(", "),
    }
}

/// The interface itself, where one of its addresses is named by a label such as `eth0:1`: packets come in on no label.
fn base(name: &str) -> &str {
    name.split_once(':').map_or(name, |(base, _)| base)
}
