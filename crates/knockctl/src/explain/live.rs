//! Explanations of what comes now.

use std::{
    mem,
    path::Path,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use knockd::{
    control::protocol::{Event, Request, Said},
    explain::Finding,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{Arguments, ExplainError, Voice, json, print};
use crate::{follow::Follower, signals::Signals, watch::words};

/// All that one packet did comes at once. This is how long we wait for more of it.
const TOGETHER: Duration = Duration::from_millis(50);

/// After so long a silence it is told what that may mean.
const SILENCE: Duration = Duration::from_secs(10);

/// Explains what comes, until somebody ends it or the daemon ends.
pub(super) fn run(arguments: &Arguments, socket: &Path) -> Result<(), ExplainError> {
    let mut ending = Signals::of_end()?;
    let source = arguments.source;
    let mut follower = Follower::begin(socket, &Request::Explain { source })?;
    let mut voice = Voice::new(arguments, TimeZone::system());
    voice.note(&format!("explaining what comes from {source}; Ctrl-C ends it"))?;
    if !follower.knows_all() {
        voice.note("(which port it was, and which is waited for, is told to root only)")?;
    }
    let began = Instant::now();
    let mut is_silent = true;
    let mut waiting: Vec<Finding> = Vec::new();
    loop {
        let silence = is_silent.then(|| SILENCE.saturating_sub(began.elapsed()));
        let patience = if waiting.is_empty() { silence } else { Some(TOGETHER) };
        let is_more = wait(&follower, &ending, patience)?;
        if ending.take() {
            tell(&mut voice, &mut waiting)?;
            voice.sum_up()?;
            return Ok(());
        }
        if !is_more {
            tell(&mut voice, &mut waiting)?;
            if is_silent && began.elapsed() >= SILENCE {
                is_silent = false;
                voice.note(&silent(arguments))?;
            }
            continue;
        }
        for said in follower.take()? {
            is_silent = false;
            take(&mut voice, &mut waiting, said)?;
        }
    }
}

fn take(voice: &mut Voice, waiting: &mut Vec<Finding>, said: Said) -> Result<(), ExplainError> {
    match said {
        Said::Finding(finding) => {
            let number = |finding: &Finding| finding.packet.as_ref().map(|packet| packet.number);
            let is_same =
                waiting.last().is_some_and(|last| number(last).is_some() && number(last) == number(&finding));
            if !is_same {
                tell(voice, waiting)?;
            }
            waiting.push(*finding);
        }
        Said::FindingsLeftOut { count } => {
            tell(voice, waiting)?;
            voice.note(&format!("{count} decisions came too fast to be explained"))?;
        }
        Said::Event(event) => {
            tell(voice, waiting)?;
            happened(voice, &event)?;
        }
        _ => {}
    }
    Ok(())
}

fn tell(voice: &mut Voice, waiting: &mut Vec<Finding>) -> Result<(), ExplainError> {
    Ok(voice.tell(&mem::take(waiting))?)
}

/// What followed from a knock.
fn happened(voice: &Voice, event: &Event) -> Result<(), ExplainError> {
    if voice.is_json {
        return Ok(json(event)?);
    }
    if let Some((_, text)) = words::of(&event.what) {
        print(&voice.page.event(&event.at, &text))?;
    }
    Ok(())
}

fn silent(arguments: &Arguments) -> String {
    format!(
        "nothing has come from {} yet: is that the address that arrives here (routers translate some), and does a \
         firewall in front let the knocks through? tcpdump -ni any host {} tells what this host gets",
        arguments.source, arguments.source
    )
}

/// Whether the daemon has told something; if not, the time is over or somebody wants us to end.
fn wait(follower: &Follower, ending: &Signals, patience: Option<Duration>) -> Result<bool, ExplainError> {
    let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let mut polled = [PollFd::new(follower, PollFlags::IN), PollFd::new(ending, PollFlags::IN)];
    match poll(&mut polled, patience.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(std::io::Error::from(error).into()),
    }
    let [follower, _] = polled;
    Ok(!follower.revents().is_empty())
}
