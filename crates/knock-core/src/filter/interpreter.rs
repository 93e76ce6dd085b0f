//! The kernel's part in tests: runs the instructions that our programs are made of.

use super::instruction::{Instruction, ancillary, code};

/// A packet as a filter sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Packet {
    /// `SKF_AD_PKTTYPE`.
    pub(super) addressee: u32,
    /// `SKF_AD_PROTOCOL`.
    pub(super) protocol: u32,
    pub(super) data: Vec<u8>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The bytes taken, 0 if the packet is dropped.
    pub(super) length: u32,
    /// How many instructions it took.
    pub(super) executed: usize,
}

/// Asserts what the kernel checks: every jump lands inside and every path ends. As jumps only go forward, it is enough
/// that the last instruction is an end.
pub(super) fn check(program: &[Instruction]) {
    assert_eq!(program.last().map(|last| last.code), Some(code::RETURN));
    for (place, Instruction { code, jt, jf, k }) in program.iter().enumerate() {
        let skips = match *code {
            code::RETURN => continue,
            code::JUMP => *k as usize,
            code::IF_EQUAL | code::IF_ABOVE | code::IF_AT_LEAST | code::IF_ANY_BIT => {
                usize::from(*jt.max(jf))
            }
            other if STEPS.contains(&other) => 0,
            other => panic!("instruction {place} is {other:#x}"),
        };
        assert!(place + skips + 1 < program.len(), "{place} jumps out");
    }
}

/// Runs a program as the kernel does: a load beyond the packet drops it.
pub(super) fn run(program: &[Instruction], packet: &Packet) -> Run {
    let (mut a, mut x, mut place) = (0_u32, 0_u32, 0);
    for executed in 1.. {
        let Instruction { code, jt, jf, k } = program[place];
        place += 1;
        let loaded = match code {
            code::LOAD_WORD if k == ancillary::PACKET_TYPE => Some(packet.addressee),
            code::LOAD_WORD if k == ancillary::PROTOCOL => Some(packet.protocol),
            code::LOAD_WORD => packet.load(k, 4),
            code::LOAD_HALF => packet.load(k, 2),
            code::LOAD_BYTE => packet.load(k, 1),
            code::LOAD_HALF_AT_X => packet.load(x + k, 2),
            code::LOAD_BYTE_AT_X => packet.load(x + k, 1),
            code::SET_X_TO_IHL => packet.load(k, 1).inspect(|byte| x = (byte & 0xf) * 4).and(Some(a)),
            code::ADD => Some(a.wrapping_add(k)),
            code::AND => Some(a & k),
            code::X_TO_A => Some(x),
            _ => Some(a),
        };
        let Some(loaded) = loaded else { return Run { length: 0, executed } };
        a = loaded;
        let branch = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            code::RETURN => return Run { length: k, executed },
            code::SET_X => x = k,
            code::A_TO_X => x = a,
            code::JUMP => place += k as usize,
            code::IF_EQUAL => place += branch(a == k),
            code::IF_ABOVE => place += branch(a > k),
            code::IF_AT_LEAST => place += branch(a >= k),
            code::IF_ANY_BIT => place += branch(a & k != 0),
            _ => {}
        }
    }
    unreachable!("a program is finite and never goes back")
}

/// The instructions after which comes the next.
const STEPS: [u16; 11] = [
    code::LOAD_WORD,
    code::LOAD_HALF,
    code::LOAD_BYTE,
    code::LOAD_HALF_AT_X,
    code::LOAD_BYTE_AT_X,
    code::SET_X,
    code::SET_X_TO_IHL,
    code::A_TO_X,
    code::X_TO_A,
    code::ADD,
    code::AND,
];

impl Packet {
    fn load(&self, offset: u32, length: usize) -> Option<u32> {
        let bytes = self.data.get(offset as usize..)?.get(..length)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }
}
