//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{explain, watch};

/// Asks a running knockd, and explains why knocks fail
#[derive(Clone, Debug, Parser)]
#[command(
    name = "knockctl",
    version,
    args_override_self = true,
    after_help = "\
Exit status:
  0  all is well
  1  it could not be done; the reason is on standard error
  2  the command line is wrong

Examples:
  knockctl watch                          what goes on; q ends it
  knockctl explain 192.0.2.7              why do knocks from there fail?
  knockctl explain 192.0.2.7 --read eth0.pcap"
)]
pub struct Arguments {
    /// The control socket of knockd
    #[arg(long, global = true, value_name = "PATH")]
    #[arg(default_value = "/run/knockd/knockd.sock")]
    pub socket: PathBuf,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show what goes on: who knocks, who is let in
    Watch(watch::Arguments),
    /// Tell what each packet of an address does, and why
    /// its knock fails
    #[command(verbatim_doc_comment)]
    Explain(explain::Arguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound_and_the_help_fits_a_terminal() {
        let mut command = Arguments::command();
        command.clone().debug_assert();
        let mut helps = vec![command.render_long_help().to_string()];
        helps.extend(command.get_subcommands_mut().map(|command| command.render_long_help().to_string()));
        for help in helps {
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
    }

    #[test]
    fn the_socket_may_stand_anywhere_and_a_capture_needs_its_options() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        let arguments = parse("knockctl explain 192.0.2.7 --json --socket /tmp/s").unwrap();
        assert_eq!(arguments.socket, PathBuf::from("/tmp/s"));
        assert!(matches!(arguments.command, Command::Explain(arguments) if arguments.json));
        assert!(parse("knockctl --socket /tmp/s watch").is_ok());
        for wrong in ["knockctl", "knockctl explain", "knockctl explain host", "knockctl explain ::1 -c x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
