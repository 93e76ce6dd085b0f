//! The command line, and what it asks for.

use std::time::Instant;

use clap::{Parser, ValueEnum};
use trials::{
    sandbox,
    trouble::{Outcome, While},
};

use crate::{floods, latency, machine, memory, reading, rest, section::Section, starting, traffic};

/// Measures knockd beside its peers and prints the figures as Markdown.
///
/// Everything happens in network namespaces that go with this program. Figures of one run may be compared with each
/// other; machines are noisy, so those of two runs hardly.
#[derive(Debug, Parser)]
#[command(name = "scripts/bench")]
pub(crate) struct Arguments {
    /// What to measure; everything, in less than ten minutes, if nothing is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    #[command(flatten)]
    floods: floods::Choice,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// From the last knock to the open door.
    Latency,
    /// Honest knocks and CPU time under floods of forged packets.
    Floods,
    /// What packets cost that are none of the daemon's business.
    Traffic,
    /// Memory, at rest and after floods of millions of sources.
    Memory,
    /// Wake-ups at rest.
    Rest,
    /// How long a start takes.
    Starting,
    /// Captures read by `knockd --read` and tcpdump.
    Reading,
}

impl Arguments {
    /// Measures and prints.
    pub(crate) fn carry_out(self) -> Outcome {
        sandbox::enter()?;
        print!("{}", machine::description());
        let parts = if self.parts.is_empty() { Part::value_variants() } else { &self.parts };
        for part in parts {
            let begun = Instant::now();
            let section = part.measure(&self.floods).while_(format!("{part:?}"))?;
            println!("\n{section}");
            eprintln!("{part:?}: measured in {:.0} s", begun.elapsed().as_secs_f64());
        }
        println!("\nLoad of the machine at the end: {}", machine::load());
        Ok(())
    }
}

impl Part {
    fn measure(self, floods: &floods::Choice) -> Outcome<Section> {
        match self {
            Self::Latency => latency::measure(),
            Self::Floods => floods::measure(floods),
            Self::Traffic => traffic::measure(),
            Self::Memory => memory::measure(),
            Self::Rest => rest::measure(),
            Self::Starting => starting::measure(),
            Self::Reading => reading::measure(),
        }
    }
}
