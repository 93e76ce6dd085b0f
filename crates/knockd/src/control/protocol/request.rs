//! What can be asked for.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{LONGEST_REQUEST, Refusal, RefusalKind, Rights};

/// The longest time for which a door can be made to stay open, from now on: as long as the kernel keeps time.
pub const LONGEST_STAY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// One line from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How the daemon is.
    Status {},
    /// Who is let in at the moment.
    List {
        /// Only at this door.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        door: Option<String>,
        /// Only this source.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<IpAddr>,
    },
    /// How many one-time sequences doors have left.
    Sequences {},
    /// Open a door for somebody, as if he had knocked.
    Open {
        /// The door's name, which no other has.
        door: String,
        /// For whom.
        source: IpAddr,
    },
    /// Close a door for somebody before its time.
    Close {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
    },
    /// Close a door for all before its time.
    CloseAll {
        /// The door's name.
        door: String,
    },
    /// Have a door stay open for somebody for longer.
    Extend {
        /// The door's name.
        door: String,
        /// For whom.
        source: IpAddr,
        /// How much longer than it would have, in milliseconds; together at most [`LONGEST_STAY`].
        by_ms: u64,
    },
    /// Read the configuration again.
    Reload {},
    /// What was counted and measured.
    Metrics {},
    /// What happens from now on, as it happens.
    Watch {},
    /// What becomes of every packet of a source from now on.
    Explain {
        /// Whose packets.
        source: IpAddr,
    },
}

impl Request {
    /// Reads a line without its end. The refusal tells what is wrong with it.
    pub fn decode(line: &[u8]) -> Result<Self, Refusal> {
        if line.len() > LONGEST_REQUEST {
            return Err(Refusal::new(
                RefusalKind::TooLong,
                format!("a request has at most {LONGEST_REQUEST} bytes"),
            ));
        }
        serde_json::from_slice(line).map(Self::of_packets).map_err(|error| {
            Refusal::new(RefusalKind::Malformed, format!("this is no request that I know: {error}"))
        })
    }

    /// The same with addresses as packets have them: IPv4 may be written as IPv6 (RFC 4291, section 2.5.5.2).
    fn of_packets(mut self) -> Self {
        match &mut self {
            Self::Open { source, .. }
            | Self::Close { source, .. }
            | Self::Extend { source, .. }
            | Self::Explain { source }
            | Self::List { source: Some(source), .. } => *source = source.to_canonical(),
            _ => {}
        }
        self
    }

    /// The line without its end.
    #[must_use]
    pub fn encode(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What its sender has to be allowed to.
    #[must_use]
    pub fn needs(&self) -> Rights {
        match self {
            Self::Status {}
            | Self::List { .. }
            | Self::Sequences {}
            | Self::Metrics {}
            | Self::Watch {}
            | Self::Explain { .. } => Rights::Watch,
            Self::Open { .. }
            | Self::Close { .. }
            | Self::CloseAll { .. }
            | Self::Extend { .. }
            | Self::Reload {} => Rights::All,
        }
    }
}

/// A time in whole milliseconds, as it is written in JSON.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_an_object_with_one_name() {
        for (line, request) in [
            (r#"{"status":{}}"#, Request::Status {}),
            (r#"{"list":{}}"#, Request::List { door: None, source: None }),
            (
                r#"{"list":{"door":"ssh","source":"2001:db8::1"}}"#,
                Request::List { door: Some("ssh".to_owned()), source: Some("2001:db8::1".parse().unwrap()) },
            ),
            (
                r#"{"open":{"door":"ssh","source":"192.0.2.7"}}"#,
                Request::Open { door: "ssh".to_owned(), source: [192, 0, 2, 7].into() },
            ),
            (
                r#"{"extend":{"door":"ssh","source":"192.0.2.7","by_ms":60000}}"#,
                Request::Extend { door: "ssh".to_owned(), source: [192, 0, 2, 7].into(), by_ms: 60_000 },
            ),
            (r#"{"close-all":{"door":"ssh"}}"#, Request::CloseAll { door: "ssh".to_owned() }),
            (r#"{"reload":{}}"#, Request::Reload {}),
            (r#"{"sequences":{}}"#, Request::Sequences {}),
            (r#"{"metrics":{}}"#, Request::Metrics {}),
            (r#"{"watch":{}}"#, Request::Watch {}),
            (r#"{"explain":{"source":"10.0.0.2"}}"#, Request::Explain { source: [10, 0, 0, 2].into() }),
        ] {
            assert_eq!(Request::decode(line.as_bytes()), Ok(request.clone()), "{line}");
            assert_eq!(request.encode(), line);
        }
    }

    #[test]
    fn ipv4_that_is_written_as_ipv6_is_ipv4() {
        for what in ["open", "close", "extend", "explain", "list"] {
            let rest = match what {
                "extend" => r#","door":"ssh","by_ms":1"#,
                "explain" => "",
                _ => r#","door":"ssh""#,
            };
            let line = |source: &str| format!(r#"{{"{what}":{{"source":"{source}"{rest}}}}}"#);
            let decode = |line: String| Request::decode(line.as_bytes()).unwrap();
            assert_eq!(decode(line("::ffff:192.0.2.7")), decode(line("192.0.2.7")));
            assert_ne!(decode(line("::192.0.2.7")), decode(line("192.0.2.7")));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_would_be() {
        for (line, parts) in [
            ("", &["EOF"][..]),
            ("status", &["expected"]),
            (r#"{"stauts":{}}"#, &["unknown variant `stauts`", "`status`", "`watch`"]),
            (r#"{"list":{"dor":"ssh"}}"#, &["unknown field `dor`", "`door`"]),
            (r#"{"list":{"source":"ssh"}}"#, &["invalid IP address"]),
            (r#"{"close":{"door":"ssh"}}"#, &["missing field `source`"]),
            (r#"{"status":{}} {}"#, &["trailing characters"]),
            (r#"{"status":{},"list":{}}"#, &["expected"]),
            ("[[[[[[[[[[[[[[[[", &["expected"]),
        ] {
            let refusal = Request::decode(line.as_bytes()).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Malformed);
            for part in parts {
                assert!(refusal.text.contains(part), "{line}: {refusal:?}");
            }
        }
        let long = Request::decode(&[b' '; LONGEST_REQUEST + 1]).unwrap_err();
        assert_eq!(long.kind, RefusalKind::TooLong);
    }
}
