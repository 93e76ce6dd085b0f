//! What shells need to complete the options of the programs, made from the same definitions as their help.
#![forbid(unsafe_code)]

use std::{fs, io, path::Path};

use clap::{Arg, Command};
use clap_complete::{Shell, generate};

/// Writes `bash/PROGRAM`, `zsh/_PROGRAM` and `fish/PROGRAM.fish` for each program into this directory: the names by
/// which the shells look for them.
pub fn write(directory: &Path) -> io::Result<()> {
    for (shell, folder) in [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")] {
        let folder = directory.join(folder);
        fs::create_dir_all(&folder)?;
        for (name, command) in programs() {
            let file = match shell {
                Shell::Zsh => format!("_{name}"),
                Shell::Fish => format!("{name}.fish"),
                _ => name.to_owned(),
            };
            let mut text = Vec::new();
            generate(shell, &mut shown(name, command), name, &mut text);
            fs::write(folder.join(file), text)?;
        }
    }
    Ok(())
}

/// The programs and their command lines.
fn programs() -> [(&'static str, Command); 3] {
    [("knockd", knockd::command()), ("knock", knock::command()), ("knockctl", knockctl::command())]
}

/// The command line without the options that the program only gives itself: the shells would offer them.
fn shown(name: &'static str, command: Command) -> Command {
    if !command.get_arguments().any(Arg::is_hide_set) {
        return command;
    }
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned();
    let subcommands = command.get_subcommands().cloned();
    let shown = Command::new(name).version(env!("CARGO_PKG_VERSION"));
    let has_own = command.is_disable_version_flag_set();
    shown.disable_version_flag(has_own).args(arguments).subcommands(subcommands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_offered_but_those_that_nobody_types() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path()).unwrap();
        for (name, command) in programs() {
            for file in [format!("bash/{name}"), format!("zsh/_{name}"), format!("fish/{name}.fish")] {
                let text = fs::read_to_string(directory.path().join(&file)).unwrap();
                for argument in command.get_arguments() {
                    let Some(long) = argument.get_long() else { continue };
                    // fish writes "-l long", the others "--long".
                    let is_offered =
                        text.contains(&format!("--{long}")) || text.contains(&format!(" -l {long}"));
                    assert_eq!(is_offered, !argument.is_hide_set(), "{file}: {long}");
                }
            }
        }
    }
}
