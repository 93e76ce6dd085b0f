use knockd::control::protocol::Happening;
use ratatui_core::buffer::Cell;

use super::*;
use crate::watch::model::tests::{happen, opened, stage, status};

const PLAIN: Means = Means { has_colour: false, has_lines: true };

fn shown(model: &Model, second: u64, size: (u16, u16), means: Means) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    draw(model, Duration::from_secs(second), means, &mut buffer);
    buffer
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let row = |cells: &[Cell]| cells.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
    buffer.content.chunks(width).map(row).collect()
}

fn busy() -> Model {
    let mut model = Model::new();
    model.note_link(Link::Up);
    model.note_status(Duration::ZERO, status());
    happen(&mut model, 0, Happening::Stage(stage(7, 1)));
    happen(&mut model, 1, Happening::Stage(stage(7, 2)));
    happen(&mut model, 2, Happening::Completed(stage(7, 3)));
    happen(&mut model, 2, opened(7, 30_000, true));
    happen(&mut model, 3, Happening::Stage(stage(9, 1)));
    let hit = Some("443:tcp".to_owned());
    happen(&mut model, 4, Happening::Discarded { at: stage(9, 1), hit });
    happen(&mut model, 5, Happening::Stage(stage(8, 1)));
    model
}

#[test]
fn a_quiet_daemon_at_80_by_24() {
    let mut model = Model::new();
    model.note_link(Link::Up);
    model.note_status(Duration::ZERO, status());
    let rows = rows(&shown(&model, 120, (80, 24), PLAIN));
    assert_eq!(rows[0], " knockd 0.1.0  up 1 h 2 min  1 door  on eth0  exact filter              q quits");
    assert_eq!(rows[1], format!("\u{2500} open {}", "\u{2500}".repeat(73)));
    assert_eq!(rows[2], " nobody is let in");
    assert_eq!(rows[4], " nobody knocks");
    assert!(rows[6..23].iter().all(String::is_empty));
    assert_eq!(rows[23], " knocks 0  opened 0  wrong 0  late 0");
}

#[test]
fn a_busy_daemon_at_80_by_24() {
    let rows = rows(&shown(&busy(), 6, (80, 24), PLAIN));
    let expected = [
        " knockd 0.1.0  up 1 h  1 door  on eth0  exact filter                    q quits",
        "- open 1 -----------------------------------------------------------------------",
        " 192.0.2.7        ssh           26 s left         by kernel",
        "- knocking 1 -------------------------------------------------------------------",
        " 192.0.2.8        ssh           stage 1           for 1 s",
        "- what happens -----------------------------------------------------------------",
        " 10:00:00 192.0.2.7 ssh: stage 1",
        " 10:00:01 192.0.2.7 ssh: stage 2",
        " 10:00:02 192.0.2.7 ssh: OPEN SESAME",
        " 10:00:02 192.0.2.7 ssh: open for 30 s",
        " 10:00:03 192.0.2.9 ssh: stage 1",
        " 10:00:04 192.0.2.9 ssh: wrong port 443:tcp after stage 1",
        " 10:00:05 192.0.2.8 ssh: stage 1",
    ];
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(row.replace('\u{2500}', "-"), expected);
    }
    assert_eq!(rows[23], " knocks 4  opened 1  wrong 1  late 0");
}

#[test]
fn what_does_not_fit_is_counted_and_the_newest_is_at_the_bottom() {
    let mut model = busy();
    for number in 10..60 {
        happen(&mut model, 7, opened(number, 10_000, false));
        happen(&mut model, 7, Happening::Stage(stage(number, 2)));
    }
    for size in [(80, 24), (40, 10), (200, 60), (57, 13)] {
        let rows = rows(&shown(&model, 8, size, PLAIN));
        assert_eq!(rows.len(), usize::from(size.1));
        let more = if size.1 > 10 { 2 } else { 0 };
        assert_eq!(rows.iter().filter(|row| row.starts_with(" and ")).count(), more, "{size:?} {rows:#?}");
        assert!(rows.iter().any(|row| row.contains(" open 51 ")), "{size:?} {rows:#?}");
        assert!(rows[rows.len() - 2].contains("192.0.2.59 ssh: stage 2"), "{size:?} {rows:#?}");
        assert!(rows.last().unwrap().starts_with(" knocks "), "{size:?}");
    }
}

