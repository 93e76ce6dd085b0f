//! `knockctl explain`: what each packet of a source did, and why a knock failed.

mod capture;
mod live;
mod page;

use std::{
    io::{self, IsTerminal, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use jiff::tz::TimeZone;
use knockd::{
    InquiryError,
    explain::{Narrator, Told},
};
use thiserror::Error;

use self::page::Page;
use crate::{follow::FollowError, means, values::address};

/// What is to be explained.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// The address that knocks
    #[arg(value_name = "IP", value_parser = address)]
    pub source: IpAddr,

    /// Explain the packets of this pcap or pcapng file
    /// (- for standard input), not those that come now
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub read: Option<PathBuf>,

    /// With --read: go by this configuration [default:
    /// the one of the running knockd, else
    /// /etc/knockd.conf]
    #[arg(short, long, value_name = "FILE", requires = "read", verbatim_doc_comment)]
    pub config: Option<PathBuf>,

    /// With --read: the addresses that the host of the
    /// capture had, with commas between them [default:
    /// every destination is its own]
    #[arg(long, value_name = "IP", value_parser = address, value_delimiter = ',')]
    #[arg(requires = "read", verbatim_doc_comment)]
    pub address: Vec<IpAddr>,

    /// Print JSON, an object for each packet
    #[arg(long)]
    pub json: bool,
}

/// Why it can't be explained.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// The daemon does not tell.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The capture does not.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// The system fails us.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl ExplainError {
    /// Whether nobody reads any more what we print.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        let (Self::System(error) | Self::Inquiry(InquiryError::Print(error))) = self else { return false };
        error.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Explains until it is over: the capture, or the patience of whoever asked.
pub fn run(arguments: &Arguments, socket: &Path) -> Result<(), ExplainError> {
    match &arguments.read {
        Some(capture) => capture::run(arguments, capture, socket),
        None => live::run(arguments, socket),
    }
}

/// Where explanations go.
struct Voice {
    is_json: bool,
    page: Page,
    narrator: Narrator,
    source: IpAddr,
}

impl Voice {
    fn new(arguments: &Arguments, zone: TimeZone) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let width = is_terminal.then(|| means::width().clamp(40, 100));
        let page = Page { zone, has_colour: is_terminal && means::has_colour(), width };
        Self { is_json: arguments.json, page, narrator: Narrator::new(), source: arguments.source }
    }

    fn tell(&mut self, findings: &[knockd::explain::Finding]) -> io::Result<()> {
        let Some(told) = self.narrator.tell(findings) else { return Ok(()) };
        self.print(&told)
    }

    fn print(&self, told: &Told) -> io::Result<()> {
        if self.is_json { json(told) } else { print(&self.page.told(told)) }
    }

    /// What is no explanation: for people only.
    fn note(&self, note: &str) -> io::Result<()> {
        if self.is_json { Ok(()) } else { print(&self.page.note(note)) }
    }

    fn sum_up(&self) -> io::Result<()> {
        self.note("")?;
        self.note(&self.narrator.sum_up(self.source))
    }
}

fn json(value: &impl serde::Serialize) -> io::Result<()> {
    print(&format!("{}\n", serde_json::to_string(value)?))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
