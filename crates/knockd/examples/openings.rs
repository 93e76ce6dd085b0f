//! How long it takes to let a source in. To be run in a network of its own:
//!
//! `cargo build --release -p knockd --example openings && unshare -Urn target/release/examples/openings`

use std::{
    collections::BTreeSet,
    error::Error,
    net::IpAddr,
    time::{Duration, Instant},
};

use knockd::firewall::{Firewall, GuardedDoor};

const SOURCES: u32 = 20_000;
/// How many are let in at one door when all are looked at or put back.
const MANY: u32 = 100_000;
const HOUR: Duration = Duration::from_secs(60 * 60);

fn main() -> Result<(), Box<dyn Error>> {
    let mut firewall = Firewall::open()?;
    let (name, ports) = ("ssh".parse()?, "tcp/22".parse()?);
    firewall.install(&[GuardedDoor { name: &name, ports: &ports }])?;
    for (what, time) in
        [("a new opening", HOUR), ("an extension", 2 * HOUR), ("one that is open for longer", HOUR)]
    {
        let mut took = Vec::new();
        for number in 0..SOURCES {
            let source = IpAddr::V4((0x0a00_0000 + number).into());
            let begin = Instant::now();
            firewall.let_in(&name, source, time)?;
            took.push(begin.elapsed());
            firewall.news()?;
        }
        took.sort_unstable();
        let at = |hundredth: usize| took.get(took.len() * hundredth / 100).copied().unwrap_or_default();
        println!("{what}: p50 {:?}, p99 {:?}", at(50), at(99));
    }
    let many: Vec<_> = (0..MANY).map(|number| (IpAddr::V4((0x0b00_0000 + number).into()), HOUR)).collect();
    let door = [GuardedDoor { name: &name, ports: &ports }];
    firewall.flush()?;
    firewall.install(&door)?;
    println!("with {MANY} openings at one door:");
    timed("putting them back", || firewall.let_in_all(&name, &many))?;
    timed("finding that none is missing", || firewall.let_in_all(&name, &many))?;
    timed("reading who is let in", || firewall.openings(&name))?;
    timed("a reload that keeps them", || firewall.install(&door))?;
    timed("a reload that ends them", || firewall.install_with(&door, &BTreeSet::from([&name])))?;
    firewall.flush()?;
    Ok(())
}

fn timed<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let begin = Instant::now();
    let done = work()?;
    println!("{what}: {:?}", begin.elapsed());
    Ok(done)
}
