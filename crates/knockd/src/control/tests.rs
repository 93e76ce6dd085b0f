//! The socket with clients, and somebody in the place of the monitor.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    thread,
};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, WrongPort},
    event::{Event, What},
    explanation::Explanation,
    moment::Moment,
};
use tempfile::TempDir;

use super::{
    protocol::{Happening, List, RefusalKind},
    *,
};
use crate::{
    explain::Reader,
    log::{Line, Log, LogOptions},
};

struct Site {
    control: Control,
    path: PathBuf,
    _folder: TempDir,
}

struct Visitor(BufReader<UnixStream>);

fn site() -> (Site, Tap) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("knockd.sock");
    let (control, tap) = Control::start(ControlSocket::bind(&path).unwrap()).unwrap();
    (Site { control, path, _folder: folder }, tap)
}

impl Site {
    fn visitor(&self) -> Visitor {
        let mut visitor = self.nameless();
        assert!(matches!(visitor.hears(), Said::Hello(hello) if hello.protocol == protocol::VERSION));
        visitor
    }

    /// One who has not read the first line.
    fn nameless(&self) -> Visitor {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Visitor(BufReader::new(stream))
    }

    /// What the monitor is asked next.
    fn demand(&self) -> Demand {
        loop {
            if let Some(demand) = self.control.next() {
                return demand;
            }
            thread::yield_now();
        }
    }
}

impl Visitor {
    fn says(&mut self, line: &str) {
        self.0.get_mut().write_all(line.as_bytes()).unwrap();
    }

