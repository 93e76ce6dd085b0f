//! Rows of a list, and where their parts begin.

/// Who, at which door, and how that is.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) source: String,
    pub(super) door: String,
    pub(super) detail: String,
    pub(super) note: String,
}

/// Where the parts of rows begin that are below each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) source: u16,
    pub(super) door: u16,
    /// How much there is of the name of a door.
    pub(super) door_width: u16,
    pub(super) detail: u16,
    /// None if there is no room for it.
    pub(super) note: Option<u16>,
}

/// Between two parts.
const GAP: u16 = 2;

/// How wide parts are at least if there is room: so nothing moves as time passes.
const USUAL_SOURCE: u16 = 15;
const USUAL_DOOR: u16 = 12;
const USUAL_DETAIL: u16 = 16;

/// Less than this of a door's name does not tell which it is; the note has to go for it.
const LEAST_DOOR: u16 = 8;

impl Columns {
    /// For these rows on a screen of this width. What is too much is taken from the names of doors, and then from notes.
    pub(super) fn of(rows: &[Row], width: u16) -> Self {
        let longest = |part: fn(&Row) -> &String| {
            let widths = rows.iter().map(|row| part(row).chars().count());
            u16::try_from(widths.max().unwrap_or_default()).unwrap_or(u16::MAX)
        };
        let (name, detail, note) =
            (longest(|row| &row.door), longest(|row| &row.detail), longest(|row| &row.note));
        let source = 1;
        let door = source + longest(|row| &row.source).max(USUAL_SOURCE) + GAP;
        let room = width.saturating_sub(door);
        let usual = detail.max(USUAL_DETAIL);
        let choices = [(usual, true, USUAL_DOOR), (detail, true, LEAST_DOOR), (detail, false, 0)];
        let fitting = choices.into_iter().find_map(|(detail, has_note, least)| {
            let note = if has_note { GAP + note } else { 0 };
            let left = room.saturating_sub(GAP + detail).saturating_sub(note);
            (left >= name.min(least)).then_some((left, detail, has_note))
        });
        let (left, wide, has_note) = fitting.unwrap_or_default();
        let door_width = left.min(name.max(USUAL_DOOR));
        let detail = door + door_width + GAP;
        Self { source, door, door_width, detail, note: has_note.then_some(detail + wide + GAP) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "2001:db8:1111:2222:3333:4444:5555:6666";

    fn columns(source: &str, door: &str, detail: &str, width: u16) -> Columns {
        let text = str::to_owned;
        let row =
            Row { source: text(source), door: text(door), detail: text(detail), note: text("by command") };
        let columns = Columns::of(&[row], width);
        let detail_end = columns.detail + u16::try_from(detail.len()).unwrap();
        assert!(columns.note.is_none_or(|note| detail_end < note && note + 10 <= width), "{columns:?}");
        assert!(columns.door + columns.door_width < columns.detail && detail_end <= width, "{columns:?}");
        columns
    }

    #[test]
    fn nothing_moves_as_time_passes() {
        let at = |left| columns("192.0.2.7", "ssh", left, 80);
        assert_eq!(at("30 s left"), at("59 min 59 s left"));
        assert_eq!((at("9 s left").door, at("9 s left").detail, at("9 s left").note), (18, 32, Some(50)));
    }

    #[test]
    fn parts_never_run_into_each_other() {
        for width in [80, 100, 120, 200] {
            for detail in ["9 s left", "36499 d 23 h left", "closing"] {
                for door in ["ssh", "a-door-with-a-name-that-is-much-too-long"] {
                    assert!(columns("192.0.2.7", door, detail, width).note.is_some());
                    assert!(columns(LONG, door, detail, width).door_width >= 3);
                }
            }
        }
        let wide = columns(LONG, "a-door-with-a-name-that-is-much-too-long", "9 s left", 200);
        assert_eq!(wide.door_width, 40, "where there is room nothing is cut");
    }

    #[test]
    fn what_is_narrow_has_no_notes() {
        let narrow = columns("192.0.2.7", "a-door-with-a-name", "30 s left", 40);
        assert_eq!((narrow.door_width, narrow.note), (11, None));
        assert_eq!(Columns::of(&[], 40).door, 18);
    }
}
