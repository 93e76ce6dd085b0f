//! What doors have left.

use knockd::control::protocol::{Sequences, SequencesOf};

use super::{plain, table::table};

/// A table, or that there are none.
pub(crate) fn sequences(sequences: &Sequences) -> String {
    if sequences.doors.is_empty() {
        return "no door has one-time sequences\n".to_owned();
    }
    let head = ["DOOR", "LEFT"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(sequences.doors.iter().map(row)).collect();
    table(&rows)
}

fn row(door: &SequencesOf) -> [String; 2] {
    let left = match (door.left, &door.trouble) {
        (Some(0), _) => "0, the door stays shut".to_owned(),
        (Some(left), _) => left.to_string(),
        (None, trouble) => plain(trouble.as_deref().unwrap_or("not known")),
    };
    [plain(&door.door), left]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_door() {
        let of = |door: &str, left, trouble: Option<&str>| SequencesOf {
            door: door.to_owned(),
            left,
            trouble: trouble.map(str::to_owned),
        };
        let doors =
            vec![of("ssh", Some(12), None), of("b", Some(0), None), of("c", None, Some("cannot read /c\n"))];
        assert_eq!(
            sequences(&Sequences { doors }),
            "DOOR  LEFT\nssh   12\nb     0, the door stays shut\nc     cannot read /c\u{fffd}\n"
        );
    }
}
