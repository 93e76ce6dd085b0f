//! Answers, for people.

mod done;
mod list;
mod sequences;
mod status;
mod table;

pub(crate) use self::{
    done::{done, object},
    list::list,
    sequences::sequences,
    status::status,
};

/// Text of the daemon's that may go to a terminal: without what would move its cursor.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { char::REPLACEMENT_CHARACTER } else { sign }).collect()
}
