//! The rights to make networks, without being root.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Trial};
use nix::{
    mount::{MsFlags, mount},
    unistd::geteuid,
};

use crate::{
    binaries,
    trouble::{Outcome, Trouble, While},
};

/// Set for the program when it runs inside.
const INSIDE: &str = "TRIALS_INSIDE";

/// How many trials run at once: they wait far more than they work.
const AT_ONCE: usize = 12;

/// The `main` of a test program whose trials need networks: it starts itself again in namespaces of its own (network,
/// mounts, processes; of users too, unless it is root), with a fresh `/run`, and runs the trials there.
///
/// Whatever the trials leave running ends with the program.
#[must_use]
pub fn run(trials: impl FnOnce() -> Outcome<Vec<Trial>>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let trials = if arguments.list { trials() } else { enter().and_then(|()| trials()) };
    match trials {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

/// A trial for [`run`].
pub fn trial(name: impl Into<String>, proof: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::test(name, move || Ok(proof()?))
}

/// Returns when inside; outside it turns into the program that goes there, with the same arguments.
pub fn enter() -> Outcome {
    if env::var_os(INSIDE).is_some() {
        let none: Option<&str> = None;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        return mount(Some("trials"), "/run", Some("tmpfs"), flags, none).while_("a fresh /run");
    }
    let binaries = binaries::directory()?;
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    // The shell is the first process, the one that dead programs without parents are left to.
    let error = command
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", "\"$@\"; exit $?", "trials"])
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(INSIDE, "yes")
        .env(binaries::DIRECTORY, binaries)
        .exec();
    Err(Trouble::from(error).at("unshare (package util-linux)"))
}
