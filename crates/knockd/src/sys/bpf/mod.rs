//! Programs and tables of extended BPF: `bpf(2)`, `linux/bpf.h`.

mod gate;

pub(crate) use self::gate::Gate;

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use knock_core::filter::{ExactProgram, TABLE_BYTES};
use thiserror::Error;

/// The kernel's memory of who has an attempt under way. It lives as long as a program that uses it.
#[derive(Debug)]
pub(crate) struct Table(OwnedFd);

/// A program in the kernel that filters for nobody yet.
#[derive(Debug)]
pub(crate) struct Loaded(OwnedFd);

/// Why there is no program.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    /// The system refuses.
    #[error("{0}")]
    System(#[from] io::Error),
    /// No program can do what it should.
    #[error("the doors are too many")]
    TooLong,
    /// It does not believe that the program is harmless.
    #[error("{error}; the verifier says: {}", last_words(log))]
    Unverified {
        /// The error number.
        error: io::Error,
        /// What the verifier has said, many lines.
        log: String,
    },
}

impl Table {
    /// A table that nobody is in.
    pub(crate) fn new() -> io::Result<Self> {
        new_map(ARRAY, TABLE_BYTES, *b"knockd_sources\0\0").map(Self)
    }
}

impl Loaded {
    /// Has the kernel check and translate a program that uses this table.
    pub(crate) fn new(program: &ExactProgram, table: &Table) -> Result<Self, Refusal> {
        let instructions: Vec<_> = program
            .instructions(table.0.as_raw_fd())
            .map(knock_core::filter::ExtendedInstruction::bytes)
            .collect();
        let error = match load(&instructions, &mut []) {
            Ok(fd) => return Ok(Self(fd)),
            Err(error) => error,
        };
        if !matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EACCES)) {
            return Err(error.into());
        }
        // Once more, to hear why.
        let mut log = vec![0; LOG];
        match load(&instructions, &mut log) {
            Ok(fd) => Ok(Self(fd)),
            Err(error) => {
                let text = log.split(|byte| *byte == 0).next().unwrap_or_default();
                Err(Refusal::Unverified { error, log: String::from_utf8_lossy(text).into_owned() })
            }
        }
    }
}

impl Refusal {
    /// Whether it is the kernel that can't, or that we may not: it would be so at any other time, too.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::System(error) => {
                matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS | libc::EINVAL))
            }
            Self::TooLong => false,
            Self::Unverified { .. } => true,
        }
    }

    /// All that there is to say, a line each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        let log = match self {
            Self::System(_) | Self::TooLong => "",
            Self::Unverified { log, .. } => log,
        };
        log.lines()
    }
}

/// The line that tells the reason: behind it only counts come.
fn last_words(log: &str) -> &str {
    log.lines().rev().find(|line| !line.starts_with("processed ")).unwrap_or("nothing")
}

/// Enough for what the verifier says at level 1 of a program that it refuses.
const LOG: usize = 1 << 20;

// Commands, and kinds of maps and programs (`linux/bpf.h`).
const MAP_CREATE: i32 = 0;
const MAP_UPDATE: i32 = 2;
const PROGRAM_LOAD: i32 = 5;
const ARRAY: u32 = 2;
const PROGRAM_ARRAY: u32 = 3;
const SOCKET_FILTER: u32 = 1;

/// The begin of `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
struct NewMap {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
    flags: u32,
    inner: u32,
    node: u32,
    name: [u8; 16],
}

