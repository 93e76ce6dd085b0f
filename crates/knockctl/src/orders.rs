//! What is asked and told in one line, and answered in one.

use std::{
    io::{self, Write},
    path::Path,
};

use knockd::control::protocol::{Request, Said, millis};
use serde::Serialize;

use crate::{
    cli::Command,
    follow::{self, FollowError},
    show,
};

/// Has the daemon at this socket do what the command says, and shows what it answers.
pub fn obey(command: Command, socket: &Path) -> Result<(), FollowError> {
    let Some((request, json)) = request(command) else { return Ok(()) };
    let said = match follow::ask(socket, &request)? {
        Said::Refused(refusal) => return Err(FollowError::Refused(refusal)),
        said => said,
    };
    let text = match &said {
        Said::Status(status) if json => as_json(status)?,
        Said::Status(status) => show::status(status),
        Said::List(list) if json => as_json(list)?,
        Said::List(list) => show::list(list),
        Said::Sequences(sequences) if json => as_json(sequences)?,
        Said::Sequences(sequences) => show::sequences(sequences),
        Said::Metrics { text } => text.clone(),
        said if json => show::object(said).map_or_else(|| Err(no_answer()), |object| as_json(&object))?,
        said => show::done(said).ok_or_else(no_answer)?,
    };
    // Who looks only at the exit status may have closed it.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// What is asked for, and whether the answer is wanted as JSON; none for what is done otherwise.
fn request(command: Command) -> Option<(Request, bool)> {
    let (request, json) = match command {
        Command::Status { json } => (Request::Status {}, json),
        Command::List { door, source, json } => (Request::List { door, source }, json),
        Command::Sequences { json } => (Request::Sequences {}, json),
        Command::Metrics => (Request::Metrics {}, false),
        Command::Open { door, ip, json } => (Request::Open { door, source: ip }, json),
        Command::Close { door, ip: Some(source), json, .. } => (Request::Close { door, source }, json),
        Command::Close { door, ip: None, json, .. } => (Request::CloseAll { door }, json),
        Command::Extend { door, ip, seconds, json } => {
            (Request::Extend { door, source: ip, by_ms: millis(seconds) }, json)
        }
        Command::Reload { json } => (Request::Reload {}, json),
        Command::Watch(_) | Command::Explain(_) | Command::Exporter(_) | Command::Check { .. } => {
            return None;
        }
    };
    Some((request, json))
}

fn no_answer() -> FollowError {
    FollowError::Broken("what knockd answers is no answer to this".to_owned())
}

fn as_json(answer: &impl Serialize) -> Result<String, FollowError> {
    let text = serde_json::to_string(answer).map_err(|error| FollowError::Broken(error.to_string()))?;
    Ok(text + "\n")
}
