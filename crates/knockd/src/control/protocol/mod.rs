//! What is said at the control socket: JSON lines, as `docs/control.md` describes them.
//!
//! The daemon says [`Said::Hello`] first. Each [`Request`] has one line for an answer; after [`Said::Watching`] lines come
//! as things happen.

mod event;
mod list;
mod refusal;
mod request;
mod said;
mod status;

pub use self::{
    event::{Event, Happening, Stage},
    list::{List, OpeningShown, Phase, Sequences, SequencesOf},
    refusal::{Refusal, RefusalKind},
    request::{LONGEST_STAY, Request, millis},
    said::{Hello, Rights, Said},
    status::{ConfigurationStatus, DoorStatus, FilterStatus, InterfaceStatus, Status, WatcherStatus},
};

/// The version of this protocol. It rises when something that was understood is so no more; new requests, fields and
/// events come without.
pub const VERSION: u32 = 1;

/// The longest request, in bytes without the line end.
pub const LONGEST_REQUEST: usize = 4096;

/// The group whose members may watch.
pub const GROUP: &str = "knockd";
