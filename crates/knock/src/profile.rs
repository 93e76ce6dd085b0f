//! A host under a name of one's own, and how to knock at it.

use std::{
    fmt,
    marker::PhantomData,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use crate::{
    origin::InterfaceName,
    plan::Ports,
    settings::Settings,
    target::Family,
    values::{Delay, PortList, Retries, TcpPort, Timeout},
};

/// A table of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Profile {
    /// A name or an address.
    pub(crate) host: String,
    /// What to knock.
    pub(crate) ports: Ports,
    /// How.
    pub(crate) settings: Settings,
}

impl Profile {
    /// The same with the path of a one-time file made whole: `~/` is the user's home, and what is relative begins in
    /// `folder`.
    pub(crate) fn in_folder(mut self, folder: &Path, home: Option<&Path>) -> Self {
        if let Ports::OneTime(path) = &mut self.ports {
            *path = match (path.strip_prefix("~"), home) {
                (Ok(rest), Some(home)) => home.join(rest),
                _ => folder.join(&*path),
            };
        }
        self
    }
}

/// The table as it stands in the file: the keys are the names of the long options.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table, such as [server]")]
struct Written {
    host: String,
    sequence: Option<Argument<PortList>>,
    one_time: Option<PathBuf>,
    #[serde(default)]
    udp: bool,
    delay: Option<Argument<Delay>>,
    #[serde(default)]
    ipv4: bool,
    #[serde(default)]
    ipv6: bool,
    #[serde(default)]
    both: bool,
    source: Option<Argument<IpAddr>>,
    interface: Option<Argument<InterfaceName>>,
    verify: Option<Argument<TcpPort>>,
    timeout: Option<Argument<Timeout>>,
    retries: Option<Argument<Retries>>,
    #[serde(default)]
    verbose: bool,
}

impl TryFrom<Written> for Profile {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let family = match (written.ipv4, written.ipv6, written.both) {
            (false, false, false) => None,
            (true, false, false) => Some(Family::V4),
            (false, true, false) => Some(Family::V6),
            (false, false, true) => Some(Family::Both),
            _ => return Err("only one of `ipv4`, `ipv6` and `both` can be true"),
        };
        let ports = match (written.sequence, written.one_time) {
            (Some(sequence), None) => Ports::Given(sequence.0.0),
            (None, Some(path)) => Ports::OneTime(path),
            (None, None) => return Err("a profile needs `sequence` or `one-time`"),
            (Some(_), Some(_)) => return Err("a profile has `sequence` or `one-time`, not both"),
        };
        let settings = Settings {
            udp: written.udp,
            delay: written.delay.map(|delay| delay.0.0),
            family,
            source: written.source.map(|source| source.0),
            interface: written.interface.map(|interface| interface.0),
            verify: written.verify.map(|verify| verify.0.0),
            timeout: written.timeout.map(|timeout| timeout.0.0),
            retries: written.retries.map(|retries| retries.0.0),
            verbose: written.verbose,
        };
        Ok(Self { host: written.host, ports, settings })
    }
}

/// A value that is read as if it stood on the command line; numbers need no quotes.
struct Argument<T>(T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Argument<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgumentVisitor(PhantomData)).map(Self)
    }
}

struct ArgumentVisitor<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for ArgumentVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a text in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn profile(text: &str) -> Result<Profile, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn keys_are_options() {
        let text = "host = 'server.example.com'\nsequence = '7 8:udp'\nudp = true\ndelay = 50\nipv6 = true\n\
                    source = '2001:db8::2'\nverify = 22\ntimeout = 1.5\nretries = 0\nverbose = true";
        let profile = profile(text).unwrap();
        assert_eq!(profile.host, "server.example.com");
        assert_eq!(profile.ports, Ports::Given(["7", "8:udp"].map(|port| port.parse().unwrap()).to_vec()));
        let expected = Settings {
            udp: true,
            delay: Some(Duration::from_millis(50)),
            family: Some(Family::V6),
            source: Some("2001:db8::2".parse().unwrap()),
            interface: None,
            verify: std::num::NonZeroU16::new(22),
            timeout: Some(Duration::from_millis(1500)),
            retries: Some(0),
            verbose: true,
        };
        assert_eq!(profile.settings, expected);
    }

    #[test]
    fn numbers_may_stand_in_quotes_and_texts_without_letters_need_none() {
        let with = |rest: &str| profile(&format!("host = 'h'\n{rest}")).unwrap();
        assert_eq!(with("sequence = 7\nverify = '22'"), with("sequence = '7'\nverify = 22"));
    }

    #[test]
    fn mistakes_say_what_was_expected() {
        let mistake = |text: &str| profile(text).unwrap_err();
        assert_eq!(mistake("sequence = 7"), "missing field `host`");
        assert_eq!(mistake("host = 'h'"), "a profile needs `sequence` or `one-time`");
        let with = |rest: &str| mistake(&format!("host = 'h'\nsequence = '7'\n{rest}"));
        assert_eq!(with("one-time = 'f'"), "a profile has `sequence` or `one-time`, not both");
        assert_eq!(with("ipv4 = true\nboth = true"), "only one of `ipv4`, `ipv6` and `both` can be true");
        assert!(with("delay = 'soon'").starts_with("a delay is a whole number of milliseconds"));
        assert!(with("verify = [22]").contains("expected a number or a text in quotes"));
        assert!(with("verify = 0").contains("1 to 65535"));
        assert!(with("retries = -1").contains("from 0 to"));
        assert!(with("udp = 1").contains("expected a boolean"));
        let unknown = with("veryfy = 22");
        assert!(
            unknown.starts_with("unknown field `veryfy`, expected one of `host`, `sequence`, `one-time`")
        );
    }

    #[test]
    fn one_time_files_are_found_from_the_folder_or_from_home() {
        let path = |written: &str, home| {
            let profile = profile(&format!("host = 'h'\none-time = '{written}'")).unwrap();
            match profile.in_folder(Path::new("/etc/knock"), home).ports {
                Ports::OneTime(path) => path.display().to_string(),
                Ports::Given(_) => panic!("{written}"),
            }
        };
        let home = Some(Path::new("/home/me"));
        assert_eq!(path("~/once", home), "/home/me/once");
        assert_eq!(path("~/once", None), "/etc/knock/~/once");
        assert_eq!(path("once", home), "/etc/knock/once");
        assert_eq!(path("/once", home), "/once");
    }
}
