//! Answers Prometheus over HTTP with a page of metrics.
//!
//! For `knockctl exporter`, a process of its own without rights but to ask the daemon: the daemon speaks no HTTP. Whoever
//! connects is given some seconds, and the oldest make room for the newest; the daemon is asked once a second at most,
//! however many ask here.
//!
//! By hand but for the head of a request, which `httparse` reads: what small servers there are (`tiny_http`) give a
//! client a thread for as long as he likes, and have no bound for their number.
#![forbid(unsafe_code)]

pub mod daemon;
mod guests;
mod page;
mod request;
mod response;
mod server;

pub use self::{page::Source, server::Server};
