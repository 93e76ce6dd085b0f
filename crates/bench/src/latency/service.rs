//! The service behind a firewall.

use std::{
    net::UdpSocket,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use trials::{net::Lab, trouble::Outcome};

use crate::{cpu, site::SERVICE};

/// Somebody who sleeps until a datagram comes in, as services do.
pub(super) struct Service(Receiver<Instant>);

impl Service {
    /// In a laboratory's server; it sleeps on when the value is gone, until the program ends.
    pub(super) fn start(lab: &Lab) -> Outcome<Self> {
        let socket = lab.server().inside(|| Ok(UdpSocket::bind(("10.0.0.1", SERVICE))?))?;
        let (sender, receiver) = channel();
        thread::spawn(move || {
            // Whether this can be had is told by who measures.
            let _ = cpu::come_first();
            while socket.recv(&mut [0; 64]).is_ok() && sender.send(Instant::now()).is_ok() {}
        });
        Ok(Self(receiver))
    }

    /// When the next datagram has woken it up; none if there is none in time.
    pub(super) fn woken(&self, limit: Duration) -> Option<Instant> {
        self.0.recv_timeout(limit).ok()
    }
}
