//! Programs as people read them.

use std::fmt;

use super::{
    instruction::{Instruction, ancillary, code},
    program::Program,
};

/// One instruction a line, in the manner of `tcpdump -d`.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, instruction) in self.instructions().iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}({place:03}) ")?;
            line(f, place, *instruction)?;
        }
        Ok(())
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    place: usize,
    Instruction { code, jt, jf, k }: Instruction,
) -> fmt::Result {
    let (name, operand) = match code {
        code::LOAD_WORD => ("ld", at(k)),
        code::LOAD_HALF => ("ldh", at(k)),
        code::LOAD_BYTE => ("ldb", at(k)),
        code::LOAD_HALF_AT_X => ("ldh", format!("[x + {k}]")),
        code::LOAD_BYTE_AT_X => ("ldb", format!("[x + {k}]")),
        code::SET_X => ("ldx", format!("#{k:#x}")),
        code::SET_X_TO_IHL => ("ldxb", format!("4*([{k}]&0xf)")),
        code::A_TO_X => ("tax", String::new()),
        code::X_TO_A => ("txa", String::new()),
        code::ADD => ("add", format!("#{k}")),
        code::AND => ("and", format!("#{k:#x}")),
        code::JUMP => ("ja", (u64::from(k) + place as u64 + 1).to_string()),
        code::IF_EQUAL => ("jeq", format!("#{k:#x}")),
        code::IF_ABOVE => ("jgt", format!("#{k:#x}")),
        code::IF_AT_LEAST => ("jge", format!("#{k:#x}")),
        code::IF_ANY_BIT => ("jset", format!("#{k:#x}")),
        code::RETURN => ("ret", format!("#{k}")),
        other => ("unknown", format!("{other:#x}")),
    };
    if operand.is_empty() {
        return f.write_str(name);
    }
    if !matches!(code, code::IF_EQUAL | code::IF_ABOVE | code::IF_AT_LEAST | code::IF_ANY_BIT) {
        return write!(f, "{name:<8} {operand}");
    }
    let target = |skip: u8| place + 1 + usize::from(skip);
    write!(f, "{name:<8} {operand:<16} jt {}\tjf {}", target(jt), target(jf))
}

/// The ancillary loads by the names that the kernel's own assembler uses (Documentation/networking/filter.rst).
fn at(offset: u32) -> String {
    match offset {
        ancillary::PROTOCOL => "proto".into(),
        ancillary::PACKET_TYPE => "type".into(),
        offset => format!("[{offset}]"),
    }
}
