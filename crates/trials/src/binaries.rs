//! Where the programs under test are.

use std::{env, path::PathBuf, process::Command};

use crate::trouble::{Outcome, Trouble, While};

/// The environment variable with the directory that has the programs; without it they are built.
pub const DIRECTORY: &str = "TRIALS_BIN_DIR";

/// The classic daemon, as Debian installs it.
const CLASSIC: &str = "/usr/sbin/knockd";

/// The classic client, as Debian installs it.
const CLASSIC_CLIENT: &str = "/usr/bin/knock";

/// Our daemon.
pub fn knockd() -> Outcome<PathBuf> {
    existing(directory()?.join("knockd"), "build it: cargo build -p knockd")
}

/// Our client.
pub fn knock() -> Outcome<PathBuf> {
    existing(directory()?.join("knock"), "build it: cargo build -p knock")
}

/// Our tool for the administrator.
pub fn knockctl() -> Outcome<PathBuf> {
    existing(directory()?.join("knockctl"), "build it: cargo build -p knockctl")
}

/// The classic daemon, 0.8.
pub fn classic_knockd() -> Outcome<PathBuf> {
    existing(CLASSIC.into(), "install it: apt-get install knockd")
}

/// The classic client, 0.8.
pub fn classic_knock() -> Outcome<PathBuf> {
    existing(CLASSIC_CLIENT.into(), "install it: apt-get install knockd")
}

/// The directory of our programs: the one named by the environment, or the one that they are built in now.
pub fn directory() -> Outcome<PathBuf> {
    match env::var_os(DIRECTORY) {
        Some(directory) => Ok(directory.into()),
        None => build(),
    }
}

/// Builds them with the profile of this program and beside it.
fn build() -> Outcome<PathBuf> {
    let own = env::current_exe()?;
    // A program lies in target/PROFILE, a test program in target/PROFILE/deps.
    let mut parents = own.ancestors().skip(1).skip_while(|parent| parent.ends_with("deps"));
    let directory = parents.next().ok_or_else(|| Trouble::new("a program lies in no directory"))?;
    let target = directory.parent().unwrap_or(directory);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "-p", "knockd", "-p", "knock", "-p", "knockctl", "--bins", "--target-dir"])
        .arg(target);
    // The directory of the `dev` profile is `debug`, all others have their profile's name.
    if let Some(profile) = directory.file_name().filter(|name| *name != "debug") {
        cargo.arg("--profile").arg(profile);
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().while_("cargo")?;
    if !status.success() {
        return Err(Trouble::new("the programs under test do not build"));
    }
    Ok(directory.to_owned())
}

fn existing(path: PathBuf, remedy: &str) -> Outcome<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    Err(Trouble::new(format!("{} is missing; {remedy}", path.display())))
}
