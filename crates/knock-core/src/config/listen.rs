//! Where to listen.

use std::{collections::BTreeSet, str::FromStr};

use thiserror::Error;

use crate::errors::Errors;

/// What to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Every interface there is.
    Any,
    /// The interfaces of these names: one at least, none twice. As for the classic daemon a name such as `eth0:1` is
    /// the label of addresses of `eth0` (ip-address(8)).
    Named(Vec<String>),
}

/// The word that can't name an interface.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected names of interfaces with commas between them, or any, but found {0:?}")]
pub struct NoInterface(pub String);

impl FromStr for Listen {
    type Err = Errors<NoInterface>;

    /// Takes names with commas or blanks between them, or `any` alone. A name that comes twice counts once.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let separator = |c: char| c == ',' || c.is_ascii_whitespace();
        let words: Vec<_> = text.split(separator).filter(|word| !word.is_empty()).collect();
        let is_any = |word: &str| word.eq_ignore_ascii_case("any");
        if words.is_empty() {
            return Err(NoInterface(text.to_owned()).into());
        }
        if words.len() == 1 && words.iter().all(|word| is_any(word)) {
            return Ok(Self::Any);
        }
        let names = Errors::gather(words.into_iter().map(|word| {
            let is_wrong = is_any(word) || !is_interface(word);
            if is_wrong { Err(NoInterface(word.to_owned()).into()) } else { Ok(word) }
        }))?;
        let mut known = BTreeSet::new();
        Ok(Self::Named(names.into_iter().filter(|name| known.insert(*name)).map(str::to_owned).collect()))
    }
}

/// Whether the kernel could call an interface so (`dev_valid_name` in net/core/dev.c), or, with a colon, one of its
/// addresses (a label, ip-address(8)).
fn is_interface(name: &str) -> bool {
    name.len() <= 15 && name != "." && name != ".." && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_or_any_but_not_both() {
        let named = |names: &[&str]| Ok(Listen::Named(names.iter().map(|name| (*name).to_owned()).collect()));
        let wrong = |text: &str, words: &[&str]| {
            let errors = text.parse::<Listen>().unwrap_err();
            assert_eq!(errors.iter().map(|NoInterface(word)| word).collect::<Vec<_>>(), words);
        };
        assert_eq!("any".parse(), Ok(Listen::Any));
        assert_eq!(" Any ".parse(), Ok(Listen::Any));
        assert_eq!("eth0, wlan0 eth0".parse(), named(&["eth0", "wlan0"]));
        assert_eq!("eth0:1".parse(), named(&["eth0:1"]));
        wrong("eth0,any", &["any"]);
        wrong("a/b eth0, any", &["a/b", "any"]);
        wrong(" ,", &[" ,"]);
    }
}
