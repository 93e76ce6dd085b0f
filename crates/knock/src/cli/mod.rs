//! The command line.

use std::{ffi::OsString, net::IpAddr, path::PathBuf};

use clap::{Args, CommandFactory, Parser};
use knock_usage::Stop;

use crate::{
    call::{Call, Subject},
    origin::InterfaceName,
    plan::Ports,
    refusal::Refusal,
    settings::{DEFAULT_DELAY_MS, DEFAULT_RETRIES, DEFAULT_TIMEOUT_SECONDS, Settings},
    target::Family,
    values::{Delay, PortArgument, Retries, TcpPort, Timeout},
};

const USAGE: &str = "knock [OPTIONS] HOST PORT[:PROTO]... [-- COMMAND [ARG]...]
       knock [OPTIONS] --one-time FILE HOST [-- COMMAND [ARG]...]
       knock [OPTIONS] NAME [-- COMMAND [ARG]...]
       knock [OPTIONS] --proxy NAME [HOST [PORT]]";

const AFTER_HELP: &str = "\
NAME is a profile of yours, a table in ~/.config/knock/config.toml (or
$XDG_CONFIG_HOME/knock/config.toml), closed to others (chmod 600):

  [server]
  host = \"server.example.com\"
  sequence = \"7000, 8000:udp, 9000\"     # or: one-time = \"FILE\"
  verify = 22

Its keys are the long options; options given win over it. COMMAND runs when
the port to verify is open, without one right after the last hit.

Exit status:
  0  all hits were sent; with --verify: the port is open
  1  a hit could not be sent, or the port did not open; the reason is on
     standard error. A hit that fails does not keep back the others.
  2  the command line or the profile is wrong; nothing was sent
  With COMMAND, its own; 126 or 127 if it cannot be run.

Closed, filtered and silent ports are knocked at like any other. With --both,
--verify wants the port open at both addresses; an address that this host has
no route to is left out. Retries with --one-time knock the same line again,
since a server that has missed it still waits for it; --both does not go with
it, since a sequence opens the door to one address only.

Examples:
  knock server.example.com 7000 8000:udp 9000
  knock -u -d 250 server.example.com 8284 4721 18592
  knock --verify 22 server.example.com 7000 8000 9000 && ssh server.example.com
  knock --one-time ~/.knock-sequences --verify 22 server.example.com
  knock server -- ssh server.example.com
  ssh -o ProxyCommand=\"knock --proxy server\" server.example.com";

const NO_HOST: &str = "a HOST and its PORTs are missing, or the NAME of a profile";

/// Reads the command line, the program's name first.
pub(crate) fn call<A>(arguments: A) -> Result<Call, Refusal>
where
    A: IntoIterator<Item = OsString>,
{
    let all: Vec<OsString> = arguments.into_iter().collect();
    if let Some((line, command)) = before_command(&all)? {
        return line.into_call(command);
    }
    parse(&all)?.into_call(&[])
}

/// The command line, as data.
pub(crate) fn command() -> clap::Command {
    Arguments::command()
}

/// The command line in front of `-- COMMAND`, and the command.
///
/// A `--` meant that no more options come before it meant this, and still does where a command makes no sense: as long
/// as there is no host, and in front of ports.
fn before_command(all: &[OsString]) -> Result<Option<(Arguments, &[OsString])>, Refusal> {
    let mut halves = all.splitn(2, |argument| argument == "--");
    let (Some(line), Some(command)) = (halves.next(), halves.next()) else {
        return Ok(None);
    };
    let is_port = |word: &OsString| word.to_str().is_some_and(|word| word.parse::<PortArgument>().is_ok());
    if command.first().is_none_or(is_port) {
        return Ok(None);
    }
    let line = parse(line)?;
    Ok((line.host.is_some() || line.proxy.is_some()).then_some((line, command)))
}

fn parse(arguments: &[OsString]) -> Result<Arguments, Refusal> {
    Arguments::try_parse_from(arguments).map_err(Refusal::from)
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        match Stop::from(error) {
            Stop::Information(text) | Stop::Nothing(text) => Self::Information(text),
            Stop::Mistake(mistake) => Self::Usage(mistake),
        }
    }
}

/// Sends a port-knock sequence: a TCP SYN or an empty UDP datagram to each port.
#[derive(Debug, Parser)]
// As getopt_long(3) does: the last of several counts, and so does an unambiguous beginning.
#[command(name = "knock", version, override_usage = USAGE, after_help = AFTER_HELP)]
#[command(args_override_self = true, infer_long_args = true)]
struct Arguments {
    #[arg(value_name = "HOST", help = "Name or address to knock at; without ports the name\nof a profile")]
    host: Option<String>,

