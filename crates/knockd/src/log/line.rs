//! Everything that the daemon says.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use knock_core::{
    event::{Event, What},
    one_time::LineMistake,
};

pub use super::hand::Hand;
use super::{by::By, kind::Kind, level::Level, purpose::Purpose};

/// One line of the log. Its text has neither time stamp nor line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Something happened to a source's attempt at a door.
    Attempt {
        /// Who knocked.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
        /// What happened.
        what: What,
    },
    /// A command of a door is started.
    Running {
        /// The door's name.
        door: Arc<str>,
        /// For whom it opens or closes.
        source: IpAddr,
        /// What the command is for.
        purpose: Purpose,
        /// The command as the shell gets it.
        command: String,
    },
    /// A command of a door has ended by itself.
    Ran {
        /// The door's name.
        door: Arc<str>,
        /// For whom it opens or closes.
        source: IpAddr,
        /// What the command is for.
        purpose: Purpose,
        /// How long it took.
        took: Duration,
    },
    /// A command of a door has ended with another status than 0.
    CommandFailed {
        /// The door's name.
        door: Arc<str>,
        /// For whom it opens or closes.
        source: IpAddr,
        /// What the command is for.
        purpose: Purpose,
        /// Its exit status, 1-255.
        status: i32,
    },
    /// A signal has ended a command of a door.
    CommandKilled {
        /// The door's name.
        door: Arc<str>,
        /// For whom it opens or closes.
        source: IpAddr,
        /// What the command is for.
        purpose: Purpose,
        /// The signal's number (signal(7)).
        signal: i32,
        /// How long the command had run.
        took: Duration,
    },
    /// A command of a door does not end.
    CommandHangs {
        /// The door's name.
        door: Arc<str>,
        /// For whom it opens or closes.
        source: IpAddr,
        /// What the command is for.
        purpose: Purpose,
        /// The command as the shell got it.
        command: String,
        /// How long it has been running.
        since: Duration,
    },
    /// A command of a door could not even be started.
    CommandNotStarted {
        /// The door's name.
        door: Arc<str>,
        /// For whom it opens or closes.
        source: IpAddr,
        /// What the command is for.
        purpose: Purpose,
        /// Why.
        reason: String,
    },
    /// An administrator has done something to a door by the control socket.
    ByHand {
        /// For whom; none for all.
        source: Option<IpAddr>,
        /// The door's name.
        door: Arc<str>,
        /// What he has done.
        hand: Hand,
        /// His user number.
        user: u32,
    },
    /// A door that a command closes is open.
    Opened {
        /// For whom.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
        /// For how long from now on.
        left: Duration,
    },
    /// A door that a command closes stays open longer than it would have, or by hand any.
    Extended {
        /// For whom.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
        /// Who keeps it open, and closes it.
        by: By,
        /// For how long from now on; none while its start command runs.
        left: Option<Duration>,
    },
    /// A door was closed by its command, or before its time.
    Closed {
        /// For whom it was open.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
    },
    /// An opening's time is over; its stop command comes next.
    CommandTimeout {
        /// For whom the door stood open.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
    },
    /// A door does not open, because nobody could promise that it is closed.
    NotOpened {
        /// For whom.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
        /// Why.
        reason: String,
    },
    /// The kernel lets somebody in, and keeps him out again when the time is over.
    LetIn {
        /// Whom.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
        /// What is open to him: ports, or the set that he is in.
        what: Arc<str>,
        /// For how long from now on.
        stay: Duration,
        /// Whether it was open to him already.
        longer: bool,
    },
    /// The kernel could not be told to let somebody in.
    StaysShut {
        /// Whom.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
        /// Why.
        reason: String,
    },
    /// A door was left open when the daemon ended the last time.
    LeftOpen {
        /// For whom.
        source: IpAddr,
        /// The door's name.
        door: Arc<str>,
        /// How long it stays open yet.
        left: Duration,
    },
    /// The one-time sequence of a door was completed and is marked as used.
    OneTimeUsed {
        /// The door's name.
        door: Arc<str>,
        /// Where it stands in its file, from 1.
        line: usize,
        /// How many are left after it.
        left: usize,
    },
    /// The one-time sequences of a door are all used.
    OneTimeEmpty {
        /// The door's name.
        door: Arc<str>,
    },
    /// A completed one-time sequence could not be marked as used.
    OneTimeNotMarked {
        /// The door's name.
        door: Arc<str>,
        /// The file of its sequences.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A line of a file of one-time sequences is none.
    NoSequence {
        /// The door's name.
        door: Arc<str>,
        /// The file.
        path: PathBuf,
        /// Which line, and what is wrong with it.
        mistake: LineMistake,
    },
    /// The daemon has begun to listen.
    Starting {
        /// Where it listens: names of interfaces with `, ` between them, or `any`.
        interfaces: String,
    },
    /// There are interfaces to listen on that don't exist yet.
    Waiting {
        /// Their names with `, ` between them.
        interfaces: String,
    },
    /// The daemon ends because it was told to.
    ShuttingDown,
    /// The daemon was told to read its configuration again.
    Rereading {
        /// Its file.
        path: PathBuf,
    },
    /// The configuration was read again and is in force.
    ConfigurationTaken {
        /// How many doors it has.
        doors: usize,
    },
    /// The configuration was read again and has mistakes.
    ConfigurationKept {
        /// Its file.
        path: PathBuf,
        /// How many mistakes there are.
        mistakes: usize,
        /// The first of them.
        first: String,
    },
    /// An interface that is listened on has come.
    InterfaceCame {
        /// Its name.
        name: String,
    },
    /// An interface that was listened on has gone.
    InterfaceWent {
        /// Its name.
        name: String,
    },
    /// The kernel had no room for packets.
    PacketsDropped {
        /// How many since the last such line.
        count: u64,
    },
    /// Sequences were completed faster than doors are opened: nothing was done for these.
    OpeningsLost {
        /// How many since the last such line.
        count: u64,
    },
    /// The process that looks at packets has ended by itself.
    WatcherEnded {
        /// How.
        how: String,
        /// After what time the next one starts.
        pause: Duration,
    },
    /// Lines were left out to keep a flood from filling the disk.
    LeftOut {
        /// How many, at least 1.
        count: u64,
        /// Of what kind they were.
        kind: Kind,
        /// The last of them, as far as known.
        sample: Option<Box<Line>>,
    },
    /// An output of the log takes no lines any more.
    OutputBroken {
        /// Which.
        output: Output,
        /// Why.
        reason: String,
    },
    /// An output of the log takes lines again.
    OutputWorks {
        /// Which.
        output: Output,
        /// How many lines it has not got.
        lost: u64,
    },
    /// The log file was opened anew.
    FileReopened {
        /// Its path.
        path: PathBuf,
    },
    /// The log file could not be opened anew.
    FileNotReopened {
        /// Its path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Lines were not shown: the terminal did not keep up.
    NotShown {
        /// How many.
        count: u64,
    },
    /// Whatever has no line of its own yet.
    Text {
        /// How much it matters.
        level: Level,
        /// What there is to say.
        text: String,
    },
}

/// Where lines go, beside the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The log file at this path.
    File(PathBuf),
    /// The system's log.
    Syslog,
}

