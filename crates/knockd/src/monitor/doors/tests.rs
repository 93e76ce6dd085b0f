use std::fs;

use knock_core::config;

use super::*;

const FIXED: &str = "[ssh]\nSequence = 7000,8000,9000\nCommand = true\n";

fn configs(text: &str) -> Vec<DoorConfig> {
    config::read("knockd.conf", text.as_bytes()).unwrap().config.doors
}

fn put_up(doors: &mut Doors, text: &str) -> Changes {
    let prepared = doors.prepare(configs(text)).unwrap();
    doors.replace(prepared)
}

fn numbers<'a>(doors: impl IntoIterator<Item = &'a Door>) -> Vec<u32> {
    doors.into_iter().map(|door| door.number.0).collect()
}

/// The numbers and the sequences of those that stand.
fn in_force(doors: &Doors) -> Vec<(u32, String)> {
    let doors = doors.standing().filter_map(Standing::door);
    doors.map(|door| (door.number.0, door.sequence.to_string())).collect()
}

/// Those that come after others, and after which: their numbers.
fn coming<'a>(doors: impl IntoIterator<Item = &'a Door>) -> Vec<(u32, u32)> {
    let doors = doors.into_iter();
    doors.filter_map(|door| door.after.map(|before| (door.number.0, before.0))).collect()
}

/// Doors with one one-time door whose file holds this.
fn one_time(sequences: &str) -> (tempfile::TempDir, Doors, Changes) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sequences"), sequences).unwrap();
    let mut doors = Doors::new(folder.path().to_owned());
    let changes = put_up(&mut doors, "[ssh]\nOne_Time_Sequences = sequences\nCommand = true\n");
    (folder, doors, changes)
}

#[test]
fn what_stays_the_same_keeps_its_number_and_nothing_else_does() {
    let mut doors = Doors::new("/".into());
    let two = format!("{FIXED}[mail]\nSequence = 5000,4000,6000\nCommand = true\n");
    assert_eq!(numbers(&put_up(&mut doors, &two).added), [0, 1]);
    // Another command is no other door for the watcher; the order in the file isn't either.
    let turned = "[mail]\nSequence = 5000,4000,6000\nCommand = false\n[ssh]\nSequence = 7000,8000,9000\nCommand = true\n";
    assert_eq!(put_up(&mut doors, turned), Changes::default());
    assert_eq!(doors.find(DoorNumber(1)).unwrap().config.start("10.0.0.1".parse().unwrap()), Some("false"));
    let changed = put_up(&mut doors, &FIXED.replace("9000", "9001"));
    assert_eq!(numbers(&changed.added), [2]);
    assert_eq!(changed.removed.iter().map(|number| number.0).collect::<Vec<_>>(), [1, 0]);
    assert!(doors.find(DoorNumber(0)).is_some());
    doors.forget_retired();
    assert!(doors.find(DoorNumber(0)).is_none());
}

#[test]
fn doors_of_the_same_name_are_told_apart() {
    let mut doors = Doors::new("/".into());
    let twice = format!("{FIXED}{}", FIXED.replace("7000", "6000"));
    assert_eq!(numbers(&put_up(&mut doors, &twice).added), [0, 1]);
    assert_eq!(put_up(&mut doors, &twice), Changes::default());
}

#[test]
fn a_used_sequence_is_struck_out_before_the_next_comes_into_force() {
    let (folder, mut doors, changes) = one_time(" 1,3,2\n 4,6,5\n");
    assert_eq!(numbers(&changes.added), [0, 1]);
    let (changes, marked) = doors.use_up(DoorNumber(0));
    assert!(marked.is_ok());
    assert_eq!(fs::read_to_string(folder.path().join("sequences")).unwrap(), "#1,3,2\n 4,6,5\n");
    assert_eq!((changes.removed, changes.added), (vec![DoorNumber(0)], vec![]), "the other is known");
    assert_eq!(in_force(&doors), [(1, "4:tcp,6:tcp,5:tcp".to_owned())]);
    assert!(doors.find(DoorNumber(0)).is_none());
    let (changes, marked) = doors.use_up(DoorNumber(1));
    assert!(marked.is_ok() && changes.added.is_empty());
    assert_eq!(changes.lines.last(), Some(&Line::OneTimeEmpty { door: "ssh".into() }));
    assert_eq!(doors.doors().count(), 0);
}