/// The begin of `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
struct NewProgram {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// The begin of `union bpf_attr` for `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct NewElement {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// All bits of these structures are fields.
trait Attributes {}

impl Attributes for NewMap {}
impl Attributes for NewProgram {}
impl Attributes for NewElement {}

/// A map with one value of so many bytes, and 0 as its key.
fn new_map(kind: u32, value_size: u32, name: [u8; 16]) -> io::Result<OwnedFd> {
    make(MAP_CREATE, &NewMap { kind, key_size: 4, value_size, entries: 1, flags: 0, inner: 0, node: 0, name })
}

/// Puts the only value of a map in the place of the one before.
fn set(map: &OwnedFd, value: i32) -> io::Result<()> {
    let key = 0_u32;
    let attributes = NewElement {
        map: map.as_raw_fd().cast_unsigned(),
        padding: 0,
        key: (&raw const key).expose_provenance() as u64,
        value: (&raw const value).expose_provenance() as u64,
        flags: 0,
    };
    call(MAP_UPDATE, &attributes).map(drop)
}

fn load(instructions: &[[u8; 8]], log: &mut [u8]) -> io::Result<OwnedFd> {
    let count = |length: usize| u32::try_from(length).map_err(|_| io::ErrorKind::InvalidInput);
    let attributes = NewProgram {
        kind: SOCKET_FILTER,
        instruction_count: count(instructions.len())?,
        instructions: instructions.as_ptr().expose_provenance() as u64,
        licence: LICENCE.as_ptr().expose_provenance() as u64,
        log_level: u32::from(!log.is_empty()),
        log_size: count(log.len())?,
        log: if log.is_empty() { 0 } else { log.as_mut_ptr().expose_provenance() as u64 },
        kernel_version: 0,
        flags: 0,
        name: *b"knockd_filter\0\0\0",
    };
    let mut loaded = make(PROGRAM_LOAD, &attributes);
    for _ in 1..LOADS {
        loaded = match loaded {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => make(PROGRAM_LOAD, &attributes),
            loaded => return loaded,
        };
    }
    loaded
}

/// How often a program is given to the kernel: it gives up with `EAGAIN` when a signal comes while it checks one
/// (`do_check` in kernel/bpf/verifier.c), such as the end of a command.
const LOADS: usize = 20;

/// None that lets us use what the kernel keeps for its own.
const LICENCE: &std::ffi::CStr = c"MIT OR Apache-2.0";

/// Makes something and gives it back. The kernel closes it in programs that we execute.
fn make<T: Attributes>(command: i32, attributes: &T) -> io::Result<OwnedFd> {
    let fd = call(command, attributes)?;
    // SAFETY: the commands that make something return a descriptor, which is new, valid and ours alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What the kernel returns, which is not negative.
fn call<T: Attributes>(command: i32, attributes: &T) -> io::Result<i32> {
    // SAFETY: the attributes are valid for reads of their own size; what they point to outlives the call in its caller.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    i32::try_from(result).ok().filter(|result| *result >= 0).ok_or_else(io::Error::last_os_error)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn the_last_words_of_the_verifier_are_the_reason() {
        let log =
            "0: R1=ctx() R10=fp0\n0: (95) exit\nR0 !read_ok\nprocessed 1 insns (limit 1000000)\n".to_owned();
        let refusal = Refusal::Unverified { error: io::Error::from_raw_os_error(libc::EACCES), log };
        let text = "Permission denied (os error 13); the verifier says: R0 !read_ok";
        assert_eq!(refusal.to_string(), text);
        assert_eq!(refusal.lines().count(), 4);
    }

    /// The end of a command comes in the midst of it.
    #[test]
    fn a_signal_is_no_refusal() {
        let nothing = Table::new().and_then(|_| load(&[[0x95, 0, 0, 0, 0, 0, 0, 0]], &mut []));
        if nothing.unwrap_err().raw_os_error() == Some(libc::EPERM) {
            return;
        }
        let _handler = signal_hook::flag::register(libc::SIGWINCH, Arc::<AtomicBool>::default()).unwrap();
        // SAFETY: it takes nothing.
        let us = unsafe { libc::pthread_self() };
        let is_over = AtomicBool::new(false);
        // r0 = 0, over and over: a check that takes its time.
        let mut program = vec![[0xb7, 0, 0, 0, 0, 0, 0, 0]; 500];
        program.push([0x95, 0, 0, 0, 0, 0, 0, 0]);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // SAFETY: the thread lives until this one has ended.
                    unsafe { libc::pthread_kill(us, libc::SIGWINCH) };
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let loaded: io::Result<Vec<_>> = (0..1000).map(|_| load(&program, &mut [])).collect();
            is_over.store(true, Ordering::Relaxed);
            loaded.unwrap();
        });
    }

    #[test]
    fn a_program_that_is_none_is_explained() {
        // An end, without anything to end with.
        let end = [0x95, 0, 0, 0, 0, 0, 0, 0];
        let mut log = vec![0; LOG];
        let error = load(&[end], &mut log).unwrap_err();
        // Whoever may not have programs isn't told more.
        if error.raw_os_error() != Some(libc::EPERM) {
            let log = String::from_utf8_lossy(&log);
            assert!(log.contains("R0 !read_ok"), "{error}: {log}");
        }
    }
}
