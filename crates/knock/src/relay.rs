//! Bytes between our standard input and output and a connection.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
};

use socket2::SockRef;
use thiserror::Error;

/// Carries bytes both ways until both have ended: what comes on standard input goes to the connection, what comes from
/// there to standard output. The end of either is handed on, while the other way stays open.
pub(crate) fn relay(connection: &TcpStream) -> Result<(), RelayError> {
    make_lively(connection).map_err(RelayError::Connection)?;
    let (input, output) = own_ends().map_err(RelayError::Own)?;
    between(input, output, connection)
}

/// What ssh(1) does with connections of its own: nothing is kept back until there is more, since each letter counts, and
/// a server that has vanished is noticed sometime (`TCPKeepAlive`).
fn make_lively(connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    SockRef::from(connection).set_keepalive(true)
}

/// Why a connection has not come to its end.
#[derive(Debug, Error)]
pub(crate) enum RelayError {
    /// It broke.
    #[error("the connection broke: {0}")]
    Connection(io::Error),
    /// What was to be sent could not be read, or what came could not be written.
    #[error("cannot use standard input and output: {0}")]
    Own(io::Error),
}

/// Standard input and output without anybody's buffers in between, output as the only one of its kind: when it is let
/// go of, who reads from it finds the end.
#[cfg(unix)]
fn own_ends() -> io::Result<(File, File)> {
    use std::os::fd::AsFd;
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    Ok((input.into(), output.into()))
}

#[cfg(windows)]
fn own_ends() -> io::Result<(File, File)> {
    use std::os::windows::io::AsHandle;
    let input = io::stdin().as_handle().try_clone_to_owned()?;
    let output = io::stdout().as_handle().try_clone_to_owned()?;
    Ok((input.into(), output.into()))
}

#[cfg(not(any(unix, windows)))]
fn own_ends() -> io::Result<(io::Stdin, io::Stdout)> {
    Ok((io::stdin(), io::stdout()))
}

fn between<R, W>(input: R, output: W, connection: &TcpStream) -> Result<(), RelayError>
where
    R: Read + Send + 'static,
    W: Write,
{
    let away = connection.try_clone().map_err(RelayError::Own)?;
    let sender = thread::spawn(move || {
        let sent = copy(input, &away);
        // Fails if the other side has ended already.
        _ = away.shutdown(Shutdown::Write);
        sent
    });
    match copy(connection, output) {
        Ok(()) => {}
        Err(CopyError::Read(reason)) => return Err(RelayError::Connection(reason)),
        // Nobody reads any more.
        Err(CopyError::Write(reason)) if reason.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(CopyError::Write(reason)) => return Err(RelayError::Own(reason)),
    }
    // Where nobody can be told that there is no more to come, nobody ends the other way.
    if !cfg!(unix) {
        return Ok(());
    }
    match sender.join() {
        Ok(Err(CopyError::Read(reason))) => Err(RelayError::Own(reason)),
        // Who has ended the connection need not listen to what was still to be said.
        _ => Ok(()),
    }
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// Hands on what comes at once, to the end. Both ends are let go of.
fn copy(mut from: impl Read, mut to: impl Write) -> Result<(), CopyError> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(reason) if reason.kind() == io::ErrorKind::Interrupted => continue,
            Err(reason) => return Err(CopyError::Read(reason)),
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        to.write_all(bytes).and_then(|()| to.flush()).map_err(CopyError::Write)?;
    }
}

/// What a pipe of Linux holds (pipe(7)).
const BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        io::{PipeReader, PipeWriter, pipe},
        net::TcpListener,
        thread::JoinHandle,
    };

    use super::*;

    /// A relay and everything around it: who writes to it and reads from it, and the server.
    struct Line {
        keyboard: PipeWriter,
        screen: PipeReader,
        server: TcpStream,
        relay: JoinHandle<Result<(), RelayError>>,
    }

    fn line() -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let ((input, keyboard), (screen, output)) = (pipe().unwrap(), pipe().unwrap());
        let relay = thread::spawn(move || between(input, output, &connection));
        Line { keyboard, screen, server, relay }
    }

    #[test]
    fn connections_are_as_ssh_has_them() {
        let line = line();
        make_lively(&line.server).unwrap();
        assert!(line.server.nodelay().unwrap() && SockRef::from(&line.server).keepalive().unwrap());
    }

    #[test]
    fn bytes_go_both_ways_at_once() {
        let mut line = line();
        let mut four = [0; 4];
        line.keyboard.write_all(b"ping").unwrap();
        line.server.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"ping");
        line.server.write_all(b"pong").unwrap();
        line.screen.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"pong");
    }

    #[test]
    fn each_end_is_handed_on_and_the_other_way_stays_open() {
        // Ours first.
        let mut line = line();
        drop(line.keyboard);
        let mut text = String::new();
        line.server.read_to_string(&mut text).unwrap();
        line.server.write_all(b"still here").unwrap();
        drop(line.server);
        line.screen.read_to_string(&mut text).unwrap();
        assert_eq!(text, "still here");
        line.relay.join().unwrap().unwrap();
        // The server's first.
        let mut line = self::line();
        line.server.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        line.screen.read_to_string(&mut text).unwrap();
        line.keyboard.write_all(b"still here").unwrap();
        drop(line.keyboard);
        line.server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "still here");
        line.relay.join().unwrap().unwrap();
    }

    #[test]
    fn much_goes_through_unharmed() {
        let line = line();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|place| u8::try_from(place % 251).unwrap()).collect();
        let (mut keyboard, mut server, text) = (line.keyboard, line.server, sent.clone());
        let writer = thread::spawn(move || keyboard.write_all(&text).unwrap());
        let mut came = Vec::new();
        server.read_to_end(&mut came).unwrap();
        writer.join().unwrap();
        assert!(came == sent);
    }

    #[test]
    fn a_connection_that_breaks_is_told_though_more_could_be_said() {
        let line = line();
        let server = socket2::Socket::from(line.server);
        server.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(server);
        let error = line.relay.join().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("the connection broke: "), "{error}");
        drop(line.keyboard);
    }

    /// Somebody who takes nothing, for this reason.
    struct Deaf(io::ErrorKind);

    impl Write for Deaf {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_to_read_it_is_an_end_and_a_full_disk_is_trouble() {
        let to = |reason| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (input, _keyboard) = pipe().unwrap();
            listener.accept().unwrap().0.write_all(b"hello?").unwrap();
            between(input, Deaf(reason), &connection)
        };
        to(io::ErrorKind::BrokenPipe).unwrap();
        let complaint = to(io::ErrorKind::StorageFull).unwrap_err().to_string();
        assert!(complaint.starts_with("cannot use standard input and output: "), "{complaint}");
    }
}
