//! What the two halves of the built daemon have given up, and that they do their work without it.

mod daemon;
mod monitor;
mod process;
mod puppet;

use std::process::ExitCode;

use nix::{sys::signal::Signal, unistd::User};
use socket2::SockFilter;
use trials::{
    net::{Lab, PATIENCE, Wire, await_some},
    packet::Packet,
    sandbox::{self, trial},
    trouble::{Outcome, Trouble},
};

use self::{daemon::Daemon, process::Process};

fn main() -> ExitCode {
    sandbox::run(|| {
        let watcher = vec![
            trial("the_watcher_has_no_rights", the_watcher_has_no_rights),
            trial("the_watcher_holds_nothing_but_its_own", the_watcher_holds_nothing_but_its_own),
            trial("another_user_can_be_chosen", another_user_can_be_chosen),
            trial("a_user_that_is_none_is_fatal", a_user_that_is_none_is_fatal),
            trial("what_is_lacking_is_told_once", what_is_lacking_is_told_once),
            trial("what_is_required_and_lacking_is_fatal", what_is_required_and_lacking_is_fatal),
            trial("doors_open_in_a_flood", doors_open_in_a_flood),
            trial("a_new_interface_is_handed_over", a_new_interface_is_handed_over),
            trial("the_first_socket_may_come_later", the_first_socket_may_come_later),
            trial("nobody_changes_what_the_watcher_hears", || nobody_changes_what_the_watcher_hears(&[])),
            trial("nobody_does_with_classic_filters", || {
                nobody_changes_what_the_watcher_hears(&["setpriv", "--bounding-set=-bpf"])
            }),
            trial("a_forbidden_call_is_told_and_fatal", a_forbidden_call_is_told_and_fatal),
            trial("a_call_without_a_name_is_told_by_its_number", a_call_without_a_name_is_told_by_its_number),
            trial("who_does_what_it_may_not_is_replaced", who_does_what_it_may_not_is_replaced),
        ];
        Ok(watcher.into_iter().chain(monitor::trials()).collect())
    })
}

/// What a user of no weight can be given: a number other than root's, if there are others here.
fn there_are_other_users() -> Outcome<bool> {
    let map = std::fs::read_to_string("/proc/self/uid_map")?;
    let count = map.split_whitespace().nth(2).and_then(|count| count.parse::<u32>().ok());
    Ok(map.lines().count() == 1 && count.is_some_and(|count| count > 65534))
}

fn expect(what: &str, is: &str, wanted: &str) -> Outcome {
    if is == wanted {
        return Ok(());
    }
    Err(Trouble::new(format!("{what} is {is:?} instead of {wanted:?}")))
}

/// The number of a user, four times: the real, the effective, the saved one, and the one of file systems.
fn four(number: u32) -> String {
    [number; 4].map(|number| number.to_string()).join("\t")
}

fn expect_no_rights(watcher: Process, user: &str) -> Outcome {
    let (uid, gid) = match User::from_name(user)? {
        Some(user) if there_are_other_users()? => (user.uid.as_raw(), user.gid.as_raw()),
        Some(_) => (0, 0),
        None => return Err(Trouble::new(format!("no user {user} here"))),
    };
    expect("Uid", &watcher.status("Uid")?, &four(uid))?;
    expect("Gid", &watcher.status("Gid")?, &four(gid))?;
    if there_are_other_users()? {
        expect("Groups", &watcher.status("Groups")?, "")?;
    }
    for set in ["CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb"] {
        expect(set, &watcher.status(set)?, "0000000000000000")?;
    }
    expect("NoNewPrivs", &watcher.status("NoNewPrivs")?, "1")?;
    expect("Seccomp", &watcher.status("Seccomp")?, "2")?;
    for (limit, wanted) in [
        ("Max file size", "0 0"),
        ("Max core file size", "0 0"),
        ("Max processes", "0 0"),
        ("Max open files", "256 256"),
    ] {
        expect(limit, &watcher.limit(limit)?, wanted)?;
    }
    Ok(())
}

fn the_watcher_has_no_rights() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Daemon::start(&lab, &["-i", "eth0"])?;
    let usual = if User::from_name("knockd")?.is_some() { "knockd" } else { "nobody" };
    expect_no_rights(daemon.watcher()?, usual)?;
    let monitor = daemon.monitor();
    expect("the monitor's Uid", &monitor.status("Uid")?, &four(0))?;
    expect("the monitor's Seccomp", &monitor.status("Seccomp")?, "0")
}

