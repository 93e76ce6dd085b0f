//! From steps to instructions.
//!
//! The kernel turns classic programs into extended ones in the same way (`bpf_convert_filter` in `net/core/filter.c`).

use super::{
    super::instruction::{Instruction as Step, ancillary, code as classic},
    instruction::{Instruction, code, field, function, wide},
    step,
    table::{Key, PLACE_BITS, SOURCES, UNIT},
};

/// The instructions that do what these steps do, or none if they are too many for the reach of a jump.
///
/// A source counts as under way for so many `units` of time.
pub(super) fn translate(steps: &[Step], key: &Key, units: i32) -> Option<Vec<Instruction>> {
    let mut writer = Writer { written: Vec::new(), jumps: Vec::new(), place: 0, key, units };
    writer.copy(PACKET, 1);
    let mut places = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        places.push(writer.written.len());
        writer.place = place;
        writer.step(*step);
    }
    for Jump { at, to } in writer.jumps {
        let distance = places.get(to)?.checked_sub(at + 1)?;
        writer.written.get_mut(at)?.offset = i16::try_from(distance).ok()?;
    }
    Some(writer.written)
}

// Registers. The calls of functions leave 6 to 9 as they are, and so do loads from the packet, which want its
// description in 6. Those from 1 to 5 are for a few instructions each.

/// A of the classic machine, and what functions return.
const A: u8 = 0;
/// The description of the packet.
const PACKET: u8 = 6;
/// X of the classic machine.
const X: u8 = 7;
/// What a source comes to, when X isn't needed any more.
const SUM: u8 = X;
/// Where in the packet the IP header begins, and later the address of somebody's place in the table.
const PLACE: u8 = 8;
/// The version of IP, or [`IN_COPY`].
const VERSION: u8 = 9;
/// The end of the memory that a program has for itself.
const MEMORY: u8 = 10;

/// In place of the version: IPv4, in the copy of the packet's begin.
const IN_COPY: i32 = 0;

struct Writer<'a> {
    written: Vec<Instruction>,
    jumps: Vec<Jump>,
    /// Which step is being written.
    place: usize,
    key: &'a Key,
    units: i32,
}

/// A jump of which it isn't known yet how far it goes.
struct Jump {
    /// The instruction.
    at: usize,
    /// The step that it goes to.
    to: usize,
}

/// A jump within a step that goes forward to where it is [landed](Writer::land).
struct Ahead(usize);

