//! The sequence, hit by hit.

use std::{thread, time::Duration};

use knock_core::sequence::Knock;
use thiserror::Error;

use crate::{
    hit::{self, HitError},
    origin::Origin,
    target::Target,
    voice::{Doing, Spot, Voice},
};

/// Somebody who knows what to knock and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knocker<'a> {
    /// Where to send from.
    pub(crate) origin: &'a Origin,
    /// What to knock, in this order.
    pub(crate) knocks: &'a [Knock],
    /// The least time from one hit to the next at the same target.
    pub(crate) delay: Duration,
}

impl Knocker<'_> {
    /// Knocks the whole sequence at all targets, each knock at every one of them before the next. Returns whether all
    /// hits were sent.
    ///
    /// A hit that could not be sent is complained of, and the rest is sent all the same: no port of the list may keep
    /// a packet from another, and a server that has seen the start of a sequence had better see its end than be left
    /// waiting for it.
    pub(crate) fn knock(&self, targets: &[Target], voice: &mut Voice<'_>) -> bool {
        let mut complete = true;
        let of = self.knocks.len();
        for (place, knock) in self.knocks.iter().enumerate() {
            if place > 0 {
                self.pause();
            }
            for target in targets {
                voice.tell(&Doing::Hitting { knock: *knock, target: *target, place: place + 1, of });
                if let Err(reason) = hit::send(self.origin, *target, *knock) {
                    voice.complain(&Unsent { spot: Spot(*knock, *target), reason });
                    complete = false;
                }
            }
        }
        complete
    }

    /// Lets what was sent so far arrive first. Sleeping goes by the monotonic clock and is never short.
    pub(crate) fn pause(&self) {
        if !self.delay.is_zero() {
            thread::sleep(self.delay);
        }
    }
}

/// A hit that was not sent.
#[derive(Debug, Error)]
#[error("could not send {spot}: {reason}")]
struct Unsent {
    spot: Spot,
    reason: HitError,
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, time::Instant};

    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn door() -> (UdpSocket, Knock) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        let knock = format!("{}:udp", socket.local_addr().unwrap().port()).parse().unwrap();
        (socket, knock)
    }

    #[test]
    fn rests_between_hits_but_not_around_them() {
        let (_socket, knock) = door();
        let delay = Duration::from_millis(700);
        let origin = Origin::default();
        let knocker = Knocker { origin: &origin, knocks: &[knock; 3], delay };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let start = Instant::now();
        let targets = [Target::new("127.0.0.1".parse().unwrap())];
        assert!(knocker.knock(&targets, &mut Voice::new(&mut out, &mut err, false)));
        let took = start.elapsed();
        assert!((delay * 2..delay * 3).contains(&took), "{took:?}");
        assert!(out.is_empty() && err.is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_sent_stops_nothing() {
        let (socket, knock) = door();
        let origin = Origin::default();
        let knocker = Knocker { origin: &origin, knocks: &[knock; 2], delay: Duration::ZERO };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        // The first target is one that the system refuses to send to.
        let targets = ["255.255.255.255", "127.0.0.1"].map(|ip| Target::new(ip.parse().unwrap()));
        assert!(!knocker.knock(&targets, &mut Voice::new(&mut out, &mut err, false)));
        socket.recv(&mut []).unwrap();
        socket.recv(&mut []).unwrap();
        let complaints = String::from_utf8(err).unwrap();
        assert_eq!(complaints.lines().count(), 2);
        let expected = format!("knock: could not send udp 255.255.255.255:{}: ", knock.port);
        assert!(complaints.lines().all(|line| line.starts_with(&expected)), "{complaints}");
    }
}
