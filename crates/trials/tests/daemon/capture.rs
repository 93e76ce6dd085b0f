//! Interfaces of every kind, as they come and go.

use std::{
    fs::File,
    io::{self, Write},
    process::{Command, Stdio},
};

use libtest_mimic::Trial;
use trials::{
    frame::Frame,
    net::{Lab, Program, Setup},
    packet::Packet,
    sandbox::trial,
    trouble::{Outcome, While, same},
};

use crate::support::{DOOR, insist, knock};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("capture::any_hears_everything", any_hears_everything),
        trial("capture::several_interfaces", several_interfaces),
        trial("capture::interface_made_anew", interface_made_anew),
        trial("capture::interface_that_is_down", interface_that_is_down),
        trial("capture::interface_renamed", interface_renamed),
        trial("capture::addresses_come_and_go", addresses_come_and_go),
        trial("capture::tagged_frames", tagged_frames),
    ];
    // An ordinary user has no right to the device, whatever namespaces he makes. Whoever has it must have it work.
    let device = File::options().read(true).write(true).open(TUN);
    if !device.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        trials.push(trial("capture::tun", tun));
    }
    trials
}

const TUN: &str = "/dev/net/tun";

fn any_hears_everything() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-i", "any"]).start()?;
    knock(&lab, "CLIENT")?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    lab.plug("eth3")?;
    insist(&daemon, "door", "udp 10.0.3.2 > 10.0.3.1:7300,7100,7200 on=eth3", &lab)?;
    lab.unplug("eth3")?;
    lab.send("udp CLIENT6 > SERVER6:7300,7100,7200")?;
    daemon.log().await_line("fd00::2: door: OPEN SESAME")?;
    // To itself, over the loopback interface.
    lab.server().shell(
        "perl -MIO::Socket::INET -e 'for (7300, 7100, 7200) { \
        IO::Socket::INET->new(PeerAddr => \"127.0.0.1:$_\", Proto => \"udp\")->send(\"\") }'",
    )?;
    daemon.log().await_line("127.0.0.1: door: OPEN SESAME")?;
    daemon.terminate()
}

fn several_interfaces() -> Outcome {
    let lab = Lab::new()?;
    lab.plug("eth1")?;
    lab.plug("eth2")?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-i", "eth0,eth2"]).start()?;
    daemon.log().await_line("starting up, listening on eth0, eth2")?;
    // Nobody listens on the second; the others make one sequence together.
    lab.send("udp CLIENT > 10.0.2.1:7300 on=eth2")?;
    daemon.log().await_line("10.0.0.2: door: Stage 1")?;
    lab.send("udp CLIENT > 10.0.1.1:7100 on=eth1")?;
    lab.send("udp CLIENT > SERVER:7100")?;
    daemon.log().await_line("10.0.0.2: door: Stage 2")?;
    lab.send("udp CLIENT > 10.0.2.1:7200 on=eth2")?;
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    daemon.terminate()
}

/// Packets that the program holding the device writes come in on the interface.
const INJECT: &str = r#"
    open(my $tun, "+<", "/dev/net/tun") or die "$!\n";
    # TUNSETIFF with IFF_TUN | IFF_NO_PI (linux/if_tun.h).
    my $request = pack("a16 S x22", "tun0", 0x1001);
    ioctl($tun, 0x400454ca, $request) or die "$!\n";
    $| = 1;
    print "made\n";
    while (<STDIN>) { chomp; syswrite($tun, pack("H*", $_)) or warn "$!\n"; print "sent\n" }
"#;

fn tun() -> Outcome {
    let lab = Lab::new()?;
    let packet: Packet = "udp CLIENT > SERVER:7300,7100,7200".parse()?;
    let hex =
        |frame: &Frame| frame.packet.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let lines: Vec<String> = packet.frames(&mut 0)?.iter().map(hex).collect();
    let (reader, mut writer) = std::io::pipe()?;
    let mut perl = Command::new("perl");
    perl.args(["-e", INJECT]).stdout(File::create(lab.directory().join("tun"))?);
    let _program = lab.server().inside(|| Program::start_with(&mut perl, Stdio::from(reader)))?;
    lab.await_file("tun", "made\n")?;
    // The interface's own address, as of a VPN; eth0 has it no more.
    lab.server()
        .ip("address delete 10.0.0.1/24 dev eth0\naddress add 10.0.0.1/32 dev tun0\nlink set tun0 up\n")?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-i", "tun0"]).start()?;
    for line in lines {
        writeln!(writer, "{line}").while_("writing to the device")?;
    }
    daemon.log().await_line("10.0.0.2: door: OPEN SESAME")?;
    drop(daemon);
    Ok(())
}