fn the_watcher_holds_nothing_but_its_own() -> Outcome {
    let lab = Lab::new()?;
    lab.plug("eth1")?;
    let daemon = Daemon::start(&lab, &["-i", "eth0,eth1"])?;
    let watcher = daemon.watcher()?;
    let packets = watcher.packet_sockets()?;
    expect("the number of packet sockets", &packets.len().to_string(), "2")?;
    let descriptors = watcher.descriptors()?;
    let error = daemon.standard_error();
    let others: Vec<_> = descriptors
        .iter()
        .filter(|(number, target)| {
            !(packets.contains(target) || [1, 2].contains(number) && **target == error)
        })
        .collect();
    // Its end of the conversation, twice, and what wakes it.
    let [(0, channel), (3, same), (4, alarm)] = others.as_slice() else {
        return Err(Trouble::new(format!("it has open: {descriptors:?}")));
    };
    if channel != same || !channel.starts_with("socket:") || *alarm != "anon_inode:[timerfd]" {
        return Err(Trouble::new(format!("it has open: {descriptors:?}")));
    }
    Ok(())
}

fn another_user_can_be_chosen() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start(&lab, &["-i", "eth0", "--user", "daemon"])?;
    expect_no_rights(daemon.watcher()?, "daemon")?;
    daemon.expect_to_open("CLIENT")
}

fn a_user_that_is_none_is_fatal() -> Outcome {
    let lab = Lab::new()?;
    for (user, wanted) in [
        ("no-such-user", "knockd: --user no-such-user: there is no such user in /etc/passwd; "),
        ("root", "knockd: --user root: it has the user or group number of root, or none; "),
    ] {
        let (status, said) = daemon::refused(&lab, &[], &["--user", user])?;
        let lines: Vec<&str> = said.lines().collect();
        if status != Some(1) || lines.len() != 1 || !said.starts_with(wanted) {
            return Err(Trouble::new(format!("status {status:?}: {said}")));
        }
    }
    Ok(())
}

/// Without the right to change its user, in a start of a program that can't have it.
const NO_CHANGE: [&str; 2] = ["setpriv", "--bounding-set=-setuid"];

const LACKING: &str =
    "the process that looks at packets is not fully confined: it keeps the user that knockd was started by";

fn what_is_lacking_is_told_once() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start_by(&lab, &NO_CHANGE, &["-i", "eth0"])?;
    let first = daemon.watcher()?;
    first.signal(Signal::SIGKILL)?;
    daemon.watcher_after(first)?;
    daemon.expect_to_open("CLIENT")?;
    let told = daemon.log().lines().iter().filter(|line| line.starts_with(LACKING)).count();
    expect("the number of lines about it", &told.to_string(), "1")
}

fn what_is_required_and_lacking_is_fatal() -> Outcome {
    let lab = Lab::new()?;
    let (status, said) = daemon::refused(&lab, &NO_CHANGE, &["--require-sandbox"])?;
    if status != Some(1) || said.lines().count() != 1 || !said.starts_with(&format!("knockd: {LACKING}")) {
        return Err(Trouble::new(format!("status {status:?}: {said}")));
    }
    if !there_are_other_users()? {
        return Ok(());
    }
    // Where nothing is lacking it starts, and has nothing to say about it.
    let mut daemon = Daemon::start(&lab, &["-i", "eth0", "--require-sandbox"])?;
    daemon.expect_to_open("CLIENT")?;
    match daemon.log().lines().iter().find(|line| line.contains("confined")) {
        Some(line) => Err(Trouble::new(format!("it says {line:?}"))),
        None => Ok(()),
    }
}

/// Many attempts at once and far more hits than can be told one by one: all that the watcher ever does, in one go.
fn doors_open_in_a_flood() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start(&lab, &["-i", "eth0"])?;
    let watcher = daemon.watcher()?;
    let (wire, mut serial) = (Wire::open(lab.client(), "eth0")?, 0);
    for source in (1..=250).cycle().take(3000) {
        let first = format!("tcp 198.51.100.{source} > SERVER:7000");
        let others = format!("udp OTHER6 > SERVER6:{source},9000,{source}");
        for packet in [first.as_str(), &others, "tcp OTHER6 > SERVER6:7000,7000,8000"] {
            for frame in packet.parse::<Packet>()?.frames(&mut serial)? {
                wire.send(&frame.bytes())?;
            }
        }
    }
    for client in ["CLIENT", "CLIENT6"] {
        daemon.expect_to_open(client)?;
    }
    // Attempts end while nothing comes in.
    daemon.log().await_part("198.51.100.250: ssh: sequence timeout (stage 1)")?;
    expect("the watcher", &daemon.watcher()?.to_string(), &watcher.to_string())
}

fn a_new_interface_is_handed_over() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start(&lab, &[])?;
    let watcher = daemon.watcher()?;
    daemon.reload("eth0, eht1")?;
    daemon.log().await_part(
        "stays unused, the running configuration in force: 1 mistake, first: there is no interface eht1",
    )?;
    lab.plug("eth1")?;
    daemon.reload("eth0, eth1")?;
    let both = await_some(PATIENCE, || watcher.packet_sockets().ok().filter(|sockets| sockets.len() == 2));
    both.ok_or_else(|| Trouble::new("the new socket is not handed over"))?;
    daemon.expect_to_open_on("CLIENT-B", "SERVER-B", "on=eth1")?;
    daemon.reload("eth1")?;
    let one = await_some(PATIENCE, || watcher.packet_sockets().ok().filter(|sockets| sockets.len() == 1));
    one.ok_or_else(|| Trouble::new("the old socket is still open"))?;
    expect("the watcher", &daemon.watcher()?.to_string(), &watcher.to_string())
}