impl Line {
    /// What an event at this door says: one line, but for an opening the last stage in front.
    pub fn of(event: &Event, door: &Arc<str>) -> impl Iterator<Item = Self> + use<> {
        let stage = match event.what {
            What::Opened(stage) => Some(What::Stage(stage)),
            _ => None,
        };
        let (source, door) = (event.source, Arc::clone(door));
        stage.into_iter().chain([event.what]).map(move |what| Self::Attempt {
            source,
            door: Arc::clone(&door),
            what,
        })
    }

    /// A text that explains what the daemon does.
    #[must_use]
    pub fn debug(text: impl Into<String>) -> Self {
        Self::Text { level: Level::Debug, text: text.into() }
    }

    /// A text that is good to know.
    #[must_use]
    pub fn note(text: impl Into<String>) -> Self {
        Self::Text { level: Level::Info, text: text.into() }
    }

    /// A text about something that somebody should look after.
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self::Text { level: Level::Warning, text: text.into() }
    }

    /// A text about something that keeps the daemon from doing what it is there for.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::Text { level: Level::Error, text: text.into() }
    }

    /// The lines it is counted with when there are too many; none if it is never left out.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Attempt { what, .. } => what.kind().map(Kind::Attempt),
            Self::NoSequence { .. } => Some(Kind::NoSequence),
            Self::InterfaceCame { .. } | Self::InterfaceWent { .. } => Some(Kind::Interface),
            Self::PacketsDropped { .. } => Some(Kind::PacketsDropped),
            Self::OpeningsLost { .. } => Some(Kind::OpeningsLost),
            Self::Text { level, .. } if *level < Level::Error => Some(Kind::Text),
            Self::Extended { .. } | Self::Opened { .. } | Self::Closed { .. } => Some(Kind::Text),
            _ => None,
        }
    }

    /// Whose name could be looked up for it.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        match self {
            Self::Attempt { source, .. }
            | Self::ByHand { source: Some(source), .. }
            | Self::Opened { source, .. }
            | Self::Extended { source, .. }
            | Self::Closed { source, .. }
            | Self::CommandTimeout { source, .. }
            | Self::LetIn { source, .. }
            | Self::StaysShut { source, .. }
            | Self::NotOpened { source, .. }
            | Self::LeftOpen { source, .. } => Some(*source),
            _ => None,
        }
    }
}