fn interface_made_anew() -> Outcome {
    let lab = Lab::new()?;
    lab.plug("eth1")?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-i", "eth0,eth1"]).start()?;
    let watcher = daemon.watcher()?;
    for time in 1..=3 {
        lab.unplug("eth1")?;
        daemon.log().await_count(time, "interface eth1 has gone")?;
        lab.plug("eth1")?;
        daemon.log().await_count(time, "interface eth1 has come, listening on it")?;
        insist(&daemon, "door", "udp CLIENT-B > SERVER-B:7300,7100,7200 on=eth1", &lab)?;
        knock(&lab, "CLIENT")?;
        daemon.log().await_count(time, "10.0.0.2: door: OPEN SESAME")?;
    }
    same("the watcher", daemon.watcher()?.id, watcher.id)?;
    daemon.terminate()
}

fn interface_that_is_down() -> Outcome {
    let lab = Lab::new()?;
    lab.server().ip("link set eth0 down\n")?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    for _ in 0..3 {
        lab.server().ip("link set eth0 up\n")?;
        insist(&daemon, "door", "udp CLIENT > SERVER:7300,7100,7200", &lab)?;
        lab.server().ip("link set eth0 down\n")?;
    }
    daemon.terminate()
}

fn interface_renamed() -> Outcome {
    let lab = Lab::new()?;
    lab.plug("eth1")?;
    let daemon = Setup::new(&lab, DOOR)?.with(&["-i", "eth0,eth1"]).start()?;
    lab.server().ip("link set eth0 down\nlink set eth0 name wan0\nlink set wan0 up\n")?;
    daemon.log().await_line("interface eth0 has gone")?;
    // What was said may still be under way to who listens; two openings later it has arrived.
    for _ in 0..2 {
        insist(&daemon, "door", "udp CLIENT-B > SERVER-B:7300,7100,7200 on=eth1", &lab)?;
    }
    knock(&lab, "CLIENT")?;
    lab.server().ip("link set wan0 down\nlink set wan0 name eth0\nlink set eth0 up\n")?;
    daemon.log().await_line("interface eth0 has come, listening on it")?;
    insist(&daemon, "door", "udp OTHER > SERVER:7300,7100,7200", &lab)?;
    same("openings under another name", daemon.log().count("10.0.0.2: door: OPEN"), 0)?;
    daemon.terminate()
}

fn addresses_come_and_go() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    let knocks = |address: &str| format!("udp CLIENT > {address}:7300,7100,7200");
    for _ in 0..3 {
        lab.send(&knocks("EXTRA"))?;
        knock(&lab, "OTHER")?;
        lab.server().ip("address add 10.0.0.9/24 dev eth0\n")?;
        insist(&daemon, "door", &knocks("EXTRA"), &lab)?;
        lab.server().ip("address delete 10.0.0.9/24 dev eth0\n")?;
        // That it has gone is known by the time that the address after it has come.
        lab.server().ip("address add 10.0.0.10/24 dev eth0\n")?;
        insist(&daemon, "door", &knocks("10.0.0.10"), &lab)?;
        let before = daemon.log().count("10.0.0.2: door: OPEN SESAME");
        lab.send(&knocks("EXTRA"))?;
        insist(&daemon, "door", "udp OTHER > SERVER:7300,7100,7200", &lab)?;
        same("openings", daemon.log().count("10.0.0.2: door: OPEN SESAME"), before)?;
        lab.server().ip("address delete 10.0.0.10/24 dev eth0\n")?;
    }
    daemon.terminate()
}

fn tagged_frames() -> Outcome {
    let lab = Lab::new()?;
    let daemon = Setup::new(&lab, DOOR)?.start()?;
    lab.send("udp CLIENT > SERVER:7300,7100,7200 vlan=5")?;
    daemon.log().await_count(1, "10.0.0.2: door: OPEN SESAME")?;
    lab.send("udp CLIENT > SERVER:7300,7100,7200 service=7 vlan=5")?;
    daemon.log().await_count(2, "10.0.0.2: door: OPEN SESAME")?;
    daemon.terminate()
}