#[test]
fn what_was_completed_before_a_reload_still_opens_and_uses_up() {
    let (folder, mut doors, _) = one_time(" 1,3,2\n 4,6,5\n");
    let quicker = "[ssh]\nOne_Time_Sequences = sequences\nSeq_Timeout = 5\nCommand = true\n";
    let changes = put_up(&mut doors, quicker);
    assert_eq!(numbers(&changes.added), [2, 3]);
    assert_eq!(changes.removed, [DoorNumber(0), DoorNumber(1)]);
    let (changes, marked) = doors.use_up(DoorNumber(0));
    assert!(marked.is_ok());
    assert_eq!(fs::read_to_string(folder.path().join("sequences")).unwrap(), "#1,3,2\n 4,6,5\n");
    // The door that stands now must not wait for the same.
    assert_eq!(changes.removed, [DoorNumber(2)]);
    assert_eq!(in_force(&doors), [(3, "4:tcp,6:tcp,5:tcp".to_owned())]);
    // Both may have been completed before.
    let (changes, marked) = doors.use_up(DoorNumber(1));
    assert!(marked.is_ok());
    assert_eq!(changes.removed, [DoorNumber(3)]);
    assert_eq!(in_force(&doors), []);
}

#[test]
fn doors_with_the_same_file_go_on_together() {
    let (folder, mut doors, _) = one_time("1,3,2\n4,6,5\n");
    let door = "[ssh]\nOne_Time_Sequences = sequences\nCommand = true\n";
    put_up(&mut doors, &format!("{door}{}", door.replace("ssh", "mail")));
    let (changes, marked) = doors.use_up(DoorNumber(0));
    assert!(marked.is_ok());
    assert_eq!((changes.removed.len(), changes.added.len()), (2, 0));
    let in_force = in_force(&doors);
    assert_eq!(in_force.len(), 2);
    assert!(in_force.iter().all(|(_, sequence)| sequence == "4:tcp,6:tcp,5:tcp"));
    drop(folder);
}

#[test]
fn the_watcher_knows_the_next_lines_ahead() {
    let lines =
        |ports: std::ops::Range<u32>| ports.map(|port| format!("{port}\n")).collect::<Vec<_>>().concat();
    let (folder, mut doors, changes) = one_time(&lines(1..10));
    let ahead: Vec<_> = (1..=7).map(|number| (number, number - 1)).collect();
    assert_eq!(coming(&changes.added), ahead);
    // One is used, one comes into sight.
    let (changes, _) = doors.use_up(DoorNumber(0));
    assert_eq!(coming(&changes.added), [(8, 7)]);
    assert_eq!(numbers(&doors.doors().collect::<Vec<_>>()), (1..=8).collect::<Vec<_>>());
    // A report of one whose turn it isn't uses up nothing.
    assert!(doors.find(DoorNumber(2)).is_none());
    assert_eq!(doors.use_up(DoorNumber(2)).0, Changes::default());
    // Another file, another future; who is at the one in force stays there.
    fs::write(folder.path().join("sequences"), "2\n3\n9\n").unwrap();
    let changes = put_up(&mut doors, "[ssh]\nOne_Time_Sequences = sequences\nCommand = true\n");
    assert_eq!(changes.removed, (3..=8).map(DoorNumber).collect::<Vec<_>>());
    assert_eq!(coming(&changes.added), [(9, 2)]);
    // So it is if that is found out when one is used.
    fs::write(folder.path().join("sequences"), "2\n30\n").unwrap();
    let (changes, marked) = doors.use_up(DoorNumber(1));
    assert!(marked.is_ok());
    assert_eq!(changes.removed, [1, 2, 9].map(DoorNumber));
    assert_eq!(in_force(&doors), [(10, "30:tcp".to_owned())]);
}

