//! What packets cost that are none of the daemon's business.

use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use trials::{
    net::{Daemon, Lab, PATIENCE, Program, Wire, await_some},
    trouble::{Outcome, Trouble},
};

use crate::{
    cpu,
    figures::{Samples, nanos_each, number, ratio},
    keeper::{Keeper, door},
    section::Section,
    site,
    usage::Usage,
};

/// How often everybody has a turn.
const ROUNDS: u32 = 31;

/// What is sent in one go, and how often in a turn; in between whoever reads packets can catch up.
const BURST: usize = 512;
const BURSTS: u32 = 40;
const REST: Duration = Duration::from_millis(2);

/// What a daemon is started behind so that it has to do with a classic filter.
const WITHOUT_BPF: &str = "exec setpriv --bounding-set=-bpf \"$@\"";

const METHOD: &str = "TCP segments with ACK of one open connection from one source, in bursts of 512 with 2 ms between \
    them, sent by a thread on the first CPU; a firewall drops them. The rivals, each in namespaces of its own, have \
    turns, and what the kernel does on the way to whoever listens is the CPU time of the sender above that of the turn \
    in which nobody listens, in the same round: medians. tcpdump has a filter that lets nothing through (`udp port \
    9`). The user's share is the CPU time of the listener's processes.";

/// Measures.
pub(crate) fn measure() -> Outcome<Section> {
    let head = [
        "listener",
        "kernel, ns/packet more",
        "against tcpdump",
        "its processes, ns/packet",
        "both, against classic",
    ];
    let mut section = Section::new("Unrelated traffic", METHOD, &head);
    let labs: Vec<Lab> = (0..7).map(|_| site::walled()).collect::<Outcome<_>>()?;
    let [nobody, tcpdump, classic, strict, coarse, flags, lax] = labs.as_slice() else {
        return Err(Trouble::new("there are seven laboratories"));
    };
    let doors = [
        ("classic knockd, the same door", Keeper::Classic, classic, "", ""),
        ("ours, strict door without TCPFlags", Keeper::Ours, strict, "", ""),
        ("ours, the same without the right to eBPF", Keeper::Ours, coarse, "", WITHOUT_BPF),
        ("ours, strict door with TCPFlags = syn", Keeper::Ours, flags, " TCPFlags = syn", ""),
        ("ours, Wrong_Port = ignore", Keeper::Ours, lax, " Wrong_Port = ignore", ""),
    ];
    let mut listeners = vec![Listener::new("nobody", nobody, None)?];
    match Listener::tcpdump(tcpdump) {
        Ok(listener) => listeners.push(listener),
        // In an ordinary user's namespace it finds no user to become.
        Err(trouble) => section.note(format!("tcpdump is left out: {trouble}")),
    }
    for (name, keeper, lab, more, before) in doors {
        let config = door("tcp", &format!(" Start_Command = :\n{more}"));
        let daemon = keeper.setup(lab, &config)?.behind(before).start()?;
        listeners.push(Listener::new(name, lab, Some(Ears::Daemon(daemon)))?);
    }
    let frames =
        vec![site::frame("tcp 10.7.0.1:40000 > SERVER:443 ack payload=00112233445566778899")?; BURST];
    thread::scope(|scope| {
        let rounds = scope.spawn(|| -> Outcome {
            cpu::stay_on_first()?;
            for _ in 0..ROUNDS {
                let mut alone = None;
                for listener in &mut listeners {
                    let cost = listener.turn(&frames)?;
                    listener.kernel.add(cost - *alone.get_or_insert(cost));
                }
            }
            Ok(())
        });
        rounds.join().map_err(|_| Trouble::new("a round has ended badly"))?
    })?;
    let kernel_of = |name: &str| listeners.iter().find(|one| one.name.starts_with(name))?.kernel.median();
    let both = |listener: &Listener<'_>| Some(listener.kernel.median()? + listener.user.median()?);
    let of_classic = listeners.iter().find(|one| one.name.starts_with("classic")).and_then(both);
    for listener in listeners.iter().skip(1) {
        let kernel = listener.kernel.median();
        let user = listener.user.median();
        section.row([
            listener.name.to_owned(),
            number(kernel),
            ratio(kernel, kernel_of("tcpdump")),
            number(user),
            ratio(both(listener), of_classic),
        ]);
    }
    let alone = listeners.first().and_then(|nobody| nobody.user.median());
    section.note(format!("A packet without a listener costs the sender {} ns.", number(alone)));
    Ok(section)
}

/// Somebody who listens, or nobody.
struct Listener<'a> {
    name: &'static str,
    wire: Wire,
    ears: Option<Ears<'a>>,
    kernel: Samples,
    /// Of its processes; of the sender where nobody listens.
    user: Samples,
}

enum Ears<'a> {
    Daemon(Daemon<'a>),
    Program(Program),
}

impl<'a> Listener<'a> {
    fn new(name: &'static str, lab: &'a Lab, ears: Option<Ears<'a>>) -> Outcome<Self> {
        Ok(Self { name, wire: site::cable(lab)?, ears, kernel: Samples::default(), user: Samples::default() })
    }

    fn tcpdump(lab: &'a Lab) -> Outcome<Self> {
        let said = std::fs::File::create(lab.directory().join("tcpdump.err"))?;
        let mut command = Command::new("tcpdump");
        command
            .args(["-i", "eth0", "-n", "-p", "-Z", "root", "udp port 9"])
            .stdout(Stdio::null())
            .stderr(said);
        let program = lab.server().start(&mut command)?;
        let listens = || lab.file("tcpdump.err").contains("listening on").then_some(());
        await_some(PATIENCE, listens).ok_or_else(|| Trouble::new(lab.file("tcpdump.err")))?;
        Self::new("tcpdump, a rejecting filter", lab, Some(Ears::Program(program)))
    }

    /// What a packet costs the sender, in nanoseconds.
    fn turn(&mut self, frames: &[Vec<u8>]) -> Outcome<f64> {
        let before = self.cpu()?;
        let mut sender = Duration::ZERO;
        for _ in 0..BURSTS {
            let begun = cpu::thread_time()?;
            self.wire.send_all(frames)?;
            sender += cpu::thread_time()?.saturating_sub(begun);
            thread::sleep(REST);
        }
        let packets = u32::try_from(frames.len()).unwrap_or_default() * BURSTS;
        let cost = nanos_each(sender, packets);
        let user = self.cpu()?.saturating_sub(before);
        self.user.add(if self.ears.is_some() { nanos_each(user, packets) } else { cost });
        Ok(cost)
    }

    fn cpu(&self) -> Outcome<Duration> {
        match &self.ears {
            None => Ok(Duration::ZERO),
            Some(Ears::Daemon(daemon)) => Ok(Usage::of(daemon.id()?)?.cpu),
            Some(Ears::Program(program)) => {
                let id = i32::try_from(program.id()).map_err(|error| Trouble::new(error.to_string()))?;
                Ok(Usage::of(id)?.cpu)
            }
        }
    }
}
