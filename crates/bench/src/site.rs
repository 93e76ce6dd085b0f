//! Where a daemon is measured: a laboratory whose server's firewall drops what nobody let in.

use trials::{
    net::{Lab, Wire},
    packet::Packet,
    trouble::{Outcome, Trouble},
};

/// The port whose traffic the firewall accepts from guests.
pub(crate) const SERVICE: u16 = 2222;

/// The knocks of the doors: neither rising nor falling, all of one protocol, so that every rival knows the like.
pub(crate) const KNOCKS: [u16; 3] = [7117, 2741, 9303];

/// Guests come in to the service, everything else is dropped.
const FIREWALL: &str = "table inet firewall {
    set guests { type ipv4_addr; }
    chain input {
        type filter hook input priority filter; policy drop;
        ip saddr @guests udp dport 2222 accept
    }
}
";

/// Everything is dropped as soon as those who listen to all packets have had theirs, so that the sender, on whose CPU
/// this happens, can be fast.
const WALL: &str = "table netdev wall {
    chain first { type filter hook ingress device eth0 priority 0; policy drop; }
}
";

/// With a firewall that drops all but what guests send to the service.
pub(crate) fn guarded() -> Outcome<Lab> {
    with(FIREWALL)
}

/// With a firewall that drops everything.
pub(crate) fn walled() -> Outcome<Lab> {
    with(WALL)
}

/// With these rules of nft(8).
pub(crate) fn with(rules: &str) -> Outcome<Lab> {
    let lab = Lab::new()?;
    lab.write("rules", rules)?;
    lab.server().shell(&lab.filled_in("nft -f {DIR}/rules"))?;
    // The sources that knock live behind the client, so that no filter of reverse paths takes them for forged.
    lab.server().ip("route add 10.7.0.0/16 via 10.0.0.2 dev eth0\n")?;
    Ok(lab)
}

/// The client's end of the cable.
pub(crate) fn cable(lab: &Lab) -> Outcome<Wire> {
    Wire::open(lab.client(), "eth0")
}

/// The address of an honest source.
pub(crate) fn address(source: u16) -> String {
    let [high, low] = source.to_be_bytes();
    format!("10.7.{high}.{low}")
}

/// The one frame that a packet of a case's notation makes.
pub(crate) fn frame(packet: &str) -> Outcome<Vec<u8>> {
    let frames = packet.parse::<Packet>()?.frames(&mut 0)?;
    frames.first().map(trials::frame::Frame::bytes).ok_or_else(|| Trouble::new("no packet"))
}