#[test]
fn long_times_and_long_lines_are_not_cut() {
    let mut model = busy();
    let (door, source) = ("ssh".to_owned(), [192, 0, 2, 7].into());
    let left_ms = Some(100 * 365 * 86_400_000);
    happen(&mut model, 7, Happening::Extended { door, source, left_ms, by_kernel: true });
    let text = "a word ".repeat(20) + "the end";
    happen(&mut model, 8, Happening::Log { level: "warning".to_owned(), text });
    let rows = rows(&shown(&model, 8, (80, 24), PLAIN));
    assert_eq!(rows[2], " 192.0.2.7        ssh           36499 d 23 h left  by kernel");
    assert_eq!(rows[13], " 10:00:07 192.0.2.7 ssh: stays open for 36500 d");
    assert_eq!(rows[14], format!(" 10:00:08 {}a word", "a word ".repeat(9)));
    assert_eq!(rows[15], format!("          {}", "a word ".repeat(10).trim_end()));
    assert_eq!(rows[16], "          the end");
    assert_eq!(in_rows("a-long-word and more", 6), ["a-long", "-word", "and", "more"]);
}

#[test]
fn a_terminal_of_no_size_gets_a_word() {
    for size in [(1, 1), (39, 24), (80, 9)] {
        let rows = rows(&shown(&busy(), 6, size, PLAIN));
        assert!(rows.iter().skip(1).all(String::is_empty), "{rows:?}");
    }
    assert_eq!(rows(&shown(&busy(), 6, (39, 2), PLAIN))[0], "too small; q quits");
}

#[test]
fn without_colour_there_is_none_and_without_lines_all_is_ascii() {
    let bare = shown(&busy(), 6, (80, 24), Means { has_colour: false, has_lines: false });
    for cell in &bare.content {
        assert!(cell.fg == Color::Reset && cell.bg == Color::Reset && cell.symbol().is_ascii());
    }
    let coloured = shown(&busy(), 6, (80, 24), Means { has_colour: true, has_lines: true });
    assert!(coloured.content.iter().any(|cell| cell.fg == Color::Green));
}

#[test]
fn a_daemon_that_is_gone_is_told_in_the_first_row() {
    let mut model = busy();
    model.note_link(Link::Lost("knockd is not running; looking for it".to_owned()));
    let rows = rows(&shown(&model, 6, (80, 24), PLAIN));
    assert!(rows[0].starts_with(" knockd is not running; looking for it"), "{rows:?}");
    assert_eq!(rows[4], " nobody knocks", "attempts are lost with it");
}

#[test]
fn long_addresses_and_names_keep_to_their_columns_and_no_word_is_a_command() {
    let mut model = Model::new();
    let source = "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap();
    let door = "a-door-with-a-name-that-is-much-too-long".to_owned();
    let what = Happening::Opened { door, source, left_ms: 90_000, by_kernel: true };
    happen(&mut model, 0, what);
    let text = "evil \u{1b}[2J\u{9b}31m".to_owned();
    happen(&mut model, 0, Happening::Log { level: "error".to_owned(), text });
    let rows = rows(&shown(&model, 0, (80, 24), PLAIN));
    assert_eq!(rows[2], " 2001:db8:1111:2222:3333:4444:5555:6666  a-door-with  1 min 30 s left  by kernel");
    assert!(rows.iter().any(|row| row.contains("evil ?[2J?31m")), "{rows:?}");
}
