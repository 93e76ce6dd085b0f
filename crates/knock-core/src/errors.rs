//! All that is wrong with one text, to be told at once.

use std::{error::Error, fmt};

/// The most errors of one text that are kept: who has made so many has meant another text.
pub(crate) const MOST: usize = 32;

/// One error at least and 32 at most, in the order of the text. Shown, it is the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors<E> {
    first: E,
    others: Vec<E>,
}

impl<E> Errors<E> {
    /// The error that stands first in the text.
    #[must_use]
    pub fn first(&self) -> &E {
        &self.first
    }

    /// All of them, the first 32 if there are more.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The first alone.
    #[must_use]
    pub fn into_first(self) -> E {
        self.first
    }

    /// These and then those.
    fn and(mut self, more: Self) -> Self {
        let room = (MOST - 1).saturating_sub(self.others.len());
        self.others.extend(std::iter::once(more.first).chain(more.others).take(room));
        self
    }

    /// Both parts of a text, or what is wrong with either.
    pub(crate) fn both<A, B>(
        one: Result<A, impl Into<Self>>,
        other: Result<B, impl Into<Self>>,
    ) -> Result<(A, B), Self> {
        match (one.map_err(Into::into), other.map_err(Into::into)) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(wrong), Ok(_)) | (Ok(_), Err(wrong)) => Err(wrong),
            (Err(wrong), Err(more)) => Err(wrong.and(more)),
        }
    }

    /// All parts of a text, or what is wrong with any.
    pub(crate) fn gather<T>(parts: impl Iterator<Item = Result<T, Self>>) -> Result<Vec<T>, Self> {
        let (mut read, mut wrong) = (Vec::new(), None::<Self>);
        for part in parts {
            match (part, wrong.take()) {
                (Ok(part), before) => {
                    read.push(part);
                    wrong = before;
                }
                (Err(more), None) => wrong = Some(more),
                (Err(more), Some(before)) => wrong = Some(before.and(more)),
            }
        }
        wrong.map_or(Ok(read), Err)
    }
}

impl<E> From<E> for Errors<E> {
    fn from(first: E) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl<E: fmt::Display> fmt::Display for Errors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)
    }
}

impl<E: Error> Error for Errors<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_gathered_or_all_that_is_wrong_with_them() {
        let gather = |parts: &[Result<u8, char>]| {
            Errors::gather(parts.iter().map(|part| part.map_err(Errors::from)))
                .map_err(|errors| errors.iter().collect::<String>())
        };
        assert_eq!(gather(&[]), Ok(vec![]));
        assert_eq!(gather(&[Ok(1), Ok(2)]), Ok(vec![1, 2]));
        assert_eq!(gather(&[Ok(1), Err('b'), Ok(3), Err('d'), Err('e')]), Err("bde".to_owned()));
        let both = Errors::both(Err::<u8, _>('a'), Errors::both(Err::<u8, _>('b'), Err::<u8, _>('c')));
        let errors = both.unwrap_err();
        assert_eq!(errors.iter().collect::<String>(), "abc");
        assert_eq!((errors.to_string().as_str(), *errors.first()), ("a", 'a'));
    }

    #[test]
    fn a_text_that_is_all_wrong_takes_no_more_memory_than_one_with_many_errors() {
        let errors =
            Errors::gather((0..100_000).map(|number| Err::<u8, _>(Errors::from(number)))).unwrap_err();
        assert_eq!(errors.iter().copied().collect::<Vec<_>>(), (0..32).collect::<Vec<_>>());
        assert!(errors.others.capacity() < 100);
    }
}
