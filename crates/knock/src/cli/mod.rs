//! The command line.

mod values;

use std::{ffi::OsString, net::IpAddr, num::NonZeroU16, path::PathBuf, time::Duration};

use clap::{Args, Parser, error::ErrorKind};
use knock_core::sequence::Protocol;

use crate::{
    origin::{InterfaceName, Origin},
    plan::{Check, Knocks, Plan},
    target::Family,
};
use values::{PortArgument, milliseconds, seconds, tcp_port};

/// Packets that leave back to back can change places on the way (parallel links and queues, radio links that repeat
/// what was lost), and a server discards an attempt whose knocks come in the wrong order. Such shifts are some
/// milliseconds, tens of them on radio links. 100 ms lie above that, and still the longest sequence of 32 knocks takes
/// three seconds, well within the usual timeouts of doors.
const DEFAULT_DELAY: &str = "100";

/// Enough for a server that opens the door through a few shell commands, over a line that takes a second each way.
const DEFAULT_TIMEOUT: &str = "5";

/// A sequence lost twice in a row is bad luck, three times is another trouble.
const DEFAULT_RETRIES: &str = "2";

const USAGE: &str = "knock [OPTIONS] HOST PORT[:PROTO]...
       knock [OPTIONS] --one-time FILE HOST";

const AFTER_HELP: &str = "\
Exit status:
  0  all hits were sent; with --verify: the port is open
  1  a hit could not be sent, or the port did not open; the reason is on
     standard error. A hit that fails does not keep back the others.
  2  the command line is wrong; nothing was sent

Closed, filtered and silent ports are knocked at like any other. With --both,
--verify wants the port open at both addresses; an address that this host has
no route to is left out. Retries with --one-time knock the same line again,
since a server that has missed it still waits for it; --both does not go with
it, since a sequence opens the door to one address only.

Examples:
  knock server.example.com 7000 8000:udp 9000
  knock -u -d 250 server.example.com 8284 4721 18592
  knock --verify 22 server.example.com 7000 8000 9000 && ssh server.example.com
  knock --one-time ~/.knock-sequences --verify 22 server.example.com";

/// Reads the command line, the program's name first.
pub(crate) fn plan<A>(arguments: A) -> Result<Plan, Refusal>
where
    A: IntoIterator<Item = OsString>,
{
    Arguments::try_parse_from(arguments).map_err(Refusal::from)?.into_plan()
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The user asked for this text.
    Information(String),
    /// The arguments are wrong: what is wrong with them, in one line.
    Usage(String),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Self::Information(format!("{}\n", text.trim_end()))
            }
            _ => Self::Usage(one_line(&text)),
        }
    }
}

/// The message of a clap error without what comes after it: usage and the advice to look at the help.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().map(str::trim);
    let message = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    message.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ").replace(" tip:", ";")
}

/// Sends a port-knock sequence: a TCP SYN or an empty UDP datagram to each port.
#[derive(Debug, Parser)]
// As getopt_long(3) does: the last of several counts, and so does an unambiguous beginning.
#[command(name = "knock", version, override_usage = USAGE, after_help = AFTER_HELP)]
#[command(args_override_self = true, infer_long_args = true)]
struct Arguments {
    /// Name or address to knock at
    host: String,

    #[arg(
        value_name = "PORT[:PROTO]",
        required_unless_present = "one_time",
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
        default_value = DEFAULT_DELAY,
        value_parser = milliseconds,
        allow_negative_numbers = true,
        help = "Milliseconds between hits, so that they arrive in\norder"
    )]
    delay: Duration,

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
        value_parser = tcp_port,
        help = "Wait until this TCP port accepts a connection;\nif it does not, knock again"
    )]
    verify: Option<NonZeroU16>,

    #[arg(
        long,
        value_name = "SECONDS",
        default_value = DEFAULT_TIMEOUT,
        value_parser = seconds,
        requires = "verify",
        allow_negative_numbers = true,
        help = "How long the port may take to open, each time\nthe sequence is knocked"
    )]
    timeout: Duration,

    #[arg(
        long,
        value_name = "N",
        default_value = DEFAULT_RETRIES,
        requires = "verify",
        allow_negative_numbers = true,
        help = "How many times to knock again"
    )]
    retries: u32,
}

impl Arguments {
    fn into_plan(self) -> Result<Plan, Refusal> {
        let family = self.family.family(self.source)?;
        let default = if self.udp { Protocol::Udp } else { Protocol::Tcp };
        let knocks = match self.one_time {
            Some(path) => Knocks::OneTime(path),
            None => Knocks::Given(self.knocks.iter().map(|port| port.knock(default)).collect()),
        };
        Ok(Plan {
            host: self.host,
            family,
            knocks,
            origin: Origin {
                source: self.source.map(|source| source.to_canonical()),
                interface: self.interface,
            },
            delay: self.delay,
            check: self.check.check(),
            verbose: self.verbose,
        })
    }
}

impl FamilyArguments {
    /// The family asked for, which a source address decides too.
    fn family(&self, source: Option<IpAddr>) -> Result<Family, Refusal> {
        let asked = match self {
            Self { ipv4: true, .. } => Family::V4,
            Self { ipv6: true, .. } => Family::V6,
            Self { both: true, .. } => Family::Both,
            _ => Family::Any,
        };
        let Some(source) = source else {
            return Ok(asked);
        };
        let own = Family::of(source.to_canonical());
        if asked != Family::Any && asked != own {
            return Err(Refusal::Usage(format!(
                "--source {source} is not an address of the family asked for"
            )));
        }
        Ok(own)
    }
}

impl CheckArguments {
    fn check(&self) -> Option<Check> {
        self.verify.map(|port| Check { port, timeout: self.timeout, retries: self.retries })
    }
}

#[cfg(test)]
mod tests;
