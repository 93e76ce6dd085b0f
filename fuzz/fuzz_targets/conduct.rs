//! A watcher that says anything at all, at any time: what the monitor takes for possible stays within its bounds.
//!
//! Each step of the input is a byte for what happens beside the report, two for how much time passes, and a report.
#![no_main]

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU16,
    time::Duration,
};

use knock_core::{
    door::{Door, DoorNumber, FlagRule, WrongPort},
    event::What,
    host,
    moment::Moment,
    sequence::{Knock, Protocol, Sequence},
};
use knockd::ipc::{Conduct, LENGTH, Report};
use libfuzzer_sys::fuzz_target;

/// How many bytes of a report the input has: the longest has 65.
const REPORT: usize = 80;

/// The one source that is explained, now and then.
const EXPLAINED: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

fuzz_target!(|input: &[u8]| {
    let Some((first, input)) = input.split_first() else { return };
    let explains = first % 2 == 1;
    let mut conduct = Conduct::new(explains);
    let (mut now, mut asked, mut ready, mut confined) = (Moment::default(), 0_u64, 0_u64, false);
    let mut openings: BTreeMap<DoorNumber, u64> = BTreeMap::new();
    for step in input.chunks(3 + REPORT) {
        let [beside, fine, coarse, bytes @ ..] = step else { break };
        now = now.after(Duration::from_millis(u64::from(*fine) << (coarse % 32)));
        if beside % 4 == 0 {
            conduct.ask();
            asked += 1;
        }
        match beside % 8 {
            1 => conduct.explain(EXPLAINED),
            2 => conduct.explain_no_more(EXPLAINED),
            _ => {}
        }
        let mut frame = [0; LENGTH];
        frame[..bytes.len()].copy_from_slice(bytes);
        let Ok(report) = Report::decode(&frame) else { continue };
        // A flood, now and then.
        for _ in 0..if *beside == 255 { 3000 } else { 1 } {
            if conduct.examine(now, &report, find).is_err() {
                continue;
            }
            assert_eq!(matches!(report, Report::Confined(_)), !confined);
            confined = true;
            match report {
                Report::Ready(_) => ready += 1,
                Report::Happened(event) => {
                    let is_ignored = matches!(event.what, What::Ignored { .. });
                    assert!(if is_ignored { explains } else { !host::is_nobody(event.source) });
                    if let (What::Opened(stage), Some(door)) = (event.what, find(event.door)) {
                        assert_eq!(usize::from(stage), door.sequence.knocks().len());
                        *openings.entry(event.door).or_default() += 1;
                    }
                }
                Report::Explained(explanation) => {
                    assert_eq!(explanation.event.source, EXPLAINED);
                    assert_eq!(explanation.packet.is_some(), explanation.event.what.is_of_a_hit());
                }
                _ => {}
            }
        }
        assert!(ready <= asked);
        assert_eq!(conduct.owes_answer(), ready < asked);
        let most = 30_000 + now.as_nanos() / 50_000_000;
        assert!(openings.values().all(|count| *count <= most));
    }
});

/// Four doors, one of them with one-time sequences.
fn find(number: DoorNumber) -> Option<Door> {
    let knocks = usize::try_from(number.0).ok().filter(|number| *number < 4)? + 1;
    let knock = Knock { port: NonZeroU16::MIN, protocol: Protocol::Udp };
    Some(Door {
        number,
        sequence: Sequence::new(&vec![knock; knocks]).expect("one to four knocks"),
        timeout: Duration::from_secs(25),
        flags: FlagRule::default(),
        wrong_port: WrongPort::Discard,
        target: None,
        one_time: number.0 == 3,
        after: None,
    })
}
