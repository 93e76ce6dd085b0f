//! The kernel's part in tests: runs the instructions that our programs are made of.

use std::collections::HashMap;

use super::{
    super::interpreter::{Packet, Run},
    ExactProgram, Instruction, TABLE_BYTES,
    instruction::{code, field, function, wide},
};

/// What outlives a packet.
pub(in crate::filter) struct Machine {
    /// What was written, by its place in bytes.
    written: HashMap<u64, u32>,
    /// What is everywhere else.
    unwritten: u32,
    /// Nanoseconds.
    pub(in crate::filter) clock: u64,
}

/// The descriptor of the table.
const TABLE: i32 = 77;

// Addresses, by their upper bits.
const DESCRIPTION: u64 = 1 << 40;
const VALUE: u64 = 2 << 40;
/// The end of the program's own memory.
const MEMORY: u64 = 3 << 40;

/// How much of that there is.
const MEMORY_BYTES: usize = 512;

/// Asserts what the kernel's verifier asks of the shape: every jump goes forward and lands on an instruction, every path
/// ends, everything is known.
pub(in crate::filter) fn check(program: &ExactProgram) {
    let program: Vec<_> = program.instructions(TABLE).collect();
    assert_eq!(program.last().map(|last| last.code), Some(code::EXIT));
    let is_half = |place: usize| place > 0 && program[place - 1].code == code::SET_WIDE;
    for (place, one) in program.iter().enumerate() {
        if is_half(place) {
            assert_eq!((one.code, one.target, one.source, one.offset), (0, 0, 0, 0));
            continue;
        }
        assert!(one.target < 10 && one.source <= 10);
        if one.code == code::SET_WIDE {
            assert!(matches!((one.source, one.operand), (wide::NUMBER, _) | (wide::PLACE_IN_VALUE, TABLE)));
        }
        let is_jump = matches!(one.code & 7, 5 | 6) && ![code::CALL, code::EXIT].contains(&one.code);
        if is_jump {
            let to = place + 1 + usize::try_from(one.offset).expect("only forward");
            assert!(to < program.len() && !is_half(to), "{place} jumps out");
        }
    }
}

impl Machine {
    pub(in crate::filter) fn new() -> Self {
        Self { written: HashMap::new(), unwritten: 0, clock: 0 }
    }

    /// How many places of the table were written to.
    pub(in crate::filter) fn taken(&self) -> usize {
        self.written.len()
    }

    /// Everything that the table can hold is noted for so many nanoseconds more.
    pub(in crate::filter) fn fill(&mut self, time: u64) {
        self.unwritten = u32::try_from((self.clock + time) >> 30).unwrap();
    }

    pub(in crate::filter) fn run(&mut self, program: &ExactProgram, packet: &Packet) -> Run {
        let program: Vec<_> = program.instructions(TABLE).collect();
        let memory = [None; MEMORY_BYTES];
        let mut run = Running { machine: self, packet, registers: [None; 11], memory };
        run.registers[1] = Some(DESCRIPTION);
        run.registers[10] = Some(MEMORY);
        let mut place = 0;
        for executed in 1.. {
            match run.step(&program[place..]) {
                Next::Skip(count) => place += 1 + count,
                Next::End(length) => return Run { length, executed },
            }
        }
        unreachable!("a program is finite and never goes back")
    }
}

enum Next {
    Skip(usize),
    End(u32),
}

struct Running<'a> {
    machine: &'a mut Machine,
    packet: &'a Packet,
    /// None before something is in it.
    registers: [Option<u64>; 11],
    /// The same, from its begin to its end.
    memory: [Option<u8>; MEMORY_BYTES],
}

