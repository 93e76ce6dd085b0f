//! Who is let in.

use knockd::control::protocol::{List, OpeningShown, Phase};

use super::{plain, table::table};
use crate::span::Span;

/// A table, or that there is nobody.
pub(crate) fn list(list: &List) -> String {
    if list.openings.is_empty() {
        return "nobody is let in\n".to_owned();
    }
    let head = ["DOOR", "SOURCE", "LEFT", "CLOSED BY"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(list.openings.iter().map(row)).collect();
    let rest = match list.left_out {
        0 => String::new(),
        count => format!("and {count} more: name a door, or --source\n"),
    };
    table(&rows) + &rest
}

fn row(opening: &OpeningShown) -> [String; 4] {
    let left = match (opening.phase, opening.left_ms) {
        (Phase::Opening, _) => "opening".to_owned(),
        (Phase::Closing, _) => "closing".to_owned(),
        (Phase::Open, Some(left)) => Span(left).to_string(),
        (Phase::Open, None) => "no end".to_owned(),
    };
    let by = if opening.by_kernel { "kernel" } else { "command" };
    [plain(&opening.door), opening.source.to_string(), left, by.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(source: &str, phase: Phase, left_ms: Option<u64>) -> OpeningShown {
        let by_kernel = left_ms.is_some();
        OpeningShown { door: "ssh".to_owned(), source: source.parse().unwrap(), phase, left_ms, by_kernel }
    }

    #[test]
    fn a_table_of_openings() {
        assert_eq!(super::list(&List::default()), "nobody is let in\n");
        let openings = vec![
            opening("192.0.2.7", Phase::Open, Some(754_000)),
            opening("2001:db8::1", Phase::Closing, None),
        ];
        assert_eq!(
            super::list(&List { openings, left_out: 3 }),
            "DOOR  SOURCE       LEFT         CLOSED BY\n\
             ssh   192.0.2.7    12 min 34 s  kernel\n\
             ssh   2001:db8::1  closing      command\n\
             and 3 more: name a door, or --source\n"
        );
    }
}
