//! Who is connected.

use std::{
    collections::VecDeque,
    io,
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many are connected at once: beyond, the oldest has to go.
const MOST: usize = 32;

/// How many threads serve them, or have not noticed yet that theirs has gone: beyond, the newest has to go.
const MOST_SERVED: usize = 2 * MOST;

/// Those who are connected, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Guests(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    served: usize,
    connections: VecDeque<(u64, TcpStream)>,
}

/// One of them, until this value goes.
#[derive(Debug)]
pub(super) struct Guest {
    number: u64,
    guests: Guests,
}

impl Guests {
    /// Takes in another; none if there are too many that have not even gone.
    pub(super) fn admit(&self, connection: &TcpStream) -> io::Result<Option<Guest>> {
        let connection = connection.try_clone()?;
        let mut inside = self.inside();
        if inside.served >= MOST_SERVED {
            return Ok(None);
        }
        if inside.connections.len() >= MOST
            && let Some((_, oldest)) = inside.connections.pop_front()
        {
            // It may have gone by itself.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        let number = inside.next;
        inside.next += 1;
        inside.served += 1;
        inside.connections.push_back((number, connection));
        drop(inside);
        Ok(Some(Guest { number, guests: self.clone() }))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut inside = self.guests.inside();
        inside.served -= 1;
        inside.connections.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, net::TcpListener};

    use super::*;

    #[test]
    fn the_oldest_make_room_until_too_many_do_not_go() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (there, listener.accept().unwrap().0)
        };
        let guests = Guests::default();
        let mut admitted = Vec::new();
        for _ in 0..=MOST {
            let (there, here) = connect();
            admitted.push((there, guests.admit(&here).unwrap().unwrap(), here));
        }
        let (mut oldest, ..) = admitted.remove(0);
        assert_eq!(oldest.read(&mut [0]).unwrap(), 0);
        assert_eq!(guests.inside().served, MOST);
        for _ in MOST..MOST_SERVED {
            let (there, here) = connect();
            admitted.push((there, guests.admit(&here).unwrap().unwrap(), here));
        }
        assert!(guests.admit(&connect().1).unwrap().is_none());
        admitted.clear();
        let none_is_left = |inside: &Inside| inside.served == 0 && inside.connections.is_empty();
        assert!(none_is_left(&guests.inside()));
        assert!(guests.admit(&connect().1).unwrap().is_some());
    }
}
