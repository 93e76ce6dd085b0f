//! How the daemon is.

use knockd::control::protocol::{DoorStatus, FilterStatus, Status, WatcherStatus};

use super::{plain, table::table};
use crate::span::Span;

/// Lines of what there is, then a table of doors.
pub(crate) fn status(status: &Status) -> String {
    let configuration = &status.configuration;
    let filter = match status.filter {
        FilterStatus::Exact => "exact: remembers who has begun to knock (extended BPF)",
        FilterStatus::Classic => "classic BPF",
        FilterStatus::Other => "not known to this knockctl",
    };
    let lost = format!("{} packets, {} openings", status.packets_dropped, status.openings_lost);
    let lines = [
        (
            "knockd",
            format!("{}, process {}, up {}", plain(&status.version), status.process, Span(status.up_ms)),
        ),
        (
            "configuration",
            format!("{}, taken {} ago", plain(&configuration.path), Span(configuration.age_ms)),
        ),
        ("listening on", interfaces(status)),
        ("filter", filter.to_owned()),
        ("watcher", watcher(&status.watcher)),
        ("sandbox", sandbox(&status.watcher)),
        ("lost", lost),
    ];
    let outdated = ("", "what the file says now was refused, see the log".to_owned());
    let outdated = configuration.is_outdated.then_some(outdated);
    let (above, below) = lines.split_at(2);
    let lines = above.iter().chain(&outdated).chain(below);
    let rows: Vec<_> = lines.map(|(name, text)| [(*name).to_owned(), text.clone()]).collect();
    let head = ["DOOR", "OPENS", "FOR", "OPEN NOW", "SEQUENCES"].map(str::to_owned);
    let doors: Vec<_> = std::iter::once(head).chain(status.doors.iter().map(door)).collect();
    format!("{}\n{}", table(&rows), table(&doors))
}

fn interfaces(status: &Status) -> String {
    let named = |is_listened_on| {
        let those = status.interfaces.iter().filter(move |one| one.is_listened_on == is_listened_on);
        those.map(|one| plain(&one.name)).collect::<Vec<_>>().join(", ")
    };
    match (named(true), named(false)) {
        (on, waiting) if waiting.is_empty() => on,
        (on, waiting) if on.is_empty() => format!("nothing, waiting for {waiting}"),
        (on, waiting) => format!("{on}; waiting for {waiting}"),
    }
}

fn watcher(watcher: &WatcherStatus) -> String {
    let process =
        watcher.process.map_or("none now, the next one starts soon".to_owned(), |id| format!("process {id}"));
    match watcher.ended {
        0 => process,
        ended => format!("{process}; {ended} before it ended, see the log"),
    }
}

fn sandbox(watcher: &WatcherStatus) -> String {
    match &watcher.keeps[..] {
        _ if !watcher.is_confined => "not known yet".to_owned(),
        [] => "complete".to_owned(),
        keeps => format!("not complete: it {}", plain(&keeps.join(", "))),
    }
}

fn door(door: &DoorStatus) -> [String; 5] {
    let opens = match (&door.opens, door.has_commands) {
        (Some(opens), false) => plain(opens),
        (Some(opens), true) => format!("{}, command", plain(opens)),
        (None, true) => "command".to_owned(),
        (None, false) => "nothing".to_owned(),
    };
    let stay = door.stay_ms.map_or("-".to_owned(), |stay| Span(stay).to_string());
    let open = door.open.map_or("not known".to_owned(), |open| open.to_string());
    let sequences = match (door.is_one_time, door.is_shut) {
        (true, true) => "used up",
        (true, false) => "one-time",
        (false, _) => "fixed",
    };
    [plain(&door.name), opens, stay, open, sequences.to_owned()]
}

#[cfg(test)]
mod tests {
    use knockd::control::protocol::{ConfigurationStatus, InterfaceStatus};

    use super::*;

    fn door(name: &str, opens: Option<&str>) -> DoorStatus {
        DoorStatus {
            name: name.to_owned(),
            opens: opens.map(str::to_owned),
            has_commands: opens.is_none(),
            stay_ms: opens.map(|_| 30_000),
            is_one_time: false,
            is_shut: false,
            open: opens.map_or(Some(1), |_| None),
        }
    }

    #[test]
    fn all_that_matters_at_eighty_columns() {
        let interface =
            |name: &str, is_listened_on| InterfaceStatus { name: name.to_owned(), is_listened_on };
        let told = status(&Status {
            version: "0.1.0".to_owned(),
            process: 4711,
            up_ms: 100_000_000,
            configuration: ConfigurationStatus {
                path: "/etc/knockd.conf".to_owned(),
                age_ms: 61_000,
                is_outdated: true,
            },
            interfaces: vec![interface("eth0", true), interface("wlan0", false)],
            filter: FilterStatus::Exact,
            watcher: WatcherStatus { process: Some(4712), ended: 0, is_confined: true, keeps: Vec::new() },
            packets_dropped: 0,
            openings_lost: 2,
            doors: vec![door("ssh", Some("tcp/22")), door("backup", None)],
        });
        assert_eq!(
            told,
            "knockd         0.1.0, process 4711, up 1 d 3 h\n\
             configuration  /etc/knockd.conf, taken 1 min 1 s ago\n\
             \x20              what the file says now was refused, see the log\n\
             listening on   eth0; waiting for wlan0\n\
             filter         exact: remembers who has begun to knock (extended BPF)\n\
             watcher        process 4712\n\
             sandbox        complete\n\
             lost           0 packets, 2 openings\n\
             \n\
             DOOR    OPENS    FOR   OPEN NOW   SEQUENCES\n\
             ssh     tcp/22   30 s  not known  fixed\n\
             backup  command  -     1          fixed\n"
        );
    }
}
