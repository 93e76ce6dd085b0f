//! The answer to a request for a list, among whatever else the kernel has to say meanwhile.

use std::io;

use super::{
    message::{Body, Message},
    notice::Notice,
};

/// How far an answer has come.
#[derive(Debug)]
pub(super) struct Answer {
    sequence: u32,
    /// Whether nothing of it was lost.
    pub(super) whole: bool,
    pub(super) ended: bool,
}

impl Answer {
    /// The answer to the request with this number.
    pub(super) fn to(sequence: u32) -> Self {
        Self { sequence, whole: true, ended: false }
    }

    /// Takes in the next message and returns what it says about interfaces, whether or not it is part of the answer.
    pub(super) fn hear(&mut self, message: Message) -> io::Result<Option<Notice>> {
        self.whole &= !message.interrupted;
        match message.body {
            Body::Notice(notice) => return Ok(Some(notice)),
            Body::End(result) if message.sequence == self.sequence => self.end(result)?,
            Body::End(_) | Body::Other => {}
        }
        Ok(None)
    }

    fn end(&mut self, result: Result<(), i32>) -> io::Result<()> {
        match result {
            Ok(()) => self.ended = true,
            // The queue was full, or an earlier answer is still on its way. Both pass when the queue is read to its end.
            Err(libc::ENOBUFS | libc::EBUSY) => self.whole = false,
            Err(error) => return Err(io::Error::from_raw_os_error(error)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use knock_core::interface::InterfaceIndex;

    use super::*;

    fn message(sequence: u32, body: Body) -> Message {
        Message { sequence, interrupted: false, body }
    }

    #[test]
    fn only_its_own_end_ends_an_answer() {
        let mut answer = Answer::to(7);
        answer.hear(message(6, Body::End(Ok(())))).unwrap();
        answer.hear(message(6, Body::End(Err(libc::EPERM)))).unwrap();
        answer.hear(message(7, Body::Other)).unwrap();
        assert!(!answer.ended);
        answer.hear(message(7, Body::End(Ok(())))).unwrap();
        assert!(answer.ended && answer.whole);
    }

    #[test]
    fn news_count_whoever_they_are_for() {
        let gone = Notice::LinkGone(InterfaceIndex(3));
        let mut answer = Answer::to(7);
        assert_eq!(answer.hear(message(0, Body::Notice(gone.clone()))).unwrap(), Some(gone));
    }

    #[test]
    fn what_passes_by_itself_is_no_error() {
        for error in [libc::ENOBUFS, libc::EBUSY] {
            let mut answer = Answer::to(7);
            answer.hear(message(7, Body::End(Err(error)))).unwrap();
            assert!(!answer.whole && !answer.ended, "{error}");
        }
        let refused = Answer::to(7).hear(message(7, Body::End(Err(libc::EPERM)))).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_list_that_changed_while_it_was_read_is_not_whole() {
        let mut answer = Answer::to(7);
        answer.hear(Message { interrupted: true, ..message(7, Body::Other) }).unwrap();
        answer.hear(message(7, Body::End(Ok(())))).unwrap();
        assert!(answer.ended && !answer.whole);
    }
}
