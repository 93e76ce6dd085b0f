//! Starts that fail: one clear line, status 1, nothing left behind.

use libtest_mimic::Trial;
use trials::{
    net::{Lab, Setup},
    sandbox::trial,
    trouble::{Outcome, ensure, same},
};

use crate::support::{DOOR, nothing_left, one_line};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("start::unknown_interface", unknown_interface),
        trial("start::no_configuration", no_configuration),
        trial("start::unreadable_configuration", unreadable_configuration),
        trial("start::configuration_with_mistakes", configuration_with_mistakes),
        trial("start::missing_one_time_file", missing_one_time_file),
        trial("start::log_that_cannot_be_opened", log_that_cannot_be_opened),
        trial("start::pid_file_that_cannot_be_written", pid_file_that_cannot_be_written),
        trial("start::no_right_to_listen", no_right_to_listen),
    ]
}

fn unknown_interface() -> Outcome {
    let lab = Lab::new()?;
    lab.plug("eth1")?;
    for more in [&["-i", "eth0,eth7"][..], &["-d", "-i", "eth7"]] {
        let ended = Setup::new(&lab, DOOR)?.with(more).run()?;
        one_line(
            &ended,
            &[
                "there is no interface eth7; this machine has: ",
                "eth0",
                "eth1",
                "lo",
                "-i",
                "InterfaceWait = yes",
            ],
        )?;
        nothing_left(&lab, &["knockd.conf"])?;
    }
    Ok(())
}

fn no_configuration() -> Outcome {
    let lab = Lab::new()?;
    for more in [&[][..], &["-d"], &["--check"], &["--read", "{DIR}/x.pcap"]] {
        let ended = Setup::bare(&lab)?.with(&["-c", "none.conf"]).with(more).run()?;
        one_line(&ended, &["cannot read the configuration none.conf: No such file", "-c"])?;
        nothing_left(&lab, &[])?;
    }
    Ok(())
}

fn unreadable_configuration() -> Outcome {
    let lab = Lab::new()?;
    let ended = Setup::bare(&lab)?.with(&["-c", "{DIR}"]).run()?;
    one_line(&ended, &["cannot read the configuration", "Is a directory"])?;
    // Without capabilities even the owner obeys the mode.
    let setup = Setup::new(&lab, DOOR)?;
    lab.server().shell(&lab.filled_in("chmod 0 {DIR}/knockd.conf"))?;
    let ended = setup.behind("exec setpriv --bounding-set=-all --inh-caps=-all -- \"$@\"").run()?;
    one_line(&ended, &["cannot read the configuration knockd.conf: Permission denied", "be root"])?;
    nothing_left(&lab, &["knockd.conf"])
}

fn configuration_with_mistakes() -> Outcome {
    let lab = Lab::new()?;
    let config = "[options]\n  Interfaec = eth0\n[door]\n  Sequence = 7000,80000\n  TCPFlags = sin\n  Seq_Timeout = never\n";
    let setup = Setup::new(&lab, config)?;
    for setup in [setup.clone(), setup.clone().with(&["-d"]), setup.clone().with(&["--check"])] {
        let ended = setup.run()?;
        same("status", ended.status, Some(1))?;
        for (place, marked) in [
            ("knockd.conf:2:3: ", "|   ^^^^^^^^^ "),
            ("knockd.conf:4:19: ", "|                   ^^^^^ "),
            ("knockd.conf:5:14: ", "|              ^^^ "),
            ("knockd.conf:6:17: ", "|                 ^^^^^ "),
        ] {
            ensure(ended.err.contains(place), format!("no {place:?}:\n{}", ended.err))?;
            ensure(ended.err.contains(marked), format!("no mark {marked:?}:\n{}", ended.err))?;
        }
        nothing_left(&lab, &["knockd.conf"])?;
    }
    Ok(())
}

fn missing_one_time_file() -> Outcome {
    let lab = Lab::new()?;
    let config = "[door]\n One_Time_Sequences = {DIR}/none\n Command = true\n";
    for more in [&[][..], &["-d"]] {
        let ended = Setup::new(&lab, config)?.with(more).run()?;
        one_line(&ended, &["door: cannot read the one-time sequences in ", "/none: No such file"])?;
        nothing_left(&lab, &["knockd.conf"])?;
    }
    Ok(())
}

fn log_that_cannot_be_opened() -> Outcome {
    let lab = Lab::new()?;
    lab.write("knockd.conf", DOOR)?;
    for more in [&[][..], &["-d"]] {
        let setup = Setup::bare(&lab)?.with(&["-c", "knockd.conf", "-p", "pid", "-g", "none/log"]).with(more);
        one_line(&setup.run()?, &["log file ", "/none/log: it cannot be opened for writing: No such file"])?;
        nothing_left(&lab, &["knockd.conf"])?;
    }
    Ok(())
}

fn pid_file_that_cannot_be_written() -> Outcome {
    let lab = Lab::new()?;
    lab.write("knockd.conf", DOOR)?;
    let setup = Setup::bare(&lab)?.with(&["-c", "knockd.conf", "-g", "log", "-d", "-p", "none/pid"]);
    one_line(&setup.run()?, &["cannot write the pid file ", "/none/pid: No such file"])?;
    nothing_left(&lab, &["knockd.conf"])?;
    // Where there is a file but no room for a number.
    lab.server().shell(&lab.filled_in(
        "mkdir {DIR}/full && mount -t tmpfs -o size=4k none {DIR}/full && head -c 4096 /dev/zero > {DIR}/full/x",
    ))?;
    let setup = Setup::bare(&lab)?.with(&["-c", "knockd.conf", "-g", "log", "-d", "-p", "full/pid"]);
    one_line(&setup.run()?, &["cannot write the pid file ", "/full/pid: No space left"])?;
    same(
        "what is left there",
        lab.server().shell(&lab.filled_in("ls {DIR}/full && umount {DIR}/full"))?.trim(),
        "x",
    )?;
    nothing_left(&lab, &["knockd.conf", "full"])
}

fn no_right_to_listen() -> Outcome {
    let lab = Lab::new()?;
    for more in [&[][..], &["-d"]] {
        let setup = Setup::new(&lab, DOOR)?.with(more);
        let setup = setup.behind("exec setpriv --bounding-set=-all --inh-caps=-all -- \"$@\"");
        one_line(
            &setup.run()?,
            &["not allowed to listen to packets: start knockd as root (it needs CAP_NET_RAW)"],
        )?;
        nothing_left(&lab, &["knockd.conf"])?;
    }
    Ok(())
}
