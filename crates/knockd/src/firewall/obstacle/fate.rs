//! What becomes of a packet on its way through a table of others.

use std::collections::BTreeMap;

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

/// How many rules a packet is followed through. What takes more is taken to let it pass.
const MOST_RULES: usize = 100_000;

impl Table {
    /// What becomes of a packet in one of the table's chains.
    pub(super) fn fate(&self, packet: Packet, chain: &str) -> Fate {
        Walk { table: self, packet, known: BTreeMap::new(), rules_left: MOST_RULES }.fate(chain, 0)
    }
}

/// The way of a packet through a table.
struct Walk<'a> {
    table: &'a Table,
    packet: Packet,
    /// What becomes of it in the chains that it has been through: they may be called from many places.
    known: BTreeMap<String, Fate>,
    rules_left: usize,
}

impl Walk<'_> {
    fn fate(&mut self, chain: &str, depth: u32) -> Fate {
        if let Some(fate) = self.known.get(chain) {
            return *fate;
        }
        let fate = self.follow(chain, depth);
        self.known.insert(chain.to_owned(), fate);
        fate
    }

    fn follow(&mut self, chain: &str, depth: u32) -> Fate {
        if depth > DEEPEST {
            return Fate::Passes;
        }
        // Who may have left the chain before it was dropped is not surely dropped.
        let mut may_have_left = false;
        let dropped = |may_have_left| if may_have_left { Fate::Undecided } else { Fate::Dropped };
        for rule in self.table.rules.get(chain).into_iter().flatten() {
            let Some(rules_left) = self.rules_left.checked_sub(1) else { return Fate::Passes };
            self.rules_left = rules_left;
            let (fits, verdict) = self.table.judge(self.packet, rule);
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
                Verdict::Jump(target) => match self.fate(&target, depth + 1) {
                    Fate::Passes => return Fate::Passes,
                    Fate::Dropped if is_sure => return dropped(may_have_left),
                    Fate::Dropped | Fate::Undecided => {}
                },
                Verdict::Goto(target) => match self.fate(&target, depth + 1) {
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
}

impl Table {
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