    fn hears(&mut self) -> Said {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        Said::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn is_dropped(&mut self) -> bool {
        self.0.read_to_end(&mut Vec::new()).is_ok()
    }
}

#[test]
fn answers_come_in_the_order_of_requests() {
    let (site, _tap) = site();
    let mut visitor = site.visitor();
    visitor.says("{\"list\":{}}\n{\"sequences\":{}}\nnonsense\n{\"list\":{}}\n");
    let demand = site.demand();
    assert!(site.control.next().is_none(), "one after the other");
    site.control.answer(&demand, Ok(Said::List(List { left_out: 1, ..List::default() })));
    let demand = site.demand();
    assert_eq!(demand.request, Request::Sequences {});
    site.control.answer_with(&demand, || Err(Refusal::new(RefusalKind::Failed, "no")));
    let demand = site.demand();
    site.control.answer(&demand, Ok(Said::List(List { left_out: 2, ..List::default() })));
    assert!(matches!(visitor.hears(), Said::List(list) if list.left_out == 1));
    assert_eq!(visitor.hears(), Said::Refused(Refusal::new(RefusalKind::Failed, "no")));
    assert!(matches!(visitor.hears(), Said::Refused(refusal) if refusal.kind == RefusalKind::Malformed));
    assert!(matches!(visitor.hears(), Said::List(list) if list.left_out == 2));
}

#[test]
fn who_says_nothing_more_is_still_answered() {
    let (site, _tap) = site();
    let mut visitor = site.visitor();
    visitor.says("{\"list\":{}}\n");
    visitor.0.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    site.control.answer(&site.demand(), Ok(Said::List(List::default())));
    assert_eq!(visitor.hears(), Said::List(List::default()));
    assert!(visitor.is_dropped());
}

#[test]
fn a_line_that_is_too_long_ends_it() {
    let (site, _tap) = site();
    let mut visitor = site.visitor();
    // It may be gone before all is written.
    let _ = visitor.0.get_mut().write_all(&b"x".repeat(100_000));
    assert!(matches!(visitor.hears(), Said::Refused(refusal) if refusal.kind == RefusalKind::TooLong));
    let _ = visitor.0.read_to_end(&mut Vec::new());
}

#[test]
fn a_thousand_idle_ones_keep_nobody_out() {
    let (site, _tap) = site();
    let idle: Vec<_> = (0..1000).map(|_| site.nameless()).collect();
    for _ in 0..20 {
        let mut visitor = site.visitor();
        visitor.says("{\"list\":{}}\n");
        site.control.answer(&site.demand(), Ok(Said::List(List::default())));
        assert_eq!(visitor.hears(), Said::List(List::default()));
    }
    drop(idle);
}

#[test]
fn who_watches_hears_what_is_said_and_others_nothing() {
    let (site, tap) = site();
    let mut log = Log::start(&LogOptions::default()).unwrap();
    log.set_tap(tap);
    let (mut idle, mut visitor) = (site.visitor(), site.visitor());
    log.say(Line::PacketsDropped { count: 1 });
    visitor.says("{\"watch\":{}}\n");
    assert_eq!(visitor.hears(), Said::Watching {});
    log.keep_back();
    log.say(Line::PacketsDropped { count: 2 });
    log.say(Line::debug("what only the curious want"));
    log.release();
    log.leave_out(crate::log::Kind::PacketsDropped, 3);
    let mut next = || match visitor.hears() {
        Said::Event(event) => event.what,
        other => panic!("{other:?}"),
    };
    assert_eq!(next(), Happening::PacketsDropped { count: 2 });
    assert!(matches!(next(), Happening::Log { level, .. } if level == "debug"));
    assert!(matches!(next(), Happening::LeftOut { count: 3, .. }));
    log.say(Line::ShuttingDown);
    log.finish();
    site.control.finish();
    assert_eq!(next(), Happening::Ending {});
    assert!(idle.is_dropped() && visitor.is_dropped());
}

#[test]
fn who_does_not_read_holds_up_nobody_and_learns_how_much_he_has_missed() {
    const COUNT: u64 = 20_000;
    let (site, tap) = site();
    let mut log = Log::start(&LogOptions::default()).unwrap();
    log.set_tap(tap);
    let mut visitor = site.visitor();
    visitor.says("{\"watch\":{}}\n");
    assert_eq!(visitor.hears(), Said::Watching {});
    for count in 0..COUNT {
        log.say(Line::OpeningsLost { count });
    }
    let mut heard = 0;
    let last = |said: &Said| matches!(said, Said::Event(event) if event.what == Happening::Ending {});
    loop {
        // What was too much is only told with what comes later.
        log.say(Line::ShuttingDown);
        match visitor.hears() {
            said if last(&said) && heard >= COUNT => break,
            Said::Event(event) => match event.what {
                Happening::OpeningsLost { .. } => heard += 1,
                Happening::Missed { count } => heard += count,
                _ => {}
            },
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn when_the_end_is_near_nothing_is_asked_any_more() {
    let (mut site, _tap) = site();
    let mut visitor = site.visitor();
    visitor.says("{\"list\":{}}\n");
    let demand = site.demand();
    site.control.close();
    assert!(!site.path.exists());
    // What was asked before is answered.
    site.control.answer(&demand, Ok(Said::List(List::default())));
    assert_eq!(visitor.hears(), Said::List(List::default()));
    visitor.says("{\"status\":{}}\n");
    assert!(matches!(visitor.hears(), Said::Refused(refusal) if refusal.kind == RefusalKind::Ending));
}

fn found(source: [u8; 4], reader: Reader) -> Finding {
    let door = Door {
        number: DoorNumber(0),
        sequence: "7000,8000".parse().unwrap(),
        timeout: Duration::from_secs(10),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: false,
        after: None,
    };
    let event =
        Event { at: Moment::default(), door: DoorNumber(0), source: source.into(), what: What::TimedOut(1) };
    Finding::of(&Explanation::of_time(event), "ssh", &door, jiff::Timestamp::UNIX_EPOCH, reader)
}

fn find(site: &Site, source: [u8; 4]) {
    let [whole, harmless] = [Reader::OfConfiguration, Reader::Stranger].map(|reader| found(source, reader));
    site.control.find(Found { source: source.into(), whole, harmless });
}

#[test]
fn who_has_a_source_explained_is_told_of_it_and_of_no_other_until_he_goes() {
    let (site, tap) = site();
    let mut log = Log::start(&LogOptions::default()).unwrap();
    log.set_tap(tap);
    let mut visitor = site.visitor();
    visitor.says("{\"explain\":{\"source\":\"10.0.0.2\"}}\n");
    let demand = site.demand();
    let source = [10, 0, 0, 2];
    assert_eq!(demand.request, Request::Explain { source: source.into() });
    site.control.explain(&demand, source.into());
    assert_eq!(visitor.hears(), Said::Explaining {});
    find(&site, [10, 0, 0, 3]);
    find(&site, source);
    assert_eq!(visitor.hears(), Said::Finding(Box::new(found(source, Reader::OfConfiguration))));
    site.control.leave_out(7);
    assert_eq!(visitor.hears(), Said::FindingsLeftOut { count: 7 });
    for source in [[10, 0, 0, 3], source] {
        log.say(Line::CommandTimeout { source: source.into(), door: "ssh".into() });
    }
    let expired = Happening::Expired { door: "ssh".to_owned(), source: source.into() };
    assert!(matches!(visitor.hears(), Said::Event(event) if event.what == expired));
    assert_eq!(site.control.next_unexplained(), None);
    drop(visitor);
    await_unexplained(&site, source);
}

fn await_unexplained(site: &Site, source: [u8; 4]) {
    loop {
        if let Some(unexplained) = site.control.next_unexplained() {
            assert_eq!(unexplained, std::net::IpAddr::from(source));
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn who_goes_before_he_is_answered_has_nothing_explained() {
    let (site, _tap) = site();
    let mut visitor = site.visitor();
    visitor.says("{\"explain\":{\"source\":\"10.0.0.2\"}}\n");
    let demand = site.demand();
    drop(visitor);
    site.control.explain(&demand, [10, 0, 0, 2].into());
    await_unexplained(&site, [10, 0, 0, 2]);
}
