//! What the watcher is told, and when.

use std::net::IpAddr;

use knock_core::{filter::Families, host::Host, interface::InterfaceIndex, moment::Moment};

use super::{
    Monitor,
    doors::Changes,
    listening::{Change, Handle},
};
use crate::{
    ipc::{AddressKind, Order, SocketNumber},
    log::Line,
    sys::packet::RingSize,
};

impl Monitor {
    /// Tells a new watcher all that it has to know.
    pub(super) fn order_everything(&mut self, now: Moment) {
        // It has heard of nothing, so nothing is left to be changed or emptied.
        self.pending = Changes::default();
        self.listening.close_handed_over();
        self.listening.set_doors(self.doors.doors().collect());
        self.follow_listening(now);
        self.listening.forget_replaced();
        let capacity = u32::try_from(self.settings.max_attempts).unwrap_or(u32::MAX);
        self.order(&Order::Begin {
            capacity,
            seed: seed(),
            explain: self.arguments.debug,
            identity: self.confinement.identity(),
        });
        let explained: Vec<_> = self.explaining.sources().collect();
        for source in explained {
            self.order_explanation(source);
        }
        let doors: Vec<_> = self.doors.doors().collect();
        for door in doors {
            self.order(&Order::Add(door));
        }
        self.order_host();
        self.order_sockets(self.listening.all());
        // A new watcher has nothing to say about the doors of before.
        self.supervisor.ask(now);
    }

    /// Tells the watcher what has changed about the doors, and has the kernel let through what they need.
    ///
    /// While it takes over other sockets, because of another change, this one waits for it to be done.
    pub(super) fn order_doors(&mut self, now: Moment, mut changes: Changes) {
        for line in std::mem::take(&mut changes.lines) {
            self.log.say(line);
        }
        self.pending.merge(changes);
        if !self.listening.is_replacing() {
            self.order_pending(now);
        }
    }

    /// Tells the watcher what it hasn't been told yet of the doors.
    ///
    /// What its sockets have heard until now it judges by the doors of before, and what they hear from now on by those
    /// that stand when it comes to the confirmation.
    pub(super) fn order_pending(&mut self, now: Moment) {
        if self.pending.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.pending);
        self.listening.set_doors(self.doors.doors().collect());
        let sockets = self.follow_listening(now);
        self.order_sockets(sockets);
        for number in changes.removed {
            self.order(&Order::Remove(number));
        }
        for door in changes.added {
            self.order(&Order::Add(door));
        }
        // Until it gets there, openings at the doors of before are on their way to us.
        self.supervisor.ask(now);
    }

    /// Tells the watcher which addresses we have, if they have changed and it can take them.
    pub(super) fn order_host_if_due(&mut self) {
        if self.supervisor.take_host_due() {
            self.order_host();
        }
    }

    fn order_host(&mut self) {
        let Host::Interfaces(interfaces) = self.links.host() else { return };
        for (&index, interface) in interfaces.by_index() {
            let own = if interface.loopback { AddressKind::Loopback } else { AddressKind::Own };
            for &address in &interface.addresses {
                self.order_address(index, own, address);
            }
            for &address in &interface.broadcasts {
                self.order_address(index, AddressKind::Broadcast, address.into());
            }
        }
        self.order(&Order::SetHost);
    }

    /// Hands over new packet sockets and has old ones closed.
    pub(super) fn order_sockets(&mut self, changes: Vec<Change>) {
        // The next watcher is handed all that are open then.
        if !self.supervisor.has_watcher() {
            return;
        }
        for change in changes {
            match change {
                Change::Opened(number) => {
                    self.hand_over(number, |ring| Order::Listen(number, ring));
                }
                Change::Replaced { old, new } => {
                    self.hand_over(new, |ring| Order::Replace { old, new, ring });
                }
                Change::Closed(number) => self.order(&Order::Leave(number)),
            }
        }
    }

    fn hand_over(&mut self, number: SocketNumber, order: impl FnOnce(Option<RingSize>) -> Order) {
        match self.listening.hand_over(number) {
            Ok(Handle { socket, ring }) => self.supervisor.order(&order(ring), Some(socket)),
            Err(error) => self.log.say(Line::error(format!("cannot hand over a packet socket: {error}"))),
        }
    }

    fn order_address(&mut self, interface: InterfaceIndex, kind: AddressKind, address: IpAddr) {
        if self.settings.families == Families::Both || address.is_ipv4() {
            self.order(&Order::Address { interface, kind, address });
        }
    }

    pub(super) fn order(&mut self, order: &Order) {
        self.supervisor.order(order, None);
    }
}

/// A number that nobody outside can guess.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}
