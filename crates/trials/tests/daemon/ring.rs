//! The memory that packets come in, and what is where there is none.

use std::{collections::BTreeMap, env, error::Error, fs, os::unix::process::CommandExt, process::Command};

use libtest_mimic::Trial;
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use trials::{
    net::{Daemon, Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, same},
};

use crate::support::{DOOR, insist};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("ring::is_mapped_once_and_cannot_be_run", is_mapped_once_and_cannot_be_run),
        trial("ring::its_lack_is_told_once_and_does_no_harm", its_lack_is_told_once_and_does_no_harm),
        trial("ring::another_watcher_gets_another", another_watcher_gets_another),
    ]
}

const KNOCKS: &str = "udp CLIENT > SERVER:7300,7100,7200";

/// Set for the process that is to become another program.
const MARK: &str = "TRIALS_WITHOUT_RINGS";

/// What a daemon is to be started behind so that the system refuses it rings, as one might that has no memory for them.
pub(crate) fn without_rings() -> Outcome<String> {
    Ok(format!("exec env {MARK}=1 {} \"$@\"", env::current_exe()?.display()))
}

/// If that is asked for, becomes the program in the arguments, to which `PACKET_RX_RING` is refused. Returns only why it
/// could not.
pub(crate) fn become_program_without_rings() -> Option<Box<dyn Error>> {
    env::var_os(MARK)?;
    Some(try_to_become().err().unwrap_or_else(|| "no program".into()))
}

fn try_to_become() -> Result<(), Box<dyn Error>> {
    let equal =
        |number, value: i32| SeccompCondition::new(number, Dword, Eq, u64::try_from(value).unwrap_or(0));
    let ring = SeccompRule::new(vec![equal(1, libc::SOL_PACKET)?, equal(2, libc::PACKET_RX_RING)?])?;
    let refused = SeccompAction::Errno(u32::try_from(libc::EPERM)?);
    let rules = BTreeMap::from([(libc::SYS_setsockopt, vec![ring])]);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, env::consts::ARCH.try_into()?)?;
    seccompiler::apply_filter(&BpfProgram::try_from(filter)?)?;
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next().ok_or("no program")?;
    Err(Command::new(program).args(arguments).env_remove(MARK).exec().into())
}

/// What the watcher has mapped of sockets, as `proc(5)` describes it: how long it is and what it can be used for.
fn rings(daemon: &Daemon<'_>) -> Outcome<Vec<(usize, String)>> {
    let maps = fs::read_to_string(format!("/proc/{}/maps", daemon.watcher()?.id))?;
    let rings = maps.lines().filter(|line| line.contains(" socket:[")).map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let [start, end] = [start, end].map(|address| usize::from_str_radix(address, 16));
        Some((end.ok()? - start.ok()?, rest.split(' ').next()?.to_owned()))
    });
    rings.collect::<Option<_>>().ok_or_else(|| Trouble::new(maps.clone()))
}

fn is_mapped_once_and_cannot_be_run() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let wanted = [(3 << 20, "rw-s".to_owned())];
    same("rings", &rings(&daemon)?[..], &wanted)?;
    daemon.reload("[other]\n Sequence = 6000\n Command = true\n")?;
    insist(&daemon, "other", "tcp CLIENT > SERVER:6000", &lab)?;
    // That of the socket of before is given back.
    let is_one = || (rings(&daemon).ok()? == wanted).then_some(());
    await_some(PATIENCE, is_one).ok_or_else(|| Trouble::new(format!("{:?}", rings(&daemon))))?;
    daemon.terminate()
}

fn its_lack_is_told_once_and_does_no_harm() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.behind(&without_rings()?).start()?;
    same("rings", rings(&daemon)?.len(), 0)?;
    insist(&daemon, "door", KNOCKS, &lab)?;
    daemon.reload("[other]\n Sequence = 6000\n Command = true\n")?;
    insist(&daemon, "other", "tcp CLIENT > SERVER:6000", &lab)?;
    same("lines", daemon.log().count("the system gives us no ring for packets"), 1)?;
    daemon.terminate()
}

/// It could not tell how far the one before has read.
fn another_watcher_gets_another() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    for _ in 0..3 {
        insist(&daemon, "door", KNOCKS, &lab)?;
        let watcher = daemon.watcher()?;
        watcher.signal(nix::sys::signal::Signal::SIGKILL)?;
        let other = || (daemon.watcher().ok()?.id != watcher.id).then_some(());
        await_some(PATIENCE, other).ok_or_else(|| Trouble::new("no other watcher"))?;
    }
    insist(&daemon, "door", KNOCKS, &lab)?;
    same("dropped", daemon.log().count("packets dropped"), 0)?;
    daemon.terminate()
}
