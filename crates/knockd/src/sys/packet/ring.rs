//! Memory that the kernel lays packets into, so that taking one is no system call: `TPACKET_V2` of
//! `linux/if_packet.h`, and `Documentation/networking/packet_mmap.rst`.

use std::{
    io,
    num::NonZeroU8,
    os::fd::AsFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, Ordering},
};

use knock_core::interface::InterfaceIndex;

use super::{
    option::{self, narrow},
    received::Received,
};
use crate::sys::mapping::Mapping;

/// The memory is asked for in blocks of so many bytes: whole pages, however large those are.
const BLOCK: usize = 1 << 16;

/// What a packet takes up: 80 bytes that the kernel needs before those of a cooked packet (`tpacket_rcv` in
/// `net/packet/af_packet.c`), and the [`knock_core::filter::SNAP_LENGTH`] of them.
const FRAME: usize = 512;

/// A `tpacket2_hdr`, which is aligned, and a `sockaddr_ll`: `TPACKET2_HDRLEN`.
const HEADER: usize = 32 + 20;

/// How much memory for packets one socket has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSize(NonZeroU8);

impl RingSize {
    /// Three megabytes, 6,144 packets.
    const MOST: u8 = 48;

    /// All sockets together, as far as each has a block.
    const TOGETHER: usize = 256;

    /// So many blocks of 64 KiB, 128 packets each: from 1 to 48.
    pub fn new(blocks: u8) -> Option<Self> {
        NonZeroU8::new(blocks).filter(|_| blocks <= Self::MOST).map(Self)
    }

    /// What each of so many sockets gets: the most if there are five at most, then less, so that all together have at
    /// most 16 MiB, or one block each.
    pub fn share(sockets: usize) -> Self {
        let blocks = Self::TOGETHER / sockets.max(1);
        let blocks = u8::try_from(blocks).unwrap_or(Self::MOST).min(Self::MOST);
        Self(NonZeroU8::new(blocks).unwrap_or(NonZeroU8::MIN))
    }

    /// How many blocks of 64 KiB it is.
    pub fn blocks(self) -> u8 {
        self.0.get()
    }

    fn half(self) -> Option<Self> {
        Self::new(self.blocks() / 2)
    }

    fn bytes(self) -> usize {
        usize::from(self.blocks()) * BLOCK
    }
}

/// Gives a socket a ring of this size, or of what the kernel has memory for. It is tried out: who can't map it here
/// could not there. On failure the socket has none.
pub(super) fn set_up(socket: &impl AsFd, mut size: RingSize) -> io::Result<RingSize> {
    let version = libc::tpacket_versions::TPACKET_V2 as i32;
    option::set(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
    loop {
        match (request(socket, size.bytes()), size.half()) {
            (Ok(()), _) => break,
            (Err(error), Some(half)) if error.kind() == io::ErrorKind::OutOfMemory => size = half,
            (Err(error), _) => return Err(error),
        }
    }
    if let Err(error) = Mapping::shared(socket, size.bytes()) {
        request(socket, 0)?;
        return Err(error);
    }
    Ok(size)
}

fn request(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    let request = libc::tpacket_req {
        tp_block_size: if bytes == 0 { 0 } else { narrow(BLOCK)? },
        tp_block_nr: narrow(bytes / BLOCK)?,
        tp_frame_size: if bytes == 0 { 0 } else { narrow(FRAME)? },
        tp_frame_nr: narrow(bytes / FRAME)?,
    };
    option::set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
}

/// The packets of one socket, from the first on that the kernel has laid down.
#[derive(Debug)]
pub(super) struct Ring {
    memory: Mapping,
    frames: usize,
    /// The frame that the kernel fills next, as far as we have read.
    next: usize,
}

impl Ring {
    /// The ring of this size that a socket has.
    pub(super) fn map(socket: &impl AsFd, size: RingSize) -> io::Result<Self> {
        let memory = Mapping::shared(socket, size.bytes())?;
        Ok(Self { memory, frames: size.bytes() / FRAME, next: 0 })
    }

    /// Takes the next packet, if there is one. A frame that makes no sense is an empty packet.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> Option<Received> {
        let frame = self.memory.at(self.next * FRAME, FRAME)?;
        // SAFETY: a frame is in memory as long as we are and begins with its status, aligned as the mapping is. Whoever
        // else reads or writes it, the kernel, does so atomically.
        let status = unsafe { AtomicU32::from_ptr(frame.as_ptr().cast()) };
        // What the kernel has written before it gave the frame to us is seen after this.
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        let received = copy(frame, buffer);
        // What we have read is read before the kernel may write again.
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.frames;
        Some(received)
    }
}

/// Copies what is in a frame that the kernel has given to us. Nothing is believed that is said in it.
fn copy(frame: NonNull<u8>, buffer: &mut [u8]) -> Received {
    let mut header = [0; HEADER];
    // SAFETY: the frame is longer than its header, and nobody writes it while it is ours.
    unsafe { ptr::copy_nonoverlapping(frame.as_ptr(), header.as_mut_ptr(), HEADER) };
    let place = Place::read(&header);
    let length = place.length.min(buffer.len());
    // SAFETY: the place ends within the frame, the length is at most that of the buffer, and nobody writes the frame
    // while it is ours.
    unsafe { ptr::copy_nonoverlapping(frame.as_ptr().add(place.offset), buffer.as_mut_ptr(), length) };
    Received { length, interface: place.interface }
}

/// Where in a frame a packet is; never beyond the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    offset: usize,
    length: usize,
    interface: InterfaceIndex,
}

impl Place {
    /// By the fields `tp_snaplen` and `tp_mac` of `tpacket2_hdr`, where what a socket is to see begins, and `sll_ifindex`
    /// of the `sockaddr_ll` behind it.
    fn read(header: &[u8; HEADER]) -> Self {
        let length = u32::from_ne_bytes(bytes(header, 8)) as usize;
        let offset = usize::from(u16::from_ne_bytes(bytes(header, 12)));
        let interface = InterfaceIndex(u32::from_ne_bytes(bytes(header, 36)));
        let fits = offset >= HEADER && offset.checked_add(length).is_some_and(|end| end <= FRAME);
        if fits { Self { offset, length, interface } } else { Self { offset: 0, length: 0, interface } }
    }
}

/// The bytes from a place on; zeros where there are none.
fn bytes<const N: usize>(header: &[u8; HEADER], at: usize) -> [u8; N] {
    header.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests;