#[test]
fn a_watcher_that_is_ahead_begins_again() {
    let (_folder, mut doors, _) = one_time("1\n2\n3\n");
    let changes = doors.go_back(DoorNumber(2));
    assert_eq!(changes.removed, [0, 1, 2].map(DoorNumber));
    assert_eq!((numbers(&changes.added), coming(&changes.added)), (vec![3, 4, 5], vec![(4, 3), (5, 4)]));
    assert_eq!(in_force(&doors), [(3, "1:tcp".to_owned())]);
    for number in [2, 3, 99] {
        assert!(doors.go_back(DoorNumber(number)).is_empty());
    }
}

#[test]
fn a_sequence_that_could_not_be_struck_out_never_comes_back() {
    let (folder, mut doors, _) = one_time(" 1,3,2\n 4,6,5\n");
    let path = folder.path().join("sequences");
    // A directory in its place can't be marked, whoever we are.
    let aside = folder.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    let (changes, marked) = doors.use_up(DoorNumber(0));
    assert!(marked.is_err() && changes.added.is_empty());
    assert_eq!(changes.removed, [DoorNumber(0), DoorNumber(1)]);
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    let changes = put_up(&mut doors, "[ssh]\nOne_Time_Sequences = sequences\nCommand = true\n");
    assert_eq!(changes.added.first().unwrap().sequence.to_string(), "4:tcp,6:tcp,5:tcp");
    assert_eq!(fs::read_to_string(&path).unwrap(), "#1,3,2\n 4,6,5\n");
}

#[test]
fn a_file_that_somebody_has_changed_opens_nothing_and_is_in_force_as_it_is() {
    let (folder, mut doors, _) = one_time("1,3,2\n");
    fs::write(folder.path().join("sequences"), "7,9,8\n").unwrap();
    let (changes, marked) = doors.use_up(DoorNumber(0));
    assert!(matches!(marked, Err((_, MarkError::Changed))));
    assert_eq!(changes.added.first().unwrap().sequence.to_string(), "7:tcp,9:tcp,8:tcp");
}

#[test]
fn a_file_that_cannot_be_read_changes_nothing() {
    let (_folder, mut doors, _) = one_time("0,1\n1,3,2\n");
    let error = doors.prepare(configs("[mail]\nOne_Time_Sequences = gone\nCommand = true\n")).unwrap_err();
    assert!(error.to_string().contains("mail: cannot read the one-time sequences in /"), "{error}");
    assert_eq!(numbers(&doors.doors().collect::<Vec<_>>()), [0]);
}

#[test]
fn lines_that_are_no_sequences_are_told() {
    let (_folder, _doors, changes) = one_time("0,1\n1,3,2\n");
    assert!(matches!(changes.lines.first(), Some(Line::NoSequence { .. })), "{:?}", changes.lines);
}

#[test]
fn changes_that_come_one_after_the_other_are_told_as_one() {
    let mut doors = Doors::new("/".into());
    let mut told = put_up(&mut doors, FIXED);
    told.merge(put_up(&mut doors, &FIXED.replace("9000", "9001")));
    assert_eq!((numbers(&told.added), told.removed), (vec![1], vec![]), "the first was never told of");
    let mut later = put_up(&mut doors, &FIXED.replace("9000", "9002"));
    later.merge(put_up(&mut doors, ""));
    assert_eq!((numbers(&later.added), &later.removed[..]), (vec![], &[DoorNumber(1)][..]));
    assert!(!later.is_empty() && Changes::default().is_empty());
}
