//! The command line.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{ArgGroup, Parser, Subcommand};

use crate::{
    explain, exporter,
    values::{self, address},
    watch,
};

/// Asks and tells a running knockd, and explains why knocks fail
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
  3  no knockd is there
  4  not allowed: root may do everything, the group knockd
     may look

Examples:
  knockctl list                           who is let in?
  knockctl open ssh 192.0.2.7             as if it had knocked
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
#[command(disable_help_subcommand = true)]
pub enum Command {
    /// Show how knockd is: doors, interfaces, sandbox, losses
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show who is let in, and for how long still
    List {
        /// Only at this door
        door: Option<String>,
        /// Only this address
        #[arg(long, value_name = "IP", value_parser = address)]
        source: Option<IpAddr>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show how many one-time sequences doors have left
    Sequences {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Open a door for an address, as if it had knocked
    Open {
        /// Which door
        door: String,
        /// For whom
        #[arg(value_parser = address)]
        ip: IpAddr,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Close a door before its time
    #[command(override_usage = "knockctl close [OPTIONS] <DOOR> <IP|--all>")]
    #[command(group = ArgGroup::new("whom").args(["ip", "all"]).required(true))]
    Close {
        /// Which door
        door: String,
        /// For whom
        #[arg(value_parser = address)]
        ip: Option<IpAddr>,
        /// For all
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Have a door stay open for an address for longer
    Extend {
        /// Which door
        door: String,
        /// For whom
        #[arg(value_parser = address)]
        ip: IpAddr,
        /// How much longer than it would have
        #[arg(value_parser = values::seconds, allow_negative_numbers = true)]
        seconds: Duration,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Have knockd read its configuration again, and wait
    Reload {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Look for mistakes in a configuration, as knockd --check
    Check {
        /// Which file [default: the one of the running
        /// knockd, else /etc/knockd.conf]
        #[arg(verbatim_doc_comment)]
        file: Option<PathBuf>,
    },
    /// Show what goes on: who knocks, who is let in
    Watch(watch::Arguments),
    /// Tell what each packet of an address does, and why
    /// its knock fails
    #[command(verbatim_doc_comment)]
    Explain(explain::Arguments),
    /// Print what knockd has counted, for Prometheus
    Metrics,
    /// Answer Prometheus over HTTP, until it is ended
    Exporter(exporter::Arguments),
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
        for right in
            ["close ssh ::1", "close ssh --all", "extend ssh ::1 60", "open ssh ::1", "check", "reload"]
        {
            assert!(parse(&format!("knockctl {right}")).is_ok(), "{right}");
        }
        for wrong in ["close ssh", "close ssh ::1 --all", "extend ssh ::1 0", "open ssh somebody"] {
            assert!(parse(&format!("knockctl {wrong}")).is_err(), "{wrong}");
        }
        for wrong in ["knockctl", "knockctl explain", "knockctl explain host", "knockctl explain ::1 -c x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
