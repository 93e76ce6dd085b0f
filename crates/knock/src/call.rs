//! What was asked for on the command line.

use std::{ffi::OsString, num::NonZeroU16, path::PathBuf};

use knock_core::sequence::Protocol;

use crate::{
    config,
    plan::{Errand, Manner, Plan, Ports},
    profile::Profile,
    refusal::Refusal,
    settings::Settings,
    target::Family,
};

/// A command line that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// What it is about.
    pub(crate) subject: Subject,
    /// How to go about it; wins over a profile.
    pub(crate) settings: Settings,
    /// The file with the profiles, if not the usual one.
    pub(crate) config: Option<PathBuf>,
    /// The program to run afterwards, and its arguments.
    pub(crate) command: Vec<OsString>,
}

/// Whom to knock at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A host, with everything that has to be known.
    Host {
        /// A name or an address.
        host: String,
        /// What to knock.
        ports: Ports,
    },
    /// The host of the profile with this name.
    Profile(String),
    /// The same, to be connected with afterwards.
    Proxy {
        /// The profile.
        name: String,
        /// Another host than the profile's.
        host: Option<String>,
        /// Another port than the profile's.
        port: Option<NonZeroU16>,
    },
}

impl Call {
    /// What is to be done; a profile is looked up.
    pub(crate) fn plan(self) -> Result<Plan, Refusal> {
        let is_classic = matches!(self.subject, Subject::Host { .. });
        let (profile, mut errand) = match self.subject {
            Subject::Host { .. } if self.config.is_some() => {
                return Err(usage("--config is for profiles, and this is a host with its ports"));
            }
            Subject::Host { host, ports } => {
                (Profile { host, ports, settings: Settings::default() }, Errand::None)
            }
            Subject::Profile(name) => (config::profile(self.config.as_deref(), &name)?, Errand::None),
            Subject::Proxy { name, host, port } => {
                let mut profile = config::profile(self.config.as_deref(), &name)?;
                profile.host = host.unwrap_or(profile.host);
                profile.settings.verify = port.or(profile.settings.verify);
                (profile, Errand::Relay)
            }
        };
        let mut command = self.command.into_iter();
        if let Some(program) = command.next() {
            errand = Errand::Run(program, command.collect());
        }
        let settings = self.settings.over(profile.settings);
        let family = settings.family()?;
        let check = settings.check()?;
        fit(&settings, &profile.ports, family, &errand)?;
        let manner = match errand {
            Errand::Relay if settings.verbose => Manner::VerboseAside,
            _ if settings.verbose => Manner::Verbose,
            Errand::None if is_classic && check.is_none() => Manner::Quiet,
            _ => Manner::Progress,
        };
        Ok(Plan {
            host: profile.host,
            family,
            knocks: profile.ports.knocks(if settings.udp { Protocol::Udp } else { Protocol::Tcp }),
            origin: settings.origin(),
            delay: settings.delay(),
            check,
            errand,
            manner,
        })
    }
}

/// Whether these go together. On a command line alone some of it has been seen already; here half of it may come from a
/// profile.
fn fit(settings: &Settings, ports: &Ports, family: Family, errand: &Errand) -> Result<(), Refusal> {
    if matches!(ports, Ports::OneTime(_)) {
        if settings.udp {
            return Err(usage("udp cannot be used with a one-time file, which tells the protocols itself"));
        }
        if family == Family::Both {
            return Err(usage(
                "both cannot be used with a one-time file: a sequence opens the door to one address only",
            ));
        }
    }
    if *errand == Errand::Relay {
        if settings.verify.is_none() {
            return Err(usage(
                "--proxy needs a port to connect to: verify in the profile, or HOST PORT after it",
            ));
        }
        if family == Family::Both {
            return Err(usage("both cannot be used with --proxy, which makes one connection"));
        }
    }
    Ok(())
}

