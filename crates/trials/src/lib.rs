//! Proof of the programs' behaviour, end to end.
//!
//! - [`case`]: what is to be shown, one small text file each (`cases/README.md` tells the format). [`packet`] and
//!   [`frame`] make bytes of its packets, [`pcap`] a capture of them.
//! - [`runner`]: plays cases, to a capture file read by our daemon, or in real time to a running one.
//! - [`net`]: the laboratory: two hosts in network namespaces of their own and a cable between them. Hand-written
//!   tests use it too; a test program begins with [`sandbox::run`].
//! - [`observe`]: a Prometheus that asks the exporter, and the dashboard.
//! - [`sweep`]: kills the daemon at every step of something and looks what becomes of its promises; [`stepper`] leads it
//!   from step to step.
#![forbid(unsafe_code)]

pub mod binaries;
pub mod case;
pub mod differences;
pub mod frame;
pub mod names;
pub mod net;
pub mod observe;
pub mod packet;
pub mod pcap;
pub mod runner;
pub mod sandbox;
pub mod stepper;
pub mod sweep;
pub mod trouble;
