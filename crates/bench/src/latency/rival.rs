//! A way to open a door, and how it is seen to be open.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::fd::AsFd,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use trials::{
    net::{Daemon, Lab, Program, Wire},
    trouble::{Outcome, Trouble, While, ensure},
};

use super::{NFT, news::News, service::Service, spa};
use crate::{
    figures::Samples,
    keeper::{Keeper, door},
    site::{self, KNOCKS, SERVICE},
};

/// Between two knocks: longer than anybody buffers packets, so that the last knock finds nothing under way.
const PAUSE: Duration = Duration::from_millis(60);

/// What the column says of a door that needs no command.
pub(super) const NATIVE: &str = "none, `Open`";

/// A door that has not opened by then is given up.
const LIMIT: Duration = Duration::from_secs(2);

/// How a door is knocked at and seen to be open.
pub(super) struct Rival<'a> {
    pub(super) name: &'static str,
    pub(super) command: &'static str,
    wire: Wire,
    /// Where a packet of authorisation is made for each source; none where knocks are sent.
    authorised: Option<&'a Lab>,
    pipe: Option<File>,
    news: Option<News>,
    service: Option<Service>,
    /// The command line, where it is run without anybody knocking.
    by_itself: Option<(&'a Lab, String)>,
    pub(super) times: Samples,
    /// Ends with the value.
    _daemon: Option<Daemon<'a>>,
    _program: Option<Program>,
}

impl<'a> Rival<'a> {
    fn new(name: &'static str, command: &'static str, lab: &'a Lab) -> Outcome<Self> {
        lab.server().shell(&lab.filled_in("mkfifo {DIR}/opened"))?;
        // Open for writing too: so it never ends, and opening it never blocks.
        let pipe = OpenOptions::new().read(true).write(true).open(lab.directory().join("opened"))?;
        Ok(Self {
            name,
            command,
            wire: site::cable(lab)?,
            authorised: None,
            pipe: Some(pipe),
            news: None,
            service: None,
            by_itself: None,
            times: Samples::default(),
            _daemon: None,
            _program: None,
        })
    }

    pub(super) fn with_command(keeper: Keeper, lab: &'a Lab, before: &'static str) -> Outcome<Self> {
        let rival = Self::new(keeper.name(), name_of(before), lab)?;
        let line = format!(" Start_Command = {before}echo %IP% > {{DIR}}/opened");
        let daemon = keeper.start(lab, &door("udp", &line))?;
        let service = if before.is_empty() { None } else { Some(Service::start(lab)?) };
        Ok(Self { _daemon: Some(daemon), service, ..rival })
    }

    pub(super) fn without_daemon(lab: &'a Lab, before: &'static str) -> Outcome<Self> {
        let line = lab.filled_in(&format!("{before}echo %IP% > {{DIR}}/opened"));
        Ok(Self { by_itself: Some((lab, line)), ..Self::new("no daemon", name_of(before), lab)? })
    }

    pub(super) fn fwknop(lab: &'a Lab) -> Outcome<Self> {
        let rival = Self::new("fwknopd", "nft", lab)?;
        let program = spa::daemon(lab, &NFT.replace("%IP%", "$1"))?;
        Ok(Self {
            _program: Some(program),
            authorised: Some(lab),
            service: Some(Service::start(lab)?),
            ..rival
        })
    }

    pub(super) fn in_kernel(lab: &'a Lab) -> Outcome<Self> {
        let rival = Self::new("nftables alone", "none", lab)?;
        Ok(Self { service: Some(Service::start(lab)?), pipe: None, ..rival })
    }

    /// Our daemon, with a door that opens by itself and stands open beyond the last round.
    pub(super) fn native(lab: &'a Lab) -> Outcome<Self> {
        let rival = Self::new(Keeper::Ours.name(), NATIVE, lab)?;
        let daemon =
            Keeper::Ours.start(lab, &door("udp", &format!(" Open = udp/{SERVICE}\n Cmd_Timeout = 600")))?;
        let news = Some(News::of(lab)?);
        Ok(Self { _daemon: Some(daemon), service: Some(Service::start(lab)?), news, pipe: None, ..rival })
    }

    /// Has a source knock, and notes how long it took.
    pub(super) fn knock(&mut self, source: u16) -> Outcome {
        let address = site::address(source);
        let datagram = |port| site::frame(&format!("udp {address} > SERVER:{port}"));
        let probe = datagram(SERVICE)?;
        let mut frames = KNOCKS.into_iter().map(datagram).collect::<Outcome<Vec<_>>>()?;
        if self.by_itself.is_some() {
            frames.truncate(1);
        }
        if let Some(lab) = self.authorised {
            // Made now: fwknopd refuses what is older than two minutes.
            frames = vec![spa::packet(lab, source)?];
        }
        let last = frames.pop().ok_or_else(|| Trouble::new("there is no last knock"))?;
        for frame in frames {
            self.wire.send(&frame)?;
            thread::sleep(PAUSE);
        }
        thread::sleep(shift(source));
        let (begun, _shell) = match &self.by_itself {
            None => {
                let begun = Instant::now();
                self.wire.send(&last)?;
                (begun, None)
            }
            Some((lab, line)) => {
                let (begun, shell) = run(lab, &line.replace("%IP%", &address))?;
                (begun, Some(shell))
            }
        };
        if let Some(pipe) = &mut self.pipe {
            if !is_told(pipe, &address)? {
                return Ok(());
            }
            let took = begun.elapsed();
            self.times.add(took.as_secs_f64() * 1e6);
        }
        if let Some(news) = &mut self.news {
            let source = address.parse().map_err(|_| Trouble::new("a source without an address"))?;
            if !news.await_source(source, LIMIT)? {
                return Ok(());
            }
            self.times.add(begun.elapsed().as_secs_f64() * 1e6);
        }
        let Some(service) = &self.service else { return Ok(()) };
        let is_open = self.pipe.is_some() || self.news.is_some();
        self.wire.send(&probe)?;
        match service.woken(LIMIT) {
            Some(woken) if !is_open => self.times.add(woken.duration_since(begun).as_secs_f64() * 1e6),
            None if is_open => {
                return Err(Trouble::new(format!("{}: the port is shut for {address}", self.name)));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A further pause before the last knock, spread evenly (steps of the golden ratio) over more than the period in which
/// libpcap hands packets over: the rounds must not keep time with it.
fn shift(source: u16) -> Duration {
    let part = (u32::from(source) * 40_503) % 65_536;
    Duration::from_micros(u64::from(part))
}

/// Runs a command in the laboratory's server, and tells when it was started. It may not be let go of before it has
/// done its work.
fn run(lab: &Lab, line: &str) -> Outcome<(Instant, Program)> {
    lab.server().inside(|| {
        let begun = Instant::now();
        Ok((begun, Program::start(Command::new("/bin/sh").args(["-c", line]))?))
    })
}

/// What the column says of a command.
fn name_of(command: &str) -> &'static str {
    if command.is_empty() { "the shell alone" } else { "nft" }
}

/// Whether the pipe tells in time that this source was let in.
fn is_told(pipe: &mut File, address: &str) -> Outcome<bool> {
    let mut told = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    if poll(&mut told, PollTimeout::try_from(LIMIT).unwrap_or(PollTimeout::MAX))
        .while_("waiting for a command")?
        == 0
    {
        return Ok(false);
    }
    let mut line = [0; 64];
    let length = pipe.read(&mut line)?;
    let line = String::from_utf8_lossy(line.get(..length).unwrap_or_default()).into_owned();
    ensure(line.trim_end() == address, format!("opened for {line:?} instead of {address}"))?;
    Ok(true)
}
