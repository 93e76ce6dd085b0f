use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// The manager's end, and ours.
struct Conversation {
    theirs: UnixDatagram,
    ours: Manager,
    _directory: TempDir,
}

impl Conversation {
    /// With these variables beside the address.
    fn begin(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path: PathBuf = directory.path().join("notify");
        let theirs = UnixDatagram::bind(&path).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let ours = Manager::named(|wanted| match wanted {
            ADDRESS => Some(path.clone().into()),
            _ => variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).into()),
        });
        Self { theirs, ours: ours.unwrap(), _directory: directory }
    }

    fn heard(&self) -> Option<String> {
        let mut buffer = [0; 512];
        let length = self.theirs.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }
}

const START: Moment = Moment::from_nanos(1_000_000_000);

#[test]
fn without_a_manager_nothing_is_due() {
    for address in [None, Some(OsString::new())] {
        let mut nobody =
            Manager::named(|name| if name == ADDRESS { address.clone() } else { Some("2000000".into()) })
                .unwrap();
        nobody.ready(START, "fine");
        nobody.reloading(START);
        assert!(!nobody.is_there() && !nobody.is_reloading());
        assert_eq!(nobody.next_deadline(), None);
    }
}

#[test]
fn an_address_that_nobody_has_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let nobody = directory.path().join("nobody");
    assert!(Manager::named(|name| (name == ADDRESS).then(|| nobody.clone().into())).is_err());
}

#[test]
fn a_name_in_no_folder_is_an_address() {
    let name = format!("knockd-manager-test-{}", process::id());
    let theirs = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let mut ours = Manager::named(|wanted| (wanted == ADDRESS).then(|| format!("@{name}").into())).unwrap();
    ours.ready(START, "fine");
    let mut buffer = [0; 64];
    let length = theirs.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"READY=1\nSTATUS=fine");
}

#[test]
fn a_life_is_told_in_its_order() {
    let mut talk = Conversation::begin(&[]);
    talk.ours.ready(START, "two\nlines");
    assert_eq!(talk.heard().as_deref(), Some("READY=1\nSTATUS=two lines"));
    let before = clock::monotonic().as_micros();
    talk.ours.reloading(START);
    assert!(talk.ours.is_reloading());
    let reloading = talk.heard().unwrap();
    let began: u128 = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
    assert!((before..=clock::monotonic().as_micros()).contains(&began), "{before} {began}");
    talk.ours.ready(START, "fine");
    assert!(!talk.ours.is_reloading());
    assert_eq!(talk.heard().as_deref(), Some("READY=1\nSTATUS=fine"));
    talk.ours.stopping(START, "closing doors");
    assert_eq!(talk.heard().as_deref(), Some("STOPPING=1\nWATCHDOG=1\nSTATUS=closing doors"));
    assert_eq!((talk.heard(), talk.ours.next_deadline()), (None, None), "nobody is woken up");
}

#[test]
fn who_is_watched_shows_life_twice_in_the_time() {
    let mut talk = Conversation::begin(&[(WATCHDOG, "2000000")]);
    let first = talk.ours.next_deadline().unwrap();
    talk.ours.pass_time(first);
    assert_eq!(talk.heard().as_deref(), Some(ALIVE));
    let next = first.after(Duration::from_secs(1));
    assert_eq!(talk.ours.next_deadline(), Some(next));
    talk.ours.pass_time(first.after(Duration::from_millis(999)));
    assert_eq!(talk.heard(), None);
    talk.ours.pass_time(next);
    assert_eq!(talk.heard().as_deref(), Some(ALIVE));
}

#[test]
fn the_watchdog_may_be_meant_for_somebody_else() {
    let own = process::id().to_string();
    let second = Some(Duration::from_secs(1));
    for (microseconds, watched, interval) in [
        (Some("2000000"), None, second),
        (Some("2000000"), Some(own.as_str()), second),
        (Some("2000000"), Some("1"), None),
        (Some("2000000"), Some("?"), None),
        (Some("0"), None, None),
        (Some("soon"), None, None),
        (None, Some(own.as_str()), None),
    ] {
        let told = watchdog_interval(microseconds.map(OsStr::new), watched.map(OsStr::new));
        assert_eq!(told, interval, "{microseconds:?} {watched:?}");
    }
}

#[test]
fn a_manager_that_is_busy_holds_up_nobody_and_misses_nothing() {
    let mut talk = Conversation::begin(&[]);
    let mut now = START;
    // More than its queue holds (net.unix.max_dgram_qlen).
    let mut told = 0;
    while talk.ours.next_deadline().is_none() {
        talk.ours.ready(now, &told.to_string());
        told += 1;
        assert!(told < 100_000, "its queue has no end");
    }
    talk.ours.stopping(now, "the end");
    for expected in 0..told {
        if talk.ours.next_deadline().is_some() && expected > 0 {
            talk.ours.pass_time(now);
            now = now.after(AGAIN);
        }
        assert_eq!(talk.heard(), Some(format!("READY=1\nSTATUS={expected}")));
    }
    talk.ours.pass_time(now);
    assert_eq!(talk.heard().as_deref(), Some("STOPPING=1\nWATCHDOG=1\nSTATUS=the end"));
    assert_eq!(talk.ours.next_deadline(), None);
}
