//! What somebody asks for, in HTTP/1.0 or HTTP/1.1 (RFC 9112).

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::{Duration, Instant},
};

use httparse::{EMPTY_HEADER, Status};

/// The most bytes of a request: what Prometheus sends has some 300.
const LONGEST: usize = 8 * 1024;

/// The most header fields of a request.
const MOST_FIELDS: usize = 64;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The metrics.
    Metrics {
        /// Only what stands in front of them.
        head_only: bool,
    },
    /// What there is here.
    Index,
    /// Something that isn't here.
    Unknown,
    /// To do something with what can only be read.
    NotAllowed,
    /// No request, or one that is too long.
    Malformed,
}

impl Request {
    /// Reads one from a connection; none if it doesn't come in time.
    pub(super) fn read(stream: &TcpStream, limit: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + limit;
        let mut text = Vec::new();
        let mut some = [0; 1024];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            let mut reader: &TcpStream = stream;
            let count = match reader.read(&mut some) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            text.extend(some.iter().take(count));
            if let Some(request) = Self::parse(&text) {
                return Ok(request);
            }
        }
    }

    /// The request that a text begins with; none if it is not whole yet.
    fn parse(text: &[u8]) -> Option<Self> {
        let mut fields = [EMPTY_HEADER; MOST_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(text) {
            Ok(Status::Complete(_)) => {}
            Ok(Status::Partial) => return (text.len() > LONGEST).then_some(Self::Malformed),
            Err(_) => return Some(Self::Malformed),
        }
        let path = request.path?.split('?').next();
        Some(match (request.method?, path?) {
            ("GET", "/metrics") => Self::Metrics { head_only: false },
            ("HEAD", "/metrics") => Self::Metrics { head_only: true },
            ("GET", "/") => Self::Index,
            (_, "/" | "/metrics") => Self::NotAllowed,
            _ => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let metrics = |head_only| Some(Request::Metrics { head_only });
        for (text, request) in [
            ("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n", metrics(false)),
            ("GET /metrics?name=a HTTP/1.0\r\n\r\n", metrics(false)),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", metrics(true)),
            ("GET / HTTP/1.1\r\n\r\n", Some(Request::Index)),
            ("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", Some(Request::NotAllowed)),
            ("GET /metrics/../etc HTTP/1.1\r\n\r\n", Some(Request::Unknown)),
            ("GET /metrics HTTP/1.1\r\nHost: a\r\n", None),
            ("", None),
            ("\u{16}\u{3}\u{1}", Some(Request::Malformed)),
            ("GET /metrics\r\n\r\n", Some(Request::Malformed)),
        ] {
            assert_eq!(Request::parse(text.as_bytes()), request, "{text}");
        }
    }

    #[test]
    fn a_request_without_end_is_none() {
        let long = format!("GET /metrics HTTP/1.1\r\nCookie: {}", "a".repeat(LONGEST));
        assert_eq!(Request::parse(long.as_bytes()), Some(Request::Malformed));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MOST_FIELDS + 1));
        assert_eq!(Request::parse(many.as_bytes()), Some(Request::Malformed));
    }
}