impl Running<'_> {
    fn step(&mut self, program: &[Instruction]) -> Next {
        let Instruction { code, target, source, offset, operand } = program[0];
        let skip = |holds: bool| Next::Skip(if holds { usize::try_from(offset).unwrap() } else { 0 });
        let at = |register: u64| register.wrapping_add_signed(offset.into());
        match code {
            code::PACKET_WORD => return self.packet(operand, 4),
            code::PACKET_HALF => return self.packet(operand, 2),
            code::PACKET_BYTE => return self.packet(operand, 1),
            code::PACKET_WORD_AT => return self.packet(operand + self.low(source).cast_signed(), 4),
            code::PACKET_HALF_AT => return self.packet(operand + self.low(source).cast_signed(), 2),
            code::PACKET_BYTE_AT => return self.packet(operand + self.low(source).cast_signed(), 1),
            code::SET_WIDE => {
                let [low, high] = [operand, program[1].operand].map(|half| u64::from(half.cast_unsigned()));
                let is_number = source == wide::NUMBER;
                self.set(target, if is_number { high << 32 | low } else { VALUE + high });
                return Next::Skip(1);
            }
            code::LOAD_WORD => self.set(target, self.load(at(self.wide(source)), 4)),
            code::LOAD_HALF => self.set(target, self.load(at(self.wide(source)), 2)),
            code::LOAD_BYTE => self.set(target, self.load(at(self.wide(source)), 1)),
            code::STORE_WORD => self.store(at(self.wide(target)), self.low(source)),
            code::FROM_NETWORK if operand == 16 => {
                self.set(target, u16::from_be(u16::try_from(self.low(target) & 0xffff).unwrap()).into());
            }
            code::FROM_NETWORK => {
                assert_eq!(operand, 32);
                self.set(target, u32::from_be(self.low(target)).into());
            }
            code::SET => self.set(target, operand.cast_unsigned().into()),
            code::ADD => self.set(target, self.low(target).wrapping_add_signed(operand).into()),
            code::AND => self.set(target, (self.low(target) & operand.cast_unsigned()).into()),
            code::SHIFT_LEFT => self.set(target, (self.low(target) << operand).into()),
            code::COPY => self.set(target, self.wide(source)),
            code::ADD_WIDE => {
                self.set(target, self.wide(target).wrapping_add_signed(operand.into()));
            }
            code::ADD_REGISTER => self.set(target, self.wide(target).wrapping_add(self.wide(source))),
            code::MULTIPLY => self.set(target, self.wide(target).wrapping_mul(self.wide(source))),
            code::SHIFT_RIGHT_WIDE => self.set(target, self.wide(target) >> operand),
            code::JUMP => return skip(true),
            code::IF_EQUAL => return skip(self.low(target) == operand.cast_unsigned()),
            code::IF_NOT_EQUAL => return skip(self.low(target) != operand.cast_unsigned()),
            code::IF_ABOVE => return skip(self.low(target) > operand.cast_unsigned()),
            code::IF_AT_MOST => return skip(self.low(target) <= operand.cast_unsigned()),
            code::IF_AT_LEAST => return skip(self.low(target) >= operand.cast_unsigned()),
            code::IF_BELOW => return skip(self.low(target) < operand.cast_unsigned()),
            code::IF_ANY_BIT => return skip(self.low(target) & operand.cast_unsigned() != 0),
            code::IF_ABOVE_REGISTER => return skip(self.low(target) > self.low(source)),
            code::IF_AT_LEAST_REGISTER => return skip(self.low(target) >= self.low(source)),
            code::CALL => self.call(operand),
            code::EXIT => return Next::End(self.low(0)),
            other => panic!("instruction {other:#x}"),
        }
        Next::Skip(0)
    }

    fn call(&mut self, function: i32) {
        let result = match function {
            function::CLOCK => self.machine.clock,
            function::COPY_PACKET => self.copy_packet(),
            other => panic!("function {other}"),
        };
        self.registers[..6].fill(None);
        self.set(0, result);
    }

    fn copy_packet(&mut self) -> u64 {
        assert_eq!(self.wide(1), DESCRIPTION);
        let [from, length] = [2, 4].map(|register| usize::try_from(self.wide(register)).unwrap());
        let to = MEMORY_BYTES - usize::try_from(MEMORY - self.wide(3)).unwrap();
        let Some(bytes) = self.packet.data.get(from..from + length) else { return u64::MAX };
        let bytes: Vec<_> = bytes.iter().copied().map(Some).collect();
        self.memory[to..to + length].copy_from_slice(&bytes);
        0
    }

    /// A load from the packet: one beyond it drops it.
    fn packet(&mut self, place: i32, length: usize) -> Next {
        assert_eq!(self.wide(6), DESCRIPTION);
        let bytes = usize::try_from(place).ok().and_then(|place| self.packet.data.get(place..place + length));
        let Some(bytes) = bytes else { return Next::End(0) };
        let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.registers[..6].fill(None);
        self.set(0, number);
        Next::Skip(0)
    }

    fn load(&self, address: u64, length: usize) -> u64 {
        if address >= MEMORY - 512 {
            let place = MEMORY_BYTES - usize::try_from(MEMORY - address).unwrap();
            assert_eq!(place % length, 0, "not aligned, which the kernel asks for");
            let bytes = self.memory[place..place + length].iter().map(|byte| byte.expect("it was written"));
            let bytes: Vec<_> = bytes.collect();
            return match length {
                4 => u32::from_ne_bytes(bytes.try_into().unwrap()).into(),
                2 => u16::from_ne_bytes(bytes.try_into().unwrap()).into(),
                _ => bytes[0].into(),
            };
        }
        assert_eq!(length, 4);
        if address >= VALUE {
            let written = self.machine.written.get(&place_of(address));
            return written.copied().unwrap_or(self.machine.unwritten).into();
        }
        match i16::try_from(address - DESCRIPTION).unwrap() {
            field::PACKET_TYPE => self.packet.addressee.into(),
            field::PROTOCOL => u16::try_from(self.packet.protocol).unwrap().to_be().into(),
            other => panic!("field {other}"),
        }
    }

    fn store(&mut self, address: u64, number: u32) {
        self.machine.written.insert(place_of(address), number);
    }

    fn set(&mut self, register: u8, number: u64) {
        assert!(register < 10);
        self.registers[usize::from(register)] = Some(number);
    }

    fn wide(&self, register: u8) -> u64 {
        self.registers[usize::from(register)].expect("something is in the register")
    }

    fn low(&self, register: u8) -> u32 {
        u32::try_from(self.wide(register) & u64::from(u32::MAX)).unwrap()
    }
}

/// Where in the table an address is.
fn place_of(address: u64) -> u64 {
    let place = address - VALUE;
    assert!(place.is_multiple_of(4) && place + 4 <= TABLE_BYTES.into());
    place
}
