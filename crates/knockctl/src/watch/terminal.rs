//! The terminal, as long as we have all of it.

use std::{
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    panic,
    sync::{Arc, Mutex, PoisonError},
};

use rustix::{
    io::{read, write},
    termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr},
};

/// Takes the other screen, which leaves the usual one as it is, and hides the cursor (`ctlseqs` of xterm).
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";

/// Undoes it.
const LEAVE: &str = "\u{1b}[0m\u{1b}[?25h\u{1b}[?1049l";

/// The size where the terminal does not tell.
const USUAL: (u16, u16) = (80, 24);

/// A terminal of which we have the whole screen and get every key. It is as before when this is dropped, or when
/// somebody panics.
#[derive(Debug)]
pub struct FullScreen {
    before: Arc<Before>,
}

/// The terminal, and how it was, until it is so again.
#[derive(Debug)]
struct Before {
    terminal: OwnedFd,
    modes: Mutex<Option<Termios>>,
}

/// What somebody wants who presses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `q`, Ctrl-C, or there is no terminal any more.
    Quit,
    /// Ctrl-L.
    Redraw,
    /// Any other key.
    Nothing,
}

impl FullScreen {
    /// Takes the screen of this terminal.
    pub fn enter(terminal: OwnedFd) -> io::Result<Self> {
        let usual = tcgetattr(&terminal)?;
        let mut modes = usual.clone();
        // Keys come at once and are not shown, and those that would end or stop us come as keys.
        modes
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &modes)?;
        let before = Arc::new(Before { terminal, modes: Mutex::new(Some(usual)) });
        // From here on it is put back whatever fails.
        let screen = Self { before: Arc::clone(&before) };
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // Before it is told, which otherwise nobody would get to see.
            before.restore();
            next(panic);
        }));
        (&screen).write_all(ENTER.as_bytes())?;
        Ok(screen)
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let size = tcgetwinsize(&self.before.terminal).map(|size| (size.ws_col, size.ws_row));
        size.ok().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL)
    }

    /// What is wanted by the keys that were pressed. Waits if there are none.
    pub fn wish(&self) -> io::Result<Wish> {
        let mut keys = [0; 64];
        let count = read(&self.before.terminal, &mut keys)?;
        let keys = keys.get(..count).unwrap_or_default();
        Ok(if keys.is_empty() || keys.iter().any(|key| [b'q', b'Q', CTRL_C].contains(key)) {
            Wish::Quit
        } else if keys.contains(&CTRL_L) {
            Wish::Redraw
        } else {
            Wish::Nothing
        })
    }
}

const CTRL_C: u8 = 3;
const CTRL_L: u8 = 12;

impl Write for &FullScreen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(write(&self.before.terminal, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for FullScreen {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.before.terminal.as_fd()
    }
}

impl Before {
    fn restore(&self) {
        let Some(modes) = self.modes.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        // If the terminal has gone nothing is left to be put back.
        let _ = write(&self.terminal, LEAVE.as_bytes());
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &modes);
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        self.before.restore();
    }
}

#[cfg(test)]
mod tests {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

    use super::*;

    /// A terminal, and the end at which somebody sits.
    fn terminal() -> (OwnedFd, OwnedFd) {
        let sitting = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&sitting).unwrap();
        unlockpt(&sitting).unwrap();
        let terminal = ioctl_tiocgptpeer(&sitting, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        (terminal, sitting)
    }

    fn seen(sitting: &OwnedFd) -> String {
        let mut bytes = [0; 4096];
        let count = read(sitting, &mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    fn modes(terminal: &OwnedFd) -> LocalModes {
        tcgetattr(terminal).unwrap().local_modes
    }

    #[test]
    fn the_screen_is_taken_and_given_back() {
        let (terminal, sitting) = terminal();
        let other = terminal.try_clone().unwrap();
        let usual = modes(&other);
        let screen = FullScreen::enter(terminal).unwrap();
        assert!(!modes(&other).intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        assert_eq!(seen(&sitting), ENTER);
        for (keys, wish) in
            [("q", Wish::Quit), ("\u{3}", Wish::Quit), ("\u{c}", Wish::Redraw), ("\u{1a}x", Wish::Nothing)]
        {
            write(&sitting, keys.as_bytes()).unwrap();
            assert_eq!(screen.wish().unwrap(), wish, "{keys:?}");
        }
        drop(screen);
        assert_eq!((seen(&sitting), modes(&other)), (LEAVE.to_owned(), usual));
    }

    #[test]
    fn who_panics_gives_it_back_first() {
        let (terminal, sitting) = terminal();
        let other = terminal.try_clone().unwrap();
        let usual = modes(&other);
        let screen = FullScreen::enter(terminal).unwrap();
        let thread = std::thread::spawn(|| panic!("for a test"));
        assert!(thread.join().is_err());
        assert_eq!((seen(&sitting), modes(&other)), (format!("{ENTER}{LEAVE}"), usual));
        drop(screen);
        let mut rest = [0; 16];
        let flags = rustix::fs::fcntl_getfl(&sitting).unwrap();
        rustix::fs::fcntl_setfl(&sitting, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        assert!(read(&sitting, &mut rest).is_err(), "it is given back once");
    }

    #[test]
    fn a_terminal_without_a_size_has_the_usual_one() {
        let (terminal, _sitting) = terminal();
        assert_eq!(FullScreen::enter(terminal).unwrap().size(), USUAL);
    }
}
