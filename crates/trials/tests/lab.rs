//! The laboratory itself: what the other end-to-end tests stand on.

use std::{
    net::{Ipv6Addr, UdpSocket},
    process::{Command, ExitCode},
    time::Duration,
};

use trials::{
    frame::Frame,
    net::{Lab, Log, PATIENCE, Wire, await_some},
    packet::Packet,
    sandbox::{self, trial},
    trouble::{Outcome, Trouble, While, ensure, same},
};

fn main() -> ExitCode {
    sandbox::run(|| {
        Ok(vec![
            trial("packets_arrive_whole", packets_arrive_whole),
            trial("many_frames_go_at_once", many_frames_go_at_once),
            trial("hosts_know_each_other", hosts_know_each_other),
            trial("cables_come_and_go", cables_come_and_go),
            trial("programs_run_inside_and_end", programs_run_inside_and_end),
            trial("laboratories_are_apart", laboratories_are_apart),
        ])
    })
}

/// The kernel takes them: their checksums are right.
fn packets_arrive_whole() -> Outcome {
    let lab = Lab::new()?;
    let socket = lab.server().inside(|| Ok(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 7000))?))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    for (packet, payload) in [
        ("udp CLIENT > SERVER:7000 payload=0102", [1, 2]),
        ("udp CLIENT > SERVER:7000 options=01010101 payload=0304", [3, 4]),
        ("udp CLIENT6 > SERVER6:7000 payload=0506", [5, 6]),
        ("udp CLIENT6 > SERVER6:7000 hop dest route fragment=0 payload=0708", [7, 8]),
    ] {
        lab.send(packet)?;
        let mut buffer = [0; 16];
        let (length, _) = socket.recv_from(&mut buffer).while_(packet)?;
        if buffer.get(..length) != Some(&payload[..]) {
            return Err(Trouble::new(format!("{packet}: {length} bytes: {buffer:?}")));
        }
    }
    Ok(())
}

/// In their order, and none twice.
fn many_frames_go_at_once() -> Outcome {
    let lab = Lab::new()?;
    let socket = lab.server().inside(|| Ok(UdpSocket::bind("10.0.0.1:7000")?))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut frames = Vec::new();
    for number in 0..100_u8 {
        let packet: Packet = format!("udp CLIENT > SERVER:7000 payload={number:02x}").parse()?;
        frames.extend(packet.frames(&mut 0)?.iter().map(Frame::bytes));
    }
    Wire::open(lab.client(), "eth0")?.send_all(&frames)?;
    for number in 0..100_u8 {
        let mut buffer = [0];
        socket.recv_from(&mut buffer)?;
        same("the next frame", buffer, [number])?;
    }
    socket.set_nonblocking(true)?;
    ensure(socket.recv_from(&mut [0]).is_err(), "there is one more")
}

fn hosts_know_each_other() -> Outcome {
    let lab = Lab::new()?;
    for (server, client) in [("10.0.0.1:7000", "10.0.0.2:0"), ("[fd00::1]:7000", "[fd00::2]:0")] {
        let receiver = lab.server().inside(|| Ok(UdpSocket::bind(server)?))?;
        receiver.set_read_timeout(Some(PATIENCE))?;
        let sender = lab.client().inside(|| Ok(UdpSocket::bind(client)?))?;
        sender.send_to(b"x", server)?;
        receiver.recv_from(&mut [0]).while_(server)?;
    }
    Ok(())
}

fn cables_come_and_go() -> Outcome {
    let lab = Lab::new()?;
    if lab.send("udp CLIENT-B > SERVER-B:7000 on=eth1").is_ok() {
        return Err(Trouble::new("there is a second cable already"));
    }
    lab.plug("eth1")?;
    lab.send("udp CLIENT-B > SERVER-B:7000 on=eth1")?;
    lab.unplug("eth1")?;
    if lab.send("udp CLIENT-B > SERVER-B:7000 on=eth1").is_ok() {
        return Err(Trouble::new("the second cable is still there"));
    }
    Ok(())
}

fn programs_run_inside_and_end() -> Outcome {
    let lab = Lab::new()?;
    let path = lab.directory().join("log");
    let script = format!("echo '[now] '$(ip -brief address show eth0) > {}; exec sleep 60", path.display());
    let mut program = lab.server().start(Command::new("sh").args(["-c", &script]))?;
    Log::new(&path).await_part("10.0.0.1/24")?;
    let status = program.terminate()?;
    if status.success() || program.ended()?.is_none() {
        return Err(Trouble::new("the program has not ended by the signal"));
    }
    Ok(())
}

fn laboratories_are_apart() -> Outcome {
    let (lab, other) = (Lab::new()?, Lab::new()?);
    let socket = other.server().inside(|| Ok(UdpSocket::bind("10.0.0.1:7000")?))?;
    socket.set_nonblocking(true)?;
    lab.send("udp CLIENT > SERVER:7000")?;
    match await_some(Duration::from_millis(50), || socket.recv_from(&mut [0]).ok()) {
        Some(_) => Err(Trouble::new("a packet has come from another laboratory")),
        None => Ok(()),
    }
}
