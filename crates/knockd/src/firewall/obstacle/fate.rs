//! What becomes of a packet on its way through a table of others.

use super::{
    expression::{Expression, Verdict},
    packet::{Fits, Packet, Registers},
    ruleset::{Found, Rule, Table},
};

/// What becomes of it, as far as that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It passes, or may pass.
    Passes,
    /// It is dropped, whatever is not known of it.
    Dropped,
    /// The chain has not decided.
    Undecided,
}

/// How deep chains may call each other: `NFT_JUMP_STACK_SIZE` in the kernel's `net/netfilter/nf_tables.h`.
const DEEPEST: u32 = 16;

impl Table {
    /// What becomes of a packet in one of the table's chains.
    pub(super) fn fate(&self, packet: Packet, chain: &str) -> Fate {
        self.fate_within(packet, chain, 0)
    }

    fn fate_within(&self, packet: Packet, chain: &str, depth: u32) -> Fate {
        if depth > DEEPEST {
            return Fate::Passes;
        }
        // Who may have left the chain before it was dropped is not surely dropped.
        let mut may_have_left = false;
        let dropped = |may_have_left| if may_have_left { Fate::Undecided } else { Fate::Dropped };
        for rule in self.rules.get(chain).into_iter().flatten() {
            let (fits, verdict) = self.judge(packet, rule);
            let is_sure = match fits {
                Fits::No => continue,
                Fits::Perhaps => false,
                Fits::Yes => true,
            };
            match verdict {
                Verdict::Accept | Verdict::Unknown => return Fate::Passes,
                Verdict::Drop if is_sure => return dropped(may_have_left),
                Verdict::Return if is_sure => return Fate::Undecided,
                Verdict::Return => may_have_left = true,
                Verdict::Drop | Verdict::Continue => {}
                Verdict::Jump(target) => match self.fate_within(packet, &target, depth + 1) {
                    Fate::Passes => return Fate::Passes,
                    Fate::Dropped if is_sure => return dropped(may_have_left),
                    Fate::Dropped | Fate::Undecided => {}
                },
                Verdict::Goto(target) => match self.fate_within(packet, &target, depth + 1) {
                    Fate::Passes => return Fate::Passes,
                    Fate::Dropped if is_sure => return dropped(may_have_left),
                    Fate::Undecided if is_sure => return Fate::Undecided,
                    Fate::Dropped => {}
                    Fate::Undecided => may_have_left = true,
                },
            }
        }
        Fate::Undecided
    }

    fn judge(&self, packet: Packet, rule: &Rule) -> (Fits, Verdict) {
        let mut registers = Registers::default();
        let mut all = Fits::Yes;
        for step in rule {
            let fits = match step {
                Expression::Decide(Verdict::Continue) => Fits::Yes,
                Expression::Decide(verdict) => return (all, verdict.clone()),
                Expression::Lookup { from, set, inverted, decides } => {
                    match self.find(&registers, *from, set) {
                        Some(Found::Verdict(verdict)) if *decides => return (all, verdict.clone()),
                        Some(found) => (matches!(found, Found::Nothing) == *inverted).into(),
                        None if *decides => return (Fits::Perhaps, Verdict::Unknown),
                        None => Fits::Perhaps,
                    }
                }
                step => registers.step(packet, step),
            };
            match fits {
                Fits::No => return (Fits::No, Verdict::Continue),
                Fits::Perhaps => all = Fits::Perhaps,
                Fits::Yes => {}
            }
        }
        (all, Verdict::Continue)
    }

    /// What there is in a set for what is in a register; none if that can't be known.
    fn find(&self, registers: &Registers, from: u32, set: &str) -> Option<Found<'_>> {
        let elements = self.sets.get(set)?;
        let key = registers.known(from).filter(|key| elements.takes(key))?;
        Some(elements.find(&key))
    }
}
