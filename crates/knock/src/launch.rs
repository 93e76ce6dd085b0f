//! A program in our place.

use std::{
    ffi::{OsStr, OsString},
    io,
    process::Command,
};

use thiserror::Error;

/// Runs a program. Where one can take the place of another (execve(2)) this returns only if it failed; elsewhere the
/// program's exit status, 1 where it has none.
pub(crate) fn launch(program: &OsStr, arguments: &[OsString]) -> Result<u8, LaunchError> {
    let mut command = Command::new(program);
    command.args(arguments);
    run(command).map_err(|reason| LaunchError { program: program.to_owned(), reason })
}

#[cfg(unix)]
fn run(mut command: Command) -> io::Result<u8> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn run(mut command: Command) -> io::Result<u8> {
    let code = command.status()?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// A program that could not be run.
#[derive(Debug, Error)]
#[error("cannot run {}: {reason}", program.display())]
pub(crate) struct LaunchError {
    program: OsString,
    reason: io::Error,
}

impl LaunchError {
    /// The exit status that shells give for it (POSIX.1-2024, Shell Command Language, 2.8.2).
    pub(crate) fn status(&self) -> u8 {
        if self.reason.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(program: &str) -> (u8, String) {
        let error = launch(OsStr::new(program), &[]).unwrap_err();
        (error.status(), error.to_string())
    }

    #[test]
    fn what_cannot_be_run_is_told_as_a_shell_does() {
        let (status, text) = failure("/nonexistent/program");
        assert_eq!(status, 127);
        assert!(text.starts_with("cannot run /nonexistent/program: "), "{text}");
        assert_eq!(failure(&std::env::temp_dir().display().to_string()).0, 126);
    }
}
