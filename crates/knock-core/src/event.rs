//! What the engine has to say about a hit or the passing of time.

use std::{fmt, net::IpAddr};

use thiserror::Error;

use crate::{
    door::{DoorNumber, TcpFlags},
    moment::Moment,
    sequence::Protocol,
};

/// Something happened to one source's attempt at one door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Moment,
    /// At which door.
    pub door: DoorNumber,
    /// Whose attempt it was.
    pub source: IpAddr,
    /// What happened.
    pub what: What,
}

/// What happened to an attempt. Stages count the knocks made, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A knock brought the attempt to this stage, which isn't the last.
    Stage(u8),
    /// The last knock was made, the one at this stage: the door opens and the attempt is over.
    Opened(u8),
    /// A wrong port ended the attempt.
    Discarded {
        /// How far it had come.
        stage: u8,
        /// The port that was hit.
        port: u16,
        /// Over which protocol.
        protocol: Protocol,
    },
    /// The door's time for a sequence ran out.
    TimedOut(u8),
    /// The table of attempts was full and this one had come the least far for the longest.
    GaveWay(u8),
    /// The hit did nothing at this door. Only told to those who ask for explanations.
    Ignored {
        /// The port that was hit.
        port: u16,
        /// Over which protocol.
        protocol: Protocol,
        /// Why it did nothing.
        reason: Reason,
    },
}

/// What kinds of event there can be too many of: all but openings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`What::Stage`].
    Stage,
    /// [`What::Discarded`].
    Discarded,
    /// [`What::TimedOut`].
    TimedOut,
    /// [`What::GaveWay`].
    GaveWay,
    /// [`What::Ignored`].
    Ignored,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Stage, Self::Discarded, Self::TimedOut, Self::GaveWay, Self::Ignored];
}

impl What {
    /// What kind of event it is; none for an opening.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::Opened(_) => None,
            Self::Stage(_) => Some(Kind::Stage),
            Self::Discarded { .. } => Some(Kind::Discarded),
            Self::TimedOut(_) => Some(Kind::TimedOut),
            Self::GaveWay(_) => Some(Kind::GaveWay),
            Self::Ignored { .. } => Some(Kind::Ignored),
        }
    }
}

/// Why a hit did nothing at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// It was sent to another address than the door's.
    #[error("it was not sent to the door's address")]
    NotAddressed,
    /// Its source can't be somebody who waits for an answer.
    #[error("its source address cannot be a real peer")]
    NoPeer,
    /// The door's `TCPFlags` don't admit it.
    #[error("its TCP flags ({0}) do not match the door's")]
    Flags(TcpFlags),
    /// No knock of the door has its protocol.
    #[error("no knock of the door is {0}")]
    Protocol(Protocol),
    /// It repeats the segment that made the last step.
    #[error("it is a retransmission of the last knock")]
    Copy,
    /// There is no attempt and it is not the first knock.
    #[error("there is no attempt that it could carry on and it is not the first knock")]
    NotFirst,
    /// The door overlooks ports outside its sequence.
    #[error("its port is not in the sequence and the door ignores those")]
    Overlooked,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(stage) => write!(f, "Stage {stage}"),
            Self::Opened(_) => write!(f, "OPEN SESAME"),
            Self::Discarded { stage, port, protocol } => {
                write!(f, "discarded at stage {stage}: wrong port {port}:{protocol}")
            }
            Self::TimedOut(stage) => write!(f, "sequence timeout (stage {stage})"),
            Self::GaveWay(stage) => write!(f, "gave way at stage {stage}: too many attempts"),
            Self::Ignored { port, protocol, reason } => write!(f, "ignored {port}:{protocol}: {reason}"),
        }
    }
}