/// Nothing is there to listen on: the watcher has given up everything, and gets its first socket then.
fn the_first_socket_may_come_later() -> Outcome {
    let lab = Lab::new()?;
    let mut arguments = vec!["--service", "--user", "daemon", "-i", "eth1"];
    if there_are_other_users()? {
        arguments.push("--require-sandbox");
    }
    let mut daemon = Daemon::start(&lab, &arguments)?;
    let watcher = daemon.watcher()?;
    expect_no_rights(watcher, "daemon")?;
    expect("the number of packet sockets", &watcher.packet_sockets()?.len().to_string(), "0")?;
    lab.plug("eth1")?;
    daemon.expect_to_open_on("CLIENT-B", "SERVER-B", "on=eth1")?;
    expect("the number of packet sockets", &watcher.packet_sockets()?.len().to_string(), "1")?;
    expect("the watcher", &daemon.watcher()?.to_string(), &watcher.to_string())
}

/// Not even root can, so that it is no matter what the watcher could be made to do. Classic filters can't be changed by
/// the monitor either, which hands over other sockets.
fn nobody_changes_what_the_watcher_hears(starter: &[&str]) -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start_by(&lab, starter, &["-i", "eth0"])?;
    let watcher = daemon.watcher()?;
    // Everything: BPF_RET | BPF_K of linux/bpf_common.h.
    let everything = [SockFilter::new(0x06, 0, 0, u32::MAX)];
    let expect_locked = || {
        let sockets = watcher.shared_packet_sockets()?;
        for socket in &sockets {
            for refused in [socket.attach_filter(&everything), socket.detach_filter()] {
                let errno = refused.err().and_then(|error| error.raw_os_error());
                expect("the error", &format!("{errno:?}"), &format!("{:?}", Some(nix::libc::EPERM)))?;
            }
        }
        expect("the number of packet sockets", &sockets.len().to_string(), "1")
    };
    expect_locked()?;
    if starter.is_empty() {
        return Ok(());
    }
    let before = watcher.packet_sockets()?;
    daemon.reload_to("[other]\n Sequence = 6000:udp,5000:udp\n Command = true\n")?;
    let another = || watcher.packet_sockets().ok().filter(|now| now.len() == 1 && *now != before);
    await_some(PATIENCE, another).ok_or_else(|| Trouble::new("the socket is not replaced"))?;
    expect_locked()
}

/// The new one is confined as the first was, and works.
fn expect_another(daemon: &mut Daemon<'_>, first: Process) -> Outcome {
    let second = daemon.watcher_after(first)?;
    expect("Seccomp", &second.status("Seccomp")?, "2")?;
    expect("CapEff", &second.status("CapEff")?, "0000000000000000")?;
    daemon.expect_to_open("CLIENT")
}

fn a_forbidden_call_is_told_and_fatal() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start(&lab, &["-i", "eth0"])?;
    for (call, name, pause) in [
        (nix::libc::SYS_socket, "socket", "0.1"),
        (nix::libc::SYS_execve, "execve", "0.2"),
        (nix::libc::SYS_rt_sigaction, "rt_sigaction", "0.4"),
        (nix::libc::SYS_setsockopt, "setsockopt", "0.8"),
    ] {
        let watcher = daemon.watcher()?;
        puppet::make_call(watcher, u32::try_from(call).map_err(|error| Trouble::new(error.to_string()))?)?;
        daemon.log().await_line(&format!(
            "watcher ended (it made the forbidden system call {call} ({name})), started anew in {pause} s"
        ))?;
        expect_another(&mut daemon, watcher)?;
    }
    Ok(())
}

fn a_call_without_a_name_is_told_by_its_number() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start(&lab, &["-i", "eth0"])?;
    let watcher = daemon.watcher()?;
    puppet::make_call(watcher, 99_999)?;
    daemon.log().await_part("watcher ended (it made the forbidden system call 99999), started anew")?;
    expect_another(&mut daemon, watcher)
}

/// The signal alone, without a call: nobody knows which it would be.
fn who_does_what_it_may_not_is_replaced() -> Outcome {
    let lab = Lab::new()?;
    let mut daemon = Daemon::start(&lab, &["-i", "eth0"])?;
    let first = daemon.watcher()?;
    first.signal(Signal::SIGSYS)?;
    daemon.log().await_part("watcher ended (it made a forbidden system call, signal: 31 (SIGSYS)")?;
    expect_another(&mut daemon, first)
}
