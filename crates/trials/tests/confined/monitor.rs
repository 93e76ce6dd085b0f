//! The half that acts: what it keeps for itself, and what its commands have.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

use libtest_mimic::Trial;
use trials::{
    net::{Lab, PATIENCE, Setup, await_some},
    sandbox::trial,
    trouble::{Outcome, Trouble, While, same},
};

use super::{Process, expect, there_are_other_users};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("monitor::keeps_only_what_it_needs_itself", keeps_only_what_it_needs_itself),
        trial("monitor::leaves_roots_rights_to_commands", || rights_of_commands("")),
        trial("monitor::leaves_them_without_new_privileges_too", || {
            rights_of_commands("exec setpriv --no-new-privs \"$@\"")
        }),
        trial("monitor::works_within_bounds", works_within_bounds),
        trial("monitor::works_with_one_capability", works_with_one_capability),
        trial("monitor::does_without_exact_filters", does_without_exact_filters),
        trial("monitor::commands_have_a_clean_environment", commands_have_a_clean_environment),
        trial("monitor::commands_inherit_nothing", commands_inherit_nothing),
        trial("monitor::files_have_their_modes_whoever_starts_it", files_have_their_modes),
    ]
}

/// `CAP_DAC_OVERRIDE`, `CAP_KILL`, `CAP_NET_ADMIN`, `CAP_NET_RAW` and `CAP_BPF` (`linux/capability.h`).
const NEEDED: u64 = 1 << 1 | 1 << 5 | 1 << 12 | 1 << 13 | 1 << 39;

/// A door whose command does this.
fn door(command: &str) -> String {
    format!("[door]\n Sequence = 7300:udp,7100:udp,7200:udp\n Command = {command}\n")
}

/// What its command leaves in the file `told`, when it is done, with a daemon that is started behind these lines.
fn told_by_command(lab: &Lab, before: &str, command: &str) -> Outcome<String> {
    let config = door(&format!("({command}) > {{DIR}}/told; touch {{DIR}}/done"));
    let daemon = Setup::new(lab, &config)?.behind(before).start()?;
    lab.send("udp CLIENT > SERVER:7300,7100,7200")?;
    let is_done = || lab.directory().join("done").exists().then_some(());
    await_some(PATIENCE, is_done).ok_or_else(|| Trouble::new(daemon.said()))?;
    daemon.terminate()?;
    Ok(lab.file("told"))
}

/// The fields of a status (`proc_pid_status(5)`).
fn fields(status: &str) -> BTreeMap<&str, &str> {
    let fields = status.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name, value.trim())).collect()
}

fn keeps_only_what_it_needs_itself() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, &door("true"))?.start()?;
    let id = daemon.id()?;
    let own = fs::read_to_string("/proc/self/status").while_("/proc/self/status")?;
    let own = fields(&own);
    let mut threads = 0;
    for entry in fs::read_dir(format!("/proc/{id}/task")).while_("its threads")? {
        let status = fs::read_to_string(entry?.path().join("status"))?;
        let status = fields(&status);
        for set in ["CapEff", "CapPrm"] {
            expect(set, status.get(set).copied().unwrap_or_default(), &format!("{NEEDED:016x}"))?;
        }
        for (name, wanted) in
            [("CapInh", "0000000000000000"), ("CapAmb", "0000000000000000"), ("Umask", "0022")]
        {
            expect(name, status.get(name).copied().unwrap_or_default(), wanted)?;
        }
        same("CapBnd", status.get("CapBnd"), own.get("CapBnd"))?;
        threads += 1;
    }
    same("whether there are threads", threads > 1, true)?;
    expect("the watcher's Umask", &watcher(&daemon)?.status("Umask")?, "0022")?;
    daemon.terminate()
}

/// Commands have all that who started the daemon has, and so does the watcher when it begins: it can become another.
fn rights_of_commands(before: &str) -> Outcome {
    let lab = Lab::new()?;
    let told = told_by_command(&lab, before, "cat /proc/self/status")?;
    let (command, own) =
        (fields(&told), fs::read_to_string("/proc/self/status").while_("/proc/self/status")?);
    for set in ["CapEff", "CapPrm", "CapBnd"] {
        same(set, command.get(set), fields(&own).get(set))?;
    }
    expect("the monitor's complaints", trials::net::without_lack_of_users(&lab.file("stderr")).trim(), "")
}

/// With the bounding set that the reference names for those who want less.
fn works_within_bounds() -> Outcome {
    let lab = Lab::new()?;
    let before = "exec setpriv --bounding-set=-all,+net_admin,+net_raw,+dac_override,+kill,+bpf,+setuid,+setgid,+setpcap \
                  \"$@\" EXTRA";
    let extra = if there_are_other_users()? { "--require-sandbox" } else { "" };
    let told = told_by_command(&lab, &before.replace("EXTRA", extra), "cat /proc/self/status")?;
    let bounds = NEEDED | 1 << 6 | 1 << 7 | 1 << 8;
    expect("CapEff", fields(&told).get("CapEff").copied().unwrap_or_default(), &format!("{bounds:016x}"))?;
    expect("the monitor's complaints", trials::net::without_lack_of_users(&lab.file("stderr")).trim(), "")
}

/// As systemd starts it with `User=` and `AmbientCapabilities=`.
fn works_with_one_capability() -> Outcome {
    if !there_are_other_users()? {
        return Ok(());
    }
    let lab = Lab::new()?;
    // It has to be able to get there, and at the program.
    lab.server().shell(&lab.filled_in("chown nobody {DIR}"))?;
    let program = lab.directory().join("program");
    fs::copy(trials::binaries::knockd()?, &program).while_("copying the program")?;
    let before = "shift; exec setpriv --reuid=nobody --regid=daemon --clear-groups \
                  --inh-caps=+net_raw --ambient-caps=+net_raw {DIR}/program \"$@\"";
    let told = told_by_command(&lab, before, "cat /proc/self/status")?;
    let command = fields(&told);
    for set in ["CapEff", "CapPrm", "CapAmb"] {
        expect(set, command.get(set).copied().unwrap_or_default(), &format!("{:016x}", 1 << 13))?;
    }
    Ok(())
}

