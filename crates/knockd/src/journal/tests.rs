use std::{fs, path::PathBuf};

use super::*;

const STAY: Duration = Duration::from_secs(30);

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> (Journal, Left) {
        Journal::open(self.0.path()).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(NAME)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }
}

fn begin(journal: &mut Journal, id: u64) {
    let source = "192.0.2.7".parse().unwrap();
    journal.note_opened(OpeningId(id), ("ssh", 2), source, &format!("stop {id}"), STAY);
}

fn ids(left: &Left) -> Vec<u64> {
    left.unclosed.iter().map(|one| one.opening.id.0).collect()
}

#[test]
fn what_is_not_closed_is_left_for_the_next_one() {
    let folder = Folder::new();
    let (mut journal, left) = folder.open();
    assert!(ids(&left).is_empty());
    for id in 1..=3 {
        begin(&mut journal, id);
    }
    journal.commit().unwrap();
    journal.note_lasts(OpeningId(2), Duration::from_secs(10));
    journal.note_closed(OpeningId(1));
    journal.note_lasts(OpeningId(3), Duration::ZERO);
    journal.commit().unwrap();
    assert!(!journal.is_behind());
    drop(journal);
    let (_, left) = folder.open();
    assert_eq!((ids(&left), &left.damaged[..]), (vec![2, 3], &[][..]));
    let two = &left.unclosed[0];
    assert_eq!((two.opening.door.as_str(), two.opening.ordinal, two.opening.stay), ("ssh", 2, STAY));
    assert_eq!((two.opening.stop.as_str(), two.opening.source.to_string().as_str()), ("stop 2", "192.0.2.7"));
    assert!(two.left <= Duration::from_secs(10) && two.left > Duration::from_secs(5), "{:?}", two.left);
    assert_eq!(left.unclosed[1].left, Duration::ZERO);
}

#[test]
fn nothing_open_is_nothing_on_disk() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    for id in 1..4 {
        begin(&mut journal, id);
        journal.commit().unwrap();
        assert_eq!(folder.text().lines().count(), 1);
        journal.note_closed(OpeningId(id));
        journal.commit().unwrap();
        assert_eq!(folder.text(), "");
    }
}

#[test]
fn a_long_journal_is_written_anew() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    begin(&mut journal, 0);
    let (mut longest, mut shorter) = (0, 0);
    for id in 1..10_000 {
        begin(&mut journal, id);
        journal.note_closed(OpeningId(id - 1));
        if id % 100 == 0 {
            journal.commit().unwrap();
            shorter += u32::from(journal.length < longest);
            longest = longest.max(journal.length);
            assert_eq!(fs::metadata(folder.path()).unwrap().len(), journal.length);
        }
    }
    assert!(longest < LARGE + (64 << 10) && shorter > 0, "{longest} {shorter}");
    journal.commit().unwrap();
    drop(journal);
    assert_eq!(ids(&folder.open().1), [9_999]);
}

/// A file that takes nothing: full(4).
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn what_could_not_be_noted_never_will_be() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    begin(&mut journal, 1);
    journal.commit().unwrap();
    let file = std::mem::replace(&mut journal.file, full());
    begin(&mut journal, 2);
    journal.note_lasts(OpeningId(2), STAY);
    journal.note_lasts(OpeningId(1), Duration::ZERO);
    assert!(journal.commit().is_err());
    // As if half of it had been written.
    file.write_all_at(b"0123 {\"opened\":\n", journal.length).unwrap();
    journal.file = file;
    assert!(journal.is_behind());
    begin(&mut journal, 3);
    journal.commit().unwrap();
    drop(journal);
    let (_, left) = folder.open();
    assert_eq!((ids(&left), &left.damaged[..]), (vec![1, 3], &[][..]));
    assert_eq!(left.unclosed[0].left, Duration::ZERO);
}

#[test]
fn what_was_removed_is_put_back() {
    for remove_all in [false, true] {
        let folder = Folder::new();
        let path = folder.0.path().join("state");
        let mut journal = Journal::open(&path).unwrap().0;
        begin(&mut journal, 1);
        journal.commit().unwrap();
        fs::remove_file(path.join(NAME)).unwrap();
        if remove_all {
            fs::remove_dir(&path).unwrap();
        }
        begin(&mut journal, 2);
        journal.commit().unwrap();
        assert!(matches!(Journal::open(&path), Err(OpenError { error: DirectoryError::InUse(_), .. })));
        drop(journal);
        assert_eq!(ids(&Journal::open(&path).unwrap().1), [1, 2]);
    }
}

#[test]
fn that_nothing_is_open_takes_no_room() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    begin(&mut journal, 1);
    journal.commit().unwrap();
    let file = std::mem::replace(&mut journal.file, full());
    journal.note_closed(OpeningId(1));
    assert!(journal.write().is_ok());
    journal.file = file;
    journal.commit().unwrap();
    assert_eq!(folder.text(), "");
}

#[test]
fn a_damaged_journal_is_kept_and_told() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    for id in 1..=3 {
        begin(&mut journal, id);
    }
    journal.commit().unwrap();
    drop(journal);
    let damaged = folder.text().replace("stop 2", "stop X");
    fs::write(folder.path(), &damaged).unwrap();
    let (journal, left) = folder.open();
    assert_eq!((ids(&left), &left.damaged[..]), (vec![1, 3], &[2][..]));
    assert_eq!(fs::read_to_string(folder.0.path().join(DAMAGED)).unwrap(), damaged);
    drop(journal);
    assert!(folder.open().1.damaged.is_empty());
}

#[test]
fn a_directory_without_room_tells_what_to_close_all_the_same() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    begin(&mut journal, 1);
    journal.commit().unwrap();
    drop(journal);
    std::os::unix::fs::symlink("/dev/full", folder.0.path().join("openings.new")).unwrap();
    let OpenError { error, left } = Journal::open(folder.0.path()).unwrap_err();
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert_eq!(ids(&left.unwrap()), [1]);
    assert_eq!(folder.text().lines().count(), 1);
}
