//! Listens and answers.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use super::{
    guests::{Guest, Guests},
    page::Source,
    request::Request,
    response::Response,
};

/// How long somebody may take to ask, and then to hear the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait when the system has no descriptor for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers all who ask.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    source: Arc<Source>,
    guests: Guests,
}

impl Server {
    /// One that listens at `address`; port 0 is any that is free.
    pub fn bind(address: SocketAddr, source: Source) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        Ok(Self { listener, source: Arc::new(source), guests: Guests::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for ever.
    pub fn run(&self) -> ! {
        loop {
            match self.listener.accept() {
                Ok((connection, _)) => self.serve(connection),
                // Somebody has gone before his turn, or we have too many descriptors.
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    fn serve(&self, connection: TcpStream) {
        // Who is not admitted sees his connection closed.
        let Ok(Some(guest)) = self.guests.admit(&connection) else { return };
        let source = Arc::clone(&self.source);
        let work = move || answer(&connection, &source, &guest);
        // A system without a thread to spare closes it, too.
        drop(thread::Builder::new().name("guest".to_owned()).spawn(work));
    }
}

/// Who does not ask or does not listen in time is left.
fn answer(mut connection: &TcpStream, source: &Source, _guest: &Guest) {
    let Ok(request) = Request::read(connection, PATIENCE) else { return };
    let response = match request {
        Request::Metrics { head_only } => match source.page() {
            Ok(page) => Response::metrics(page, head_only),
            Err(reason) => Response::text("503 Service Unavailable", reason),
        },
        Request::Index => Response::text("200 OK", "The metrics of knockd are at /metrics."),
        Request::Unknown => Response::text("404 Not Found", "There is only /metrics here."),
        Request::NotAllowed => Response::text("405 Method Not Allowed", "It can only be read."),
        Request::Malformed => Response::text("400 Bad Request", "This is no HTTP request."),
    };
    let sent =
        connection.set_write_timeout(Some(PATIENCE)).and_then(|()| connection.write_all(&response.encode()));
    // Who has gone meanwhile does not miss it.
    drop(sent);
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    fn start(ask: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> SocketAddr {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), Source::new(ask)).unwrap();
        let address = server.address().unwrap();
        thread::spawn(move || server.run());
        address
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    const GET: &str = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn many_ask_here_and_the_daemon_is_asked_once() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let address = start(move || Ok(format!("a {}\n", count.fetch_add(1, Ordering::Relaxed))));
        for _ in 0..20 {
            let answer = ask(address, GET);
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
        assert!(asked.load(Ordering::Relaxed) < 5);
        assert!(ask(address, "GET /other HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(ask(address, "PUT /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
        assert!(ask(address, "\0\r\n\r\n").starts_with("HTTP/1.1 400 "));
    }

    #[test]
    fn a_daemon_that_is_not_there_is_told() {
        let address = start(|| Err("knockd does not run".to_owned()));
        let answer = ask(address, GET);
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("knockd does not run\n"), "{answer}");
    }

    #[test]
    fn who_only_connects_keeps_nobody_out() {
        let address = start(|| Ok("a 1\n".to_owned()));
        let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut slow = TcpStream::connect(address).unwrap();
        slow.write_all(b"GET /met").unwrap();
        let answered = (0..50).any(|_| {
            thread::sleep(Duration::from_millis(20));
            TcpStream::connect(address).is_ok_and(|mut connection| {
                let mut answer = String::new();
                let told = connection.write_all(GET.as_bytes());
                told.and_then(|()| connection.read_to_string(&mut answer)).is_ok() && answer.contains(" 200 ")
            })
        });
        assert!(answered);
        drop(idle);
    }
}