    #[arg(
        value_name = "PORT[:PROTO]",
        conflicts_with = "one_time",
        help = "Ports to hit, in this order, 1-65535; PROTO is tcp\nor udp, without one it is tcp"
    )]
    knocks: Vec<PortArgument>,

    /// Hit ports over UDP where no protocol is given
    #[arg(short, long, conflicts_with = "one_time")]
    udp: bool,

    #[arg(
        short,
        long,
        value_name = "MS",
        allow_negative_numbers = true,
        help = format!("Milliseconds between hits, so that they arrive in\norder [default: {DEFAULT_DELAY_MS}]")
    )]
    delay: Option<Delay>,

    #[command(flatten)]
    family: FamilyArguments,

    /// Send from this address of this host
    #[arg(long, value_name = "ADDR", conflicts_with = "both")]
    source: Option<IpAddr>,

    /// Send through this network interface (Linux)
    #[arg(long, value_name = "NAME")]
    interface: Option<InterfaceName>,

    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "both",
        help = "Knock the next sequence in FILE, and mark it used\nthere before (# over the first byte of its line)"
    )]
    one_time: Option<PathBuf>,

    #[command(flatten)]
    check: CheckArguments,

    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["one_time", "udp", "both"],
        help = "Knock as the profile NAME says, connect to its port\nto verify, and carry bytes between there and\n\
                standard input and output: for ssh's ProxyCommand;\nHOST and PORT, if given, in place of the profile's"
    )]
    proxy: Option<String>,

    /// Find profiles in FILE
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Tell what is done
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct FamilyArguments {
    /// Knock over IPv4
    #[arg(short = '4', long)]
    ipv4: bool,

    /// Knock over IPv6
    #[arg(short = '6', long)]
    ipv6: bool,

    /// Knock over IPv4 and over IPv6 if HOST has both
    #[arg(long)]
    both: bool,
}

#[derive(Debug, Args)]
struct CheckArguments {
    #[arg(
        long,
        value_name = "PORT",
        help = "Wait until this TCP port accepts a connection;\nif it does not, knock again"
    )]
    verify: Option<TcpPort>,

    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        help = format!(
            "How long the port may take to open, each time\nthe sequence is knocked [default: {DEFAULT_TIMEOUT_SECONDS}]"
        )
    )]
    timeout: Option<Timeout>,

    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help = format!("How many times to knock again [default: {DEFAULT_RETRIES}]")
    )]
    retries: Option<Retries>,
}

impl Arguments {
    fn into_call(self, command: &[OsString]) -> Result<Call, Refusal> {
        let settings = self.settings();
        let subject = match (self.proxy, self.host, self.one_time) {
            (Some(_), ..) if !command.is_empty() => {
                return Err(Refusal::Usage("--proxy cannot be used with a COMMAND".to_owned()));
            }
            (Some(name), host, _) => {
                let port = match *self.knocks {
                    [] => None,
                    [port] => Some(port.tcp().map_err(Refusal::Usage)?),
                    _ => return Err(Refusal::Usage("--proxy connects to one port only".to_owned())),
                };
                Subject::Proxy { name, host, port }
            }
            (None, Some(host), Some(path)) => Subject::Host { host, ports: Ports::OneTime(path) },
            (None, Some(name), None) if self.knocks.is_empty() => Subject::Profile(name),
            (None, Some(host), None) => Subject::Host { host, ports: Ports::Given(self.knocks) },
            (None, None, _) => return Err(Refusal::Usage(NO_HOST.to_owned())),
        };
        Ok(Call { subject, settings, config: self.config, command: command.to_vec() })
    }

    fn settings(&self) -> Settings {
        Settings {
            udp: self.udp,
            delay: self.delay.map(|delay| delay.0),
            family: self.family.family(),
            source: self.source,
            interface: self.interface.clone(),
            verify: self.check.verify.map(|verify| verify.0),
            timeout: self.check.timeout.map(|timeout| timeout.0),
            retries: self.check.retries.map(|retries| retries.0),
            verbose: self.verbose,
        }
    }
}

impl FamilyArguments {
    fn family(&self) -> Option<Family> {
        match self {
            Self { ipv4: true, .. } => Some(Family::V4),
            Self { ipv6: true, .. } => Some(Family::V6),
            Self { both: true, .. } => Some(Family::Both),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