fn usage(mistake: &str) -> Refusal {
    Refusal::Usage(mistake.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Duration};

    use super::*;

    const PROFILES: &str = "[plain]\nhost = 'h'\nsequence = '7 8'\n\
        [ssh]\nhost = 'h'\nsequence = '7 8'\nverify = 22\ndelay = 50\nsource = '192.0.2.1'\n\
        [both]\nhost = 'h'\nsequence = '7 8'\nverify = 22\nboth = true\n\
        [once]\nhost = 'h'\none-time = '/f'\nverify = 22\n";

    fn plan(subject: Subject, settings: Settings, command: &[&str]) -> Result<Plan, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(PROFILES.as_bytes()).unwrap();
        let config = match subject {
            Subject::Host { .. } => None,
            _ => Some(file.path().to_owned()),
        };
        let command = command.iter().map(OsString::from).collect();
        Call { subject, settings, config, command }.plan().map_err(|refusal| match refusal {
            Refusal::Usage(mistake) => mistake,
            other => panic!("{other:?}"),
        })
    }

    fn named(name: &str) -> Subject {
        Subject::Profile(name.to_owned())
    }

    fn proxy(name: &str, port: u16) -> Subject {
        Subject::Proxy { name: name.to_owned(), host: Some("other".to_owned()), port: NonZeroU16::new(port) }
    }

    #[test]
    fn the_command_line_wins_over_the_profile() {
        let settings = Settings { delay: Some(Duration::ZERO), ..Settings::default() };
        let plan = plan(named("ssh"), settings, &[]).unwrap();
        assert_eq!((plan.delay, plan.check.unwrap().port.get()), (Duration::ZERO, 22));
        assert_eq!(plan.family, Family::V4);
    }

    #[test]
    fn mistakes_may_lie_between_the_two() {
        let family = |family| Settings { family: Some(family), ..Settings::default() };
        let udp = Settings { udp: true, ..Settings::default() };
        let mistake = |name, settings| plan(named(name), settings, &[]).unwrap_err();
        assert!(mistake("ssh", family(Family::V6)).contains("not an address of the family"));
        assert!(mistake("once", family(Family::Both)).contains("one-time file"));
        assert!(mistake("once", udp).contains("one-time file"));
        assert!(plan(proxy("both", 0), Settings::default(), &[]).unwrap_err().contains("one connection"));
        assert!(
            plan(proxy("plain", 0), Settings::default(), &[]).unwrap_err().contains("a port to connect to")
        );
    }

    #[test]
    fn a_proxy_goes_where_it_is_told() {
        let plan = plan(proxy("ssh", 2222), Settings::default(), &[]).unwrap();
        assert_eq!((plan.host.as_str(), plan.check.unwrap().port.get()), ("other", 2222));
        assert_eq!(plan.errand, Errand::Relay);
    }

    #[test]
    fn who_does_not_wait_is_told_nothing() {
        let host = || Subject::Host { host: "h".to_owned(), ports: Ports::Given(Vec::new()) };
        let manner = |subject, settings, command| plan(subject, settings, command).unwrap().manner;
        let verify = || Settings { verify: NonZeroU16::new(22), ..Settings::default() };
        let verbose = || Settings { verbose: true, ..Settings::default() };
        assert_eq!(manner(host(), Settings::default(), &[]), Manner::Quiet);
        assert_eq!(manner(host(), verify(), &[]), Manner::Progress);
        assert_eq!(manner(host(), Settings::default(), &["ssh"]), Manner::Progress);
        assert_eq!(manner(named("plain"), Settings::default(), &[]), Manner::Progress);
        assert_eq!(manner(named("ssh"), verbose(), &["ssh"]), Manner::Verbose);
        assert_eq!(manner(proxy("ssh", 0), verbose(), &[]), Manner::VerboseAside);
    }

    #[test]
    fn a_command_is_a_program_and_its_arguments() {
        let errand = plan(named("ssh"), Settings::default(), &["ssh", "h"]).unwrap().errand;
        assert_eq!(errand, Errand::Run("ssh".into(), vec!["h".into()]));
    }
}
