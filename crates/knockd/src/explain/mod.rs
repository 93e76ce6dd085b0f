//! Why a knock works or does not, in words.
//!
//! The engine decides and gives the reason; a [`Finding`] is one of its decisions with what the words need, for a reader
//! who may know the sequences or may not; the [`Narrator`] follows one source through them and tells it. Nowhere else
//! are there words for it.

mod finding;
mod narrator;
mod told;
mod verdict;
mod words;

pub use self::{
    finding::{Configured, Finding, Outcome, Reader, Seen, Why},
    narrator::Narrator,
    told::{Sentence, Told, Tone},
};
