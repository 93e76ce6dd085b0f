//! Why the knocks of one source in a capture worked or did not.

use std::{io, net::IpAddr, path::Path};

use jiff::Timestamp;
use knock_core::{
    explanation::Explanation, filter::Families, hit::Hit, interface::InterfaceIndex, moment::Moment,
};
use thiserror::Error;

use super::{ReplayError, capture, player::Player};
use crate::{
    configuration::{self, LoadError},
    explain::{Finding, Reader},
};

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// The pcap or pcapng file, `-` for standard input.
    pub capture: &'a Path,
    /// The file of the configuration.
    pub config: &'a Path,
    /// Which addresses the host of the capture had; without any every destination was its own.
    pub addresses: &'a [IpAddr],
    /// The IP versions that it listened to.
    pub families: Families,
    /// Whose packets.
    pub source: IpAddr,
}

/// Why it can't be explained.
#[derive(Debug, Error)]
pub enum InquiryError {
    /// There is no configuration to go by.
    #[error("{}", .0.advised())]
    Configuration(#[from] LoadError),
    /// The capture can't be played to its end.
    #[error(transparent)]
    Replay(ReplayError),
    /// Nobody takes what is told.
    #[error("cannot print: {0}")]
    Print(io::Error),
}

impl From<ReplayError> for InquiryError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Print(error) => Self::Print(error),
            error => Self::Replay(error),
        }
    }
}

impl Inquiry<'_> {
    /// Tells what became of each packet, at all doors, and what happened without one.
    pub fn make(&self, mut tell: impl FnMut(&[Finding]) -> io::Result<()>) -> Result<(), InquiryError> {
        let checked = configuration::load(Path::new(""), self.config)?;
        let mut player = Player::new(&checked.config, self.addresses)?;
        player.engine().explain_source(self.source, true);
        let mut number = 0_u64;
        capture::packets(self.capture, |packet| {
            number += 1;
            match Hit::read(packet.link, InterfaceIndex::default(), packet.frame) {
                Ok(hit) if self.families == Families::V4Only && hit.destination.is_ipv6() => Ok(()),
                Ok(hit) => self.take(&mut player, packet.at, &hit, number, &mut tell),
                Err(_) => Ok(()),
            }
        })?;
        Ok(())
    }

    fn take(
        &self,
        player: &mut Player<'_>,
        at: Moment,
        hit: &Hit,
        number: u64,
        tell: &mut impl FnMut(&[Finding]) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut of_time, mut of_hit) = (Vec::new(), Vec::new());
        player.hit(at, hit, &mut |event, standing| {
            if event.source != self.source {
                return Ok(());
            }
            let explanation = Explanation::of_hit(*event, hit, number);
            let Some(door) = &standing.door else { return Ok(()) };
            let at = time(event.at);
            let finding = Finding::of(&explanation, &standing.name, door, at, Reader::OfConfiguration);
            if finding.packet.is_some() {
                of_hit.push(finding);
            } else {
                of_time.push(finding);
            }
            Ok(())
        })?;
        of_time.iter().try_for_each(|finding| tell(std::slice::from_ref(finding)))?;
        if of_hit.is_empty() { Ok(()) } else { tell(&of_hit) }
    }
}

/// The time that a moment of a capture stands for.
fn time(at: Moment) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or(Timestamp::MAX)
}
