//! Asking the daemon for its metrics.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use knockd::control::protocol::{Request, Said};
use thiserror::Error;

/// How long the daemon may take with anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of an answer: a page of ten thousand doors.
const LONGEST: u64 = 64 << 20;

/// Why there are no metrics.
#[derive(Debug, Error)]
pub enum NoMetrics {
    /// Nobody listens at the socket, or we may not speak to him.
    #[error("knockd cannot be asked at {}: {error}{}", path.display(), advice(error))]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It does not want to tell them.
    #[error("knockd does not tell its metrics: {0}")]
    Refused(String),
    /// It says something else, or nothing.
    #[error("knockd answers in a way that is not understood: {0}")]
    Strange(String),
}

/// The page of metrics of the daemon with this control socket.
pub fn page(socket: &Path) -> Result<String, NoMetrics> {
    let lines = ask(socket).map_err(|error| NoMetrics::Unreachable { path: socket.to_owned(), error })?;
    match lines.map(|line| Said::decode(line.as_bytes())) {
        Some(Ok(Said::Metrics { text })) => Ok(text),
        Some(Ok(Said::Refused(refusal))) => Err(NoMetrics::Refused(refusal.text)),
        Some(Ok(_)) => Err(NoMetrics::Strange("it says something else".to_owned())),
        Some(Err(error)) => Err(NoMetrics::Strange(error.to_string())),
        None => Err(NoMetrics::Strange("it says nothing".to_owned())),
    }
}

/// The answer to our request, behind what the daemon says first; that it is none if it does not let us ask.
fn ask(socket: &Path) -> io::Result<Option<String>> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let asked = (&stream).write_all(format!("{}\n", Request::Metrics {}.encode()).as_bytes());
    let mut lines = BufReader::new((&stream).take(LONGEST)).lines();
    // Who is refused at once may find the connection closed when he asks, and the reason waiting.
    let first = lines.next().transpose()?;
    match first {
        Some(line) if !matches!(Said::decode(line.as_bytes()), Ok(Said::Hello(_))) => Ok(Some(line)),
        None => asked.map(|()| None),
        Some(_) => asked.and_then(|()| lines.next().transpose()),
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            "; is it running, and with this socket?"
        }
        io::ErrorKind::PermissionDenied => "; members of the group knockd may",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    fn told(lines: &'static str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let daemon = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            stream.write_all(lines.as_bytes()).unwrap();
            request
        });
        let page = page(&path).map_err(|error| error.to_string());
        assert_eq!(daemon.join().unwrap(), "{\"metrics\":{}}\n");
        page
    }

    const HELLO: &str = r#"{"hello":{"knockd":"0.1.0","protocol":1,"rights":"watch"}}
"#;

    #[test]
    fn the_page_comes_behind_the_greeting() {
        let answer = Box::leak(format!("{HELLO}{{\"metrics\":{{\"text\":\"a 1\\n\"}}}}\n").into_boxed_str());
        assert_eq!(told(answer), Ok("a 1\n".to_owned()));
    }

    #[test]
    fn what_keeps_the_page_away_is_told() {
        let refused = r#"{"refused":{"kind":"busy","text":"too many clients"}}
"#;
        assert_eq!(told(refused).unwrap_err(), "knockd does not tell its metrics: too many clients");
        for strange in [HELLO, "", "220 smtp\n"] {
            assert!(told(strange).unwrap_err().starts_with("knockd answers in a way"), "{strange}");
        }
        let nobody = page(Path::new("/nonexistent/socket")).unwrap_err().to_string();
        assert!(nobody.ends_with("(os error 2); is it running, and with this socket?"), "{nobody}");
    }
}
