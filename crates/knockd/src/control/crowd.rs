//! All connections.

use std::{collections::BTreeMap, net::IpAddr};

use knock_core::moment::Moment;

use super::{
    ClientId, Peer,
    client::{Client, State},
};

/// How many clients there are at once. A process has 1024 descriptors by default.
pub(super) const MOST: usize = 256;

/// The clients.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    clients: BTreeMap<ClientId, Client>,
    next: u64,
    /// Counts what clients say.
    clock: u64,
}

impl Crowd {
    /// Takes in a client.
    pub(super) fn add(&mut self, mut client: Client) -> ClientId {
        let id = ClientId(self.next);
        self.next += 1;
        client.active = self.tick();
        self.clients.insert(id, client);
        id
    }

    /// The client of this number, if it is still there.
    pub(super) fn find(&mut self, id: ClientId) -> Option<&mut Client> {
        self.clients.get_mut(&id)
    }

    /// Takes in that a client has said something.
    pub(super) fn note_active(&mut self, id: ClientId) {
        let tick = self.tick();
        if let Some(client) = self.clients.get_mut(&id) {
            client.active = tick;
        }
    }

    /// Has a client go.
    pub(super) fn remove(&mut self, id: ClientId) -> Option<Client> {
        self.clients.remove(&id)
    }

    /// Who has to go for somebody who comes now; none if nobody has to.
    ///
    /// Of those who may not do more than he: first who neither waits nor watches, and of these who has said nothing for the
    /// longest. Fails if there is nobody.
    pub(super) fn victim(&self, comer: Peer) -> Result<Option<ClientId>, Full> {
        if self.clients.len() < MOST {
            return Ok(None);
        }
        let weaker = self.clients.iter().filter(|(_, client)| client.peer.rights <= comer.rights);
        let victim =
            weaker.min_by_key(|(_, client)| (client.peer.rights, client.state != State::Idle, client.active));
        victim.map(|(id, _)| Some(*id)).ok_or(Full)
    }

    /// The clients that watch.
    pub(super) fn watching(&self) -> Vec<ClientId> {
        let watching = self.clients.iter().filter(|(_, client)| client.state == State::Watching);
        watching.map(|(id, _)| *id).collect()
    }

    /// The clients that have a source explained, and which.
    pub(super) fn explaining(&self) -> Vec<(ClientId, IpAddr)> {
        let explaining = self.clients.iter().filter_map(|(id, client)| match client.state {
            State::Explaining(source) => Some((*id, source)),
            _ => None,
        });
        explaining.collect()
    }

    /// How many bytes wait for clients.
    pub(super) fn waiting(&self) -> usize {
        self.clients.values().map(Client::waiting).sum()
    }

    /// The clients that have taken nothing since when, of those for whom something waits.
    pub(super) fn stuck(&self) -> impl Iterator<Item = (ClientId, Moment)> {
        self.clients.iter().filter_map(|(id, client)| Some((*id, client.stuck_since()?)))
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

/// Nobody can be sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::control::protocol::Rights;

    fn peer(rights: Rights) -> Peer {
        Peer { user: 7, process: 7, rights }
    }

    fn crowd(rights: Rights, count: usize) -> Crowd {
        let mut crowd = Crowd::default();
        for _ in 0..count {
            crowd.add(Client::new(UnixStream::pair().unwrap().0, peer(rights), 0));
        }
        crowd
    }

    #[test]
    fn the_longest_idle_one_goes_for_who_comes() {
        let mut crowd = crowd(Rights::Watch, MOST - 1);
        assert_eq!(crowd.victim(peer(Rights::Watch)), Ok(None));
        crowd.add(Client::new(UnixStream::pair().unwrap().0, peer(Rights::Watch), 0));
        crowd.find(ClientId(1)).unwrap().state = State::Watching;
        crowd.note_active(ClientId(0));
        for rights in [Rights::Watch, Rights::All] {
            assert_eq!(crowd.victim(peer(rights)), Ok(Some(ClientId(2))));
        }
        for client in crowd.clients.values_mut() {
            client.state = State::Watching;
        }
        assert_eq!(crowd.victim(peer(Rights::Watch)), Ok(Some(ClientId(1))));
    }

    #[test]
    fn nobody_sends_away_who_may_do_more() {
        let mut crowd = crowd(Rights::All, MOST);
        assert_eq!(crowd.victim(peer(Rights::Watch)), Err(Full));
        assert_eq!(crowd.victim(peer(Rights::All)), Ok(Some(ClientId(0))));
        crowd.find(ClientId(9)).unwrap().peer = peer(Rights::Watch);
        assert_eq!(crowd.victim(peer(Rights::All)), Ok(Some(ClientId(9))));
    }
}
