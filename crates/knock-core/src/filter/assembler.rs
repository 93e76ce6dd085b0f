//! Puts instructions together from the last to the first.
//!
//! Jumps of classic BPF only go forward. Written backwards, every target is in place before somebody jumps to it, so
//! that a label is always a known distance and a loop can't be written at all.

use std::collections::HashMap;

use super::instruction::{Instruction, code};

/// A program that grows at its front.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    backwards: Vec<Instruction>,
    /// How many instructions there are: the label of the foremost one.
    front: Label,
    /// For labels that were out of a conditional jump's reach, the foremost instruction that stands in for them.
    bridges: HashMap<Label, Label>,
}

/// An instruction in the program, as its place counted from the end; the last one is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Label(u32);

impl Assembler {
    /// Ends with the first `length` bytes of the packet.
    pub(super) fn end(&mut self, length: u32) -> Label {
        self.push(code::RETURN, 0, 0, length)
    }

    /// An instruction that can't jump, then `next`.
    pub(super) fn step(&mut self, code: u16, k: u32, next: Label) -> Label {
        if next != self.front {
            self.bridge(next);
        }
        self.push(code, 0, 0, k)
    }

    /// A conditional jump.
    pub(super) fn branch(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
        if yes == no {
            return yes;
        }
        loop {
            match (self.reach(yes), self.reach(no)) {
                (Some(jt), Some(jf)) => return self.push(code, jt, jf, k),
                (None, _) => self.bridge(yes),
                (_, None) => self.bridge(no),
            }
        }
    }

    /// The program that begins at `entry`.
    pub(super) fn finish(mut self, entry: Label) -> Vec<Instruction> {
        if entry != self.front {
            self.bridge(entry);
        }
        self.backwards.reverse();
        self.backwards
    }

    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Label {
        self.backwards.push(Instruction { code, jt, jf, k });
        self.front = Label(self.front.0 + 1);
        self.front
    }

    /// What a conditional jump at the front would skip on the way to `target` or what stands in for it, if it can.
    fn reach(&self, target: Label) -> Option<u8> {
        let distance = |label: Label| u8::try_from(self.front.0 - label.0).ok();
        distance(target).or_else(|| self.bridges.get(&target).copied().and_then(distance))
    }

    /// Puts an instruction in front that does what `target` does.
    fn bridge(&mut self, target: Label) {
        let place = usize::try_from(target.0).unwrap_or(usize::MAX);
        let bridge = match self.backwards.get(place.saturating_sub(1)) {
            Some(end) if end.code == code::RETURN => self.end(end.k),
            _ => self.push(code::JUMP, 0, 0, self.front.0 - target.0),
        };
        self.bridges.insert(target, bridge);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::interpreter::{self, Packet},
        *,
    };

    /// Whether the byte at the packet's begin is `number` or one of the `count - 1` before.
    fn chain(count: u32, number: u32) -> Vec<Instruction> {
        let mut assembler = Assembler::default();
        let (no, yes) = (assembler.end(0), assembler.end(9));
        let chain = (0..count).fold(no, |label, n| assembler.branch(code::IF_EQUAL, number - n, yes, label));
        let entry = assembler.step(code::LOAD_BYTE, 0, chain);
        assembler.finish(entry)
    }

    #[test]
    fn near_jumps_need_no_bridge() {
        let [load, first, second, yes, no] = chain(2, 7)[..] else { panic!("five instructions") };
        assert_eq!(load, Instruction { code: code::LOAD_BYTE, jt: 0, jf: 0, k: 0 });
        assert_eq!(first, Instruction { code: code::IF_EQUAL, jt: 1, jf: 0, k: 6 });
        assert_eq!(second, Instruction { code: code::IF_EQUAL, jt: 0, jf: 1, k: 7 });
        assert_eq!((yes.k, no.k), (9, 0));
    }

    #[test]
    fn ends_out_of_reach_are_copied() {
        for count in [254, 255, 256, 257, 1_000] {
            let program = chain(count, 1_000);
            interpreter::check(&program);
            let copies = program.iter().filter(|end| end.code == code::RETURN && end.k == 9).count();
            assert_eq!(copies, count.div_ceil(256) as usize, "{count}");
        }
        for byte in 0..=u8::MAX {
            let packet = Packet { data: vec![byte], ..Packet::default() };
            let wanted = if (56..=200).contains(&byte) { 9 } else { 0 };
            assert_eq!(interpreter::run(&chain(145, 200), &packet).length, wanted);
        }
    }

    #[test]
    fn other_labels_out_of_reach_are_jumped_to() {
        let mut assembler = Assembler::default();
        let end = assembler.end(1);
        let far = assembler.step(code::LOAD_BYTE, 1, end);
        let mut label = assembler.end(0);
        for _ in 0..300 {
            label = assembler.step(code::LOAD_BYTE, 0, label);
        }
        let entry = assembler.branch(code::IF_EQUAL, 0, far, label);
        let entry = assembler.step(code::LOAD_BYTE, 0, entry);
        let program = assembler.finish(entry);
        interpreter::check(&program);
        assert_eq!(program[2].code, code::JUMP);
        let length = |data: Vec<u8>| interpreter::run(&program, &Packet { data, ..Packet::default() });
        assert_eq!((length(vec![0, 0]).length, length(vec![0, 0]).executed), (1, 5));
        assert_eq!((length(vec![1, 0]).length, length(vec![1, 0]).executed), (0, 303));
    }

    #[test]
    fn a_program_begins_at_its_entry() {
        let mut assembler = Assembler::default();
        let entry = assembler.end(5);
        assembler.end(6);
        let program = assembler.finish(entry);
        assert_eq!(interpreter::run(&program, &Packet::default()).length, 5);
    }
}
