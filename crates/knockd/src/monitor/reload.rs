//! Taking up a changed configuration without losing a packet, an attempt or an opening.

use std::{collections::BTreeSet, time::Duration};

use knock_core::{
    config::{Config, DoorConfig, Mistake},
    moment::Moment,
};

use super::{Monitor, listening::Listening, recovery};
use crate::{
    configuration::{self, LoadError},
    control::protocol::{Refusal, RefusalKind},
    journal::Journal,
    log::Line,
    settings::Settings,
};

impl Monitor {
    /// Reads the configuration again. If it has mistakes, or needs what isn't there, the one in force stays. Returns the
    /// warnings about it, or what is wrong with it; the log has either already.
    pub(super) fn reload(&mut self, now: Moment) -> Result<Vec<String>, Refusal> {
        let path = self.arguments.config.clone();
        let loaded = configuration::load(&self.directory, &path);
        // From here on whoever has changed the file may change it again.
        self.log.say(Line::Rereading { path: path.clone() });
        self.is_refused = false;
        let (mistakes, first, refusal) = match loaded {
            Ok(checked) => {
                for warning in &checked.warnings {
                    self.log.say(Line::warning(warning.brief()));
                }
                match self.take_up(now, checked.config) {
                    Ok(()) => {
                        let doors = self.doors.standing().count();
                        self.log.say(Line::ConfigurationTaken { doors });
                        self.tally.note_taken(now);
                        return Ok(checked.warnings.iter().map(ToString::to_string).collect());
                    }
                    Err(first) => (1, first.clone(), Refusal::new(RefusalKind::Failed, first)),
                }
            }
            Err(error) => {
                let refusal = Refusal::new(RefusalKind::Mistakes, error.to_string());
                let (mistakes, first) = match error {
                    LoadError::Mistakes(mistakes) => {
                        let mistakes = mistakes.mistakes();
                        (mistakes.len(), mistakes.first().map(Mistake::brief).unwrap_or_default())
                    }
                    LoadError::Unreadable { .. } => (1, error.to_string()),
                };
                (mistakes, first, refusal)
            }
        };
        self.is_refused = true;
        self.log.say(Line::ConfigurationKept { path, mistakes, first });
        // Whatever is wrong, the signal may come from who rotates the log.
        self.log.reopen();
        Err(refusal)
    }

    fn take_up(&mut self, now: Moment, config: Config) -> Result<(), String> {
        let settings = Settings::new(&self.arguments, &config.options, &self.directory);
        let is_new = settings.interfaces != self.settings.interfaces;
        if is_new && let Err(error) = Listening::require(&settings, &self.links) {
            return Err(error.to_string());
        }
        if !self.opener.has_journal() && config.doors.iter().any(DoorConfig::closes) {
            let (journal, left) =
                Journal::open(&settings.state_dir).map_err(|failed| failed.error.to_string())?;
            self.settings.state_dir.clone_from(&settings.state_dir);
            recovery::say_damaged(&left, &settings.state_dir, &self.log);
            self.opener.take_up(now, Some(journal), left, &self.log);
        }
        let natives = self.guard.prepare(&config.doors).map_err(|error| error.to_string())?;
        let prepared = self.doors.prepare(config.doors).map_err(|error| error.to_string())?;
        self.guard.change(now, natives, Duration::ZERO, &self.log).map_err(|error| error.to_string())?;
        self.guard.forget_shut();
        let changes = self.doors.replace(prepared);
        let standing: BTreeSet<&str> = self.doors.standing().map(|door| door.name.as_ref()).collect();
        self.log.keep_counts(|name| standing.contains(name));
        if settings.max_attempts != self.settings.max_attempts {
            self.log.say(Line::warning("MaxAttempts takes effect when knockd is started the next time"));
        }
        if self.pid_file.is_some() && settings.pid_file != self.settings.pid_file {
            self.log.say(Line::warning("PidFile takes effect when knockd is started the next time"));
        }
        if settings.state_dir != self.settings.state_dir {
            self.log.say(Line::warning("StateDir takes effect when knockd is started the next time"));
        }
        if settings.control_socket != self.settings.control_socket {
            self.log.say(Line::warning("ControlSocket takes effect when knockd is started the next time"));
        }
        let old = std::mem::replace(&mut self.settings, settings);
        self.settings.max_attempts = old.max_attempts;
        self.settings.pid_file = old.pid_file;
        self.settings.state_dir = old.state_dir;
        self.settings.control_socket = old.control_socket;
        self.log.change(self.settings.outputs());
        self.opener.set_at_once(self.settings.max_commands);
        self.order_doors(now, changes);
        self.listen(now);
        if is_new {
            self.tell_missing();
        }
        self.opener.pass_time(now, &self.log);
        Ok(())
    }
}