impl Writer<'_> {
    fn step(&mut self, step: Step) {
        let Step { code, k, .. } = step;
        let operand = k.cast_signed();
        match code {
            classic::RETURN => {
                self.number(code::SET, A, operand);
                self.push(code::EXIT, 0, 0, 0, 0);
            }
            classic::LOAD_WORD if k == ancillary::PACKET_TYPE => {
                self.push(code::LOAD_WORD, A, PACKET, field::PACKET_TYPE, 0);
            }
            classic::LOAD_WORD if k == ancillary::PROTOCOL => {
                self.push(code::LOAD_WORD, A, PACKET, field::PROTOCOL, 0);
                self.number(code::FROM_NETWORK, A, 16);
            }
            classic::LOAD_WORD => self.push(code::PACKET_WORD, 0, 0, 0, operand),
            classic::LOAD_HALF => self.push(code::PACKET_HALF, 0, 0, 0, operand),
            classic::LOAD_BYTE => self.push(code::PACKET_BYTE, 0, 0, 0, operand),
            classic::LOAD_HALF_AT_X => self.push(code::PACKET_HALF_AT, 0, X, 0, operand),
            classic::LOAD_BYTE_AT_X => self.push(code::PACKET_BYTE_AT, 0, X, 0, operand),
            classic::SET_X => self.number(code::SET, X, operand),
            classic::A_TO_X => self.copy(X, A),
            classic::X_TO_A => self.copy(A, X),
            classic::ADD => self.number(code::ADD, A, operand),
            classic::AND => self.number(code::AND, A, operand),
            classic::JUMP => self.jump(code::JUMP, 0, k as usize),
            classic::IF_EQUAL => self.branch(code::IF_EQUAL, Some(code::IF_NOT_EQUAL), step),
            classic::IF_ABOVE => self.branch(code::IF_ABOVE, Some(code::IF_AT_MOST), step),
            classic::IF_AT_LEAST => self.branch(code::IF_AT_LEAST, Some(code::IF_BELOW), step),
            classic::IF_ANY_BIT => self.branch(code::IF_ANY_BIT, None, step),
            classic::SET_X_TO_IHL => {
                self.push(code::PACKET_BYTE, 0, 0, 0, operand);
                self.number(code::AND, A, 0xf);
                self.number(code::SHIFT_LEFT, A, 2);
                self.copy(X, A);
            }
            step::COPY => self.copy_packet(),
            step::COPIED_WORD => self.copied(code::LOAD_WORD, A, operand, 32),
            step::COPIED_HALF => self.copied(code::LOAD_HALF, A, operand, 16),
            step::COPIED_BYTE => self.copied(code::LOAD_BYTE, A, operand, 8),
            step::COPIED_V4 => self.header(0, IN_COPY),
            step::V4 => self.header(operand, 4),
            step::V6 => self.header(operand, 6),
            step::BEGIN => {
                self.find_source();
                self.begin();
            }
            step::ANYBODY_BEGINS => {
                self.table(PLACE, 0);
                self.begin();
            }
            step::ASK => self.ask(),
            // No step that there is: a program that ends here lets through too much, never too little.
            _ => {
                self.number(code::SET, A, i32::MAX);
                self.push(code::EXIT, 0, 0, 0, 0);
            }
        }
    }

    fn copy_packet(&mut self) {
        self.copy(1, PACKET);
        self.number(code::SET, 2, 0);
        self.copy(3, MEMORY);
        self.number(code::ADD_WIDE, 3, -i32::from(step::COPIED));
        self.number(code::SET, 4, step::COPIED.into());
        self.call(function::COPY_PACKET);
    }

    /// Loads so many bits from a place in the copy.
    fn copied(&mut self, code: u8, target: u8, place: i32, bits: i32) {
        let place = i16::try_from(place - i32::from(step::COPIED)).unwrap_or_default();
        self.push(code, target, MEMORY, place, 0);
        if bits > 8 {
            self.number(code::FROM_NETWORK, target, bits);
        }
    }

    fn header(&mut self, place: i32, version: i32) {
        self.number(code::SET, PLACE, place);
        self.number(code::SET, VERSION, version);
    }

    /// Finds the place of the source: the upper bits of the sum of its words, each multiplied by a number of the key, and
    /// another. Two sources share a place only as often as by chance (multilinear hashing; Lemire and Kaser, "Strongly
    /// universal string hashing is fast", 2014).
    fn find_source(&mut self) {
        let [sum, first, more @ ..] = self.key.0;
        self.wide(SUM, sum);
        let is_elsewhere = self.ahead(code::IF_NOT_EQUAL, VERSION, 0, IN_COPY);
        self.copied(code::LOAD_WORD, A, 12, 32);
        self.add(first);
        let is_done = self.ahead(code::JUMP, 0, 0, 0);
        self.land(is_elsewhere);
        let is_v6 = self.ahead(code::IF_EQUAL, VERSION, 0, 6);
        self.add_word(12, first);
        let is_v4 = self.ahead(code::JUMP, 0, 0, 0);
        self.land(is_v6);
        for (word, factor) in [8, 12, 16, 20].into_iter().zip([first].into_iter().chain(more)) {
            self.add_word(word, factor);
        }
        self.land(is_v4);
        self.land(is_done);
        // Places have 4 bytes each.
        self.number(code::SHIFT_RIGHT_WIDE, SUM, i32::try_from(62 - PLACE_BITS).unwrap_or_default());
        self.number(code::AND, SUM, ((1 << PLACE_BITS) - 1) << 2);
        self.table(PLACE, SOURCES.cast_signed());
        self.push(code::ADD_REGISTER, PLACE, SUM, 0, 0);
    }

    /// Adds a word of the header, multiplied.
    fn add_word(&mut self, word: i32, factor: u64) {
        self.push(code::PACKET_WORD_AT, 0, PLACE, 0, word);
        self.add(factor);
    }

    /// Adds A, multiplied.
    fn add(&mut self, factor: u64) {
        self.wide(1, factor);
        self.push(code::MULTIPLY, A, 1, 0, 0);
        self.push(code::ADD_REGISTER, SUM, A, 0, 0);
    }

    /// Notes that whoever has this place is under way from now on.
    ///
    /// What is noted only rises. If another processor writes to the same place at the same moment, either number is
    /// late enough for both, but for what lies between reading the clock and writing.
    fn begin(&mut self) {
        self.read_clock();
        self.number(code::ADD, A, self.units);
        self.push(code::LOAD_WORD, 1, PLACE, 0, 0);
        let is_noted = self.ahead(code::IF_AT_LEAST_REGISTER, 1, A, 0);
        self.push(code::STORE_WORD, PLACE, A, 0, 0);
        self.land(is_noted);
    }

    /// The source's place, then everybody's. Where nobody ever was the clock isn't read.
    fn ask(&mut self) {
        self.find_source();
        let source = self.look();
        self.table(PLACE, 0);
        let everybody = self.look();
        self.number(code::SET, A, 0);
        let nobody = self.ahead(code::JUMP, 0, 0, 0);
        self.land(source);
        self.land(everybody);
        self.number(code::SET, A, 1);
        self.land(nobody);
    }

    /// Jumps ahead if whoever has this place is under way.
    fn look(&mut self) -> Ahead {
        self.push(code::LOAD_WORD, 1, PLACE, 0, 0);
        let is_empty = self.ahead(code::IF_EQUAL, 1, 0, 0);
        self.read_clock();
        // The function has left nothing of register 1.
        self.push(code::LOAD_WORD, 1, PLACE, 0, 0);
        let is_under_way = self.ahead(code::IF_ABOVE_REGISTER, 1, A, 0);
        self.land(is_empty);
        is_under_way
    }

    fn read_clock(&mut self) {
        self.call(function::CLOCK);
        self.number(code::SHIFT_RIGHT_WIDE, A, UNIT.cast_signed());
    }

    /// One or two jumps. What holds for the next instruction of the classic machine needs none.
    fn branch(&mut self, code: u8, otherwise: Option<u8>, Step { jt, jf, k, .. }: Step) {
        let [yes, no] = [jt, jf].map(usize::from);
        match otherwise {
            Some(otherwise) if yes == 0 => self.jump(otherwise, k.cast_signed(), no),
            _ => {
                self.jump(code, k.cast_signed(), yes);
                if no > 0 {
                    self.jump(code::JUMP, 0, no);
                }
            }
        }
    }

    /// A jump, by A if it isn't one that always goes, over so many steps.
    fn jump(&mut self, code: u8, operand: i32, skipped: usize) {
        self.jumps.push(Jump { at: self.written.len(), to: self.place + 1 + skipped });
        self.push(code, A, 0, 0, operand);
    }

    fn ahead(&mut self, code: u8, target: u8, source: u8, operand: i32) -> Ahead {
        self.push(code, target, source, 0, operand);
        Ahead(self.written.len())
    }

    fn land(&mut self, Ahead(from): Ahead) {
        let distance = i16::try_from(self.written.len() - from).unwrap_or(i16::MAX);
        if let Some(jump) = self.written.get_mut(from - 1) {
            jump.offset = distance;
        }
    }

    fn copy(&mut self, to: u8, from: u8) {
        self.push(code::COPY, to, from, 0, 0);
    }

    fn number(&mut self, code: u8, target: u8, operand: i32) {
        self.push(code, target, 0, 0, operand);
    }

    fn call(&mut self, function: i32) {
        self.push(code::CALL, 0, 0, 0, function);
    }

    fn wide(&mut self, target: u8, number: u64) {
        let halves = [number & u64::from(u32::MAX), number >> 32];
        let [low, high] = halves.map(|half| u32::try_from(half).unwrap_or_default().cast_signed());
        self.push(code::SET_WIDE, target, wide::NUMBER, 0, low);
        self.push(0, 0, 0, 0, high);
    }

    /// The address of a place in the table, whose descriptor is put in later.
    fn table(&mut self, target: u8, place: i32) {
        self.push(code::SET_WIDE, target, wide::PLACE_IN_VALUE, 0, 0);
        self.push(0, 0, 0, 0, place);
    }

    fn push(&mut self, code: u8, target: u8, source: u8, offset: i16, operand: i32) {
        self.written.push(Instruction { code, target, source, offset, operand });
    }
}