/// Doors open with either kind of filter. The exact one doesn't wake the watcher for what concerns nobody.
fn does_without_exact_filters() -> Outcome {
    for before in ["exec setpriv --bounding-set=-bpf \"$@\"", ""] {
        let lab = Lab::new()?;
        let daemon = Setup::new(&lab, &door("true"))?.with(&["-v"]).behind(before).start()?;
        lab.send("udp CLIENT > SERVER:7300,7100,7200")?;
        daemon.log().await_count(1, "door: OPEN SESAME")?;
        // In a user namespace the right is there, and is none.
        let is_exact = before.is_empty() && there_are_other_users()?;
        let told = daemon.log().count("packets are filtered by classic BPF: ");
        same("how often the lack of exact filters is told", told, usize::from(!is_exact))?;
        let watcher = watcher(&daemon)?;
        let woken = || {
            watcher.status("voluntary_ctxt_switches")?.parse::<u64>().map_err(|_| Trouble::new("no number"))
        };
        let first = woken()?;
        for port in 1..200 {
            lab.send(&format!("udp 10.0.0.77 > SERVER:{port}"))?;
        }
        // What was sent before has been looked at when this has opened.
        lab.send("udp 10.0.0.78 > SERVER:7300,7100,7200")?;
        daemon.log().await_count(2, "door: OPEN SESAME")?;
        let woken = woken()? - first;
        same(format!("whether a watcher woken {woken} times hears everybody"), woken > 50, !is_exact)?;
        daemon.terminate()?;
    }
    Ok(())
}

fn watcher(daemon: &trials::net::Daemon<'_>) -> Outcome<Process> {
    Ok(Process(u32::try_from(daemon.watcher()?.id).map_err(|error| Trouble::new(error.to_string()))?))
}

fn commands_have_a_clean_environment() -> Outcome {
    let lab = Lab::new()?;
    let before = "unset PATH LANG LC_ALL\n\
        export HOME=/root USER=root LOGNAME=root SHELL=/bin/sh TZ=UTC LC_TIME=C\n\
        export NOTIFY_SOCKET=/run/notify LISTEN_FDS=1 LISTEN_PID=1 INVOCATION_ID=1 JOURNAL_STREAM=1:2 SECRET=x";
    // The shell itself adds where it is, and the number of the opening is another each time.
    let told = told_by_command(&lab, before, "env")?;
    let told: Vec<&str> = told
        .lines()
        .filter(|line| {
            !["PWD=", "OLDPWD=", "SHLVL=", "_=", "KNOCKD_OPENING="].iter().any(|own| line.starts_with(own))
        })
        .collect();
    let mut wanted = [
        "HOME=/root",
        "USER=root",
        "LOGNAME=root",
        "SHELL=/bin/sh",
        "TZ=UTC",
        "LC_TIME=C",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "KNOCKD_DOOR=door",
        "KNOCKD_IP=10.0.0.2",
    ];
    let mut told = told;
    told.sort_unstable();
    wanted.sort_unstable();
    same("the environment", told, wanted.to_vec())
}

fn commands_inherit_nothing() -> Outcome {
    let lab = Lab::new()?;
    let before = "umask 0\ntrap '' HUP INT QUIT USR1 USR2 TTOU XFSZ PIPE\nexec 8</dev/null 9</dev/null";
    let told = told_by_command(
        &lab,
        before,
        "cat /proc/self/status; ls -l /proc/$$/fd | sed 's/.* \\([0-9]*\\) -> /fd\\1: /'",
    )?;
    let status = fields(&told);
    let field = |name| status.get(name).copied().unwrap_or_default();
    expect("Umask", field("Umask"), "0022")?;
    expect("SigBlk", field("SigBlk"), "0000000000000000")?;
    // But for the two that glibc keeps for itself and ignores in all that it starts.
    let ignored =
        u64::from_str_radix(field("SigIgn"), 16).map_err(|error| Trouble::new(error.to_string()))?;
    same("SigIgn", ignored & !(0b11 << 31), 0)?;
    expect("standard input", field("fd0"), "/dev/null")?;
    let descriptors: Vec<_> = status.keys().filter(|name| name.starts_with("fd")).copied().collect();
    same("the descriptors", descriptors, vec!["fd0", "fd1", "fd2"])
}

fn files_have_their_modes() -> Outcome {
    for mask in ["000", "022", "077"] {
        let lab = Lab::new()?;
        let setup = Setup::new(&lab, &door("true"))?.with(&["-d"]).behind(&format!("umask {mask}"));
        let ended = setup.run()?;
        same("status", ended.status, Some(0))?;
        for (name, wanted) in [("pid", 0o644), ("log", 0o640)] {
            let mode = fs::metadata(lab.directory().join(name)).while_(name)?.permissions().mode() & 0o7777;
            same(format!("{name} behind umask {mask}").as_str(), format!("{mode:o}"), format!("{wanted:o}"))?;
        }
        let id = lab.file("pid").trim().parse().map_err(|_| Trouble::new("no pid"))?;
        let daemon = trials::net::Process::find(id).ok_or_else(|| Trouble::new("no daemon"))?;
        daemon.signal(nix::sys::signal::Signal::SIGTERM)?;
    }
    Ok(())
}
