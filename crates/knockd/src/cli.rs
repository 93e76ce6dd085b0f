//! The command line.

use std::{net::IpAddr, path::PathBuf};

use clap::{ArgAction, Parser};
use knock_core::{
    config::{ControlSocket, Listen},
    filter::Families,
};

use crate::log::Terminal;

/// Port-knock server: listens for secret sequences of port hits and opens doors
#[derive(Clone, Debug, Parser)]
#[command(
    name = "knockd",
    version,
    disable_version_flag = true,
    // As getopt_long(3) does: the last of several counts, and so does an unambiguous beginning.
    args_override_self = true,
    infer_long_args = true,
    after_help = "\
Exit status:
  0  all is well
  1  the configuration has mistakes, or the daemon could not do its work
  2  the command line is wrong

Examples:
  knockd --check                look for mistakes in /etc/knockd.conf
  knockd -i eth0,wlan0 -v       listen on two interfaces, show what happens
  knockd -d                     run in the background
  knockd --read eth0.pcap -D    why did this knock not work?"
)]
pub struct Arguments {
    /// Listen on this interface, on several with commas
    /// between them, or on any [default: the one of the
    /// configuration, else eth0]
    #[arg(short, long, value_name = "NAME", verbatim_doc_comment)]
    pub interface: Option<Listen>,

    /// Run in the background
    #[arg(short, long)]
    pub daemon: bool,

    /// Read this configuration
    /// [default: /etc/knockd.conf]
    #[arg(short, long, value_name = "FILE", verbatim_doc_comment)]
    #[arg(default_value = "/etc/knockd.conf", hide_default_value = true)]
    pub config: PathBuf,

    /// Show every decision about every hit; with --check,
    /// show the filter program for the kernel
    #[arg(short = 'D', long, verbatim_doc_comment)]
    pub debug: bool,

    /// Look up the names of sources for the log; who owns
    /// the names can then see who knocks where
    #[arg(short, long, verbatim_doc_comment)]
    pub lookup: bool,

    /// Show what happens
    #[arg(short, long)]
    pub verbose: bool,

    /// Note the number of the background process here
    /// [default: the one of the configuration, else
    /// /var/run/knockd.pid]
    #[arg(short, long, value_name = "FILE", verbatim_doc_comment)]
    pub pidfile: Option<PathBuf>,

    /// Log to this file instead of the configuration's
    #[arg(short = 'g', long, value_name = "FILE")]
    pub logfile: Option<PathBuf>,

    /// Note in this directory what is open, so that it is
    /// closed whatever happens [default: the one of the
    /// configuration, else /var/lib/knockd]
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    pub state_dir: Option<PathBuf>,

    /// Be asked and told things by knockctl at this socket;
    /// none for no socket [default: the one of the
    /// configuration, else /run/knockd/knockd.sock]
    #[arg(long, value_name = "PATH", verbatim_doc_comment)]
    pub socket: Option<ControlSocket>,

    /// Look at packets as this user, who needs no rights
    /// [default: knockd if there is one, else nobody]
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    pub user: Option<String>,

    /// Don't start unless the process that looks at packets
    /// has given up all rights
    #[arg(long, verbatim_doc_comment)]
    pub require_sandbox: bool,

    /// Take no notice of IPv6
    #[arg(short = '4', long)]
    pub only_ip_v4: bool,

    /// Only look for mistakes in the configuration
    #[arg(long, conflicts_with_all = ["daemon", "interface"])]
    pub check: bool,

    /// Remove the guard in front of the ports of doors,
    /// and all that is open by it, and end
    #[arg(long, verbatim_doc_comment)]
    #[arg(conflicts_with_all = ["daemon", "interface", "check", "read"])]
    pub flush: bool,

    /// Play the packets of a pcap or pcapng file (- for
    /// standard input) and print what they would do;
    /// nothing is run
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    #[arg(conflicts_with_all = ["daemon", "interface", "check"])]
    pub read: Option<PathBuf>,

    /// With --read: the addresses that the host of the
    /// capture had, with commas between them [default:
    /// every destination is its own]
    #[arg(long, value_name = "IP", value_delimiter = ',', requires = "read", verbatim_doc_comment)]
    pub address: Vec<IpAddr>,

    /// Show the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: (),

    /// We are the successor that `--daemon` starts.
    #[arg(long, hide = true)]
    pub detached: bool,

    /// systemd has started us, or the one whose successor we are, as a service.
    #[arg(long, hide = true)]
    pub service: bool,
}

impl Arguments {
    /// The IP versions to listen to.
    #[must_use]
    pub fn families(&self) -> Families {
        if self.only_ip_v4 { Families::V4Only } else { Families::Both }
    }

    /// What the terminal is to show.
    #[must_use]
    pub fn terminal(&self) -> Terminal {
        match (self.debug, self.verbose) {
            (true, _) => Terminal::Debug,
            (false, true) => Terminal::Verbose,
            (false, false) => Terminal::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_classic_options_are_taken_short_and_long() {
        for line in [
            "knockd -i eth1 -d -c a.conf -D -l -v -p a.pid -g a.log -4",
            "knockd --interface eth1 --daemon --config a.conf --debug --lookup --verbose --pidfile a.pid \
             --logfile a.log --only-ip-v4",
        ] {
            let arguments = parse(line);
            assert_eq!(arguments.interface, Some(Listen::Named(vec!["eth1".to_owned()])));
            assert_eq!(arguments.config, Path::new("a.conf"));
            assert_eq!(arguments.pidfile.as_deref(), Some(Path::new("a.pid")));
            assert_eq!(arguments.logfile.as_deref(), Some(Path::new("a.log")));
            assert!(arguments.daemon && arguments.debug && arguments.lookup);
            assert!(arguments.verbose && arguments.only_ip_v4);
        }
    }

    #[test]
    fn options_may_come_twice_and_shortened_as_ever() {
        let arguments = parse("knockd -d -d -c a.conf --conf b.conf --verb -i eth0 --int eth1");
        assert!(arguments.daemon && arguments.verbose);
        assert_eq!(arguments.config, Path::new("b.conf"));
        assert_eq!(arguments.interface, Some(Listen::Named(vec!["eth1".to_owned()])));
    }

    #[test]
    fn the_help_fits_a_terminal_and_names_every_visible_option() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        for option in [
            "--check",
            "--read",
            "--address",
            "--only-ip-v4",
            "--lookup",
            "--state-dir",
            "--socket",
            "--user",
            "--require-sandbox",
            "--flush",
        ] {
            assert!(help.contains(option), "{option}");
        }
        assert!(!help.contains("--detached") && !help.contains("--service"));
    }
}
