//! Sets of numbers as search trees.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{
    assembler::{Assembler, Label},
    instruction::code,
};

/// How faithfully a set becomes instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    /// How many spans are compared one after the other at the end of a search: few make it short in time, many in
    /// instructions.
    leaf: usize,
    /// The most spans that a set is made of, at least 1. Where it has more, those next to each other become one, with
    /// all that is between them.
    spans: usize,
}

impl Detail {
    /// The quickest, and exact.
    pub(super) const FINEST: Self = Self { leaf: 2, spans: usize::MAX };

    /// Fewer instructions; none if every set is a single span already.
    pub(super) fn coarser(self) -> Option<Self> {
        match self {
            Self { leaf: ..8, spans } => Some(Self { leaf: self.leaf * 2, spans }),
            Self { spans: ..=1, .. } => None,
            Self { leaf, spans: usize::MAX } => Some(Self { leaf, spans: MOST_SPANS }),
            Self { leaf, spans } => Some(Self { leaf, spans: spans - spans.div_ceil(8) }),
        }
    }
}

/// More than fit into any program.
const MOST_SPANS: usize = 4096;

/// Goes to `yes` if A is one of `numbers`, which rise, and to `no` if not; with a coarse `detail` sometimes to `yes`
/// though it is none.
pub(super) fn search(
    assembler: &mut Assembler,
    numbers: impl IntoIterator<Item = u32>,
    detail: Detail,
    yes: Label,
    no: Label,
) -> Label {
    descend(assembler, &spans(numbers, detail.spans), detail.leaf, yes, no)
}

/// The numbers from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: u32,
    last: u32,
}

/// The spans of these numbers, or `most` if they are more: the widest gaps stay.
fn spans(numbers: impl IntoIterator<Item = u32>, most: usize) -> Vec<Span> {
    let singles = numbers.into_iter().map(|number| Span { first: number, last: number });
    let exact = joined(singles, |left, right| right.first - left.last > 1);
    if exact.len() <= most {
        return exact;
    }
    let pairs = exact.iter().zip(exact.iter().skip(1));
    let mut gaps: Vec<_> = pairs.map(|(left, right)| (right.first - left.last, right.first)).collect();
    gaps.sort_unstable_by_key(|(width, _)| Reverse(*width));
    let starts: BTreeSet<u32> = gaps.into_iter().take(most - 1).map(|(_, start)| start).collect();
    joined(exact, |_, right| starts.contains(&right.first))
}

/// Joins each span to the one before unless they are to be kept apart.
fn joined(spans: impl IntoIterator<Item = Span>, apart: impl Fn(Span, Span) -> bool) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if !apart(*last, span) => last.last = span.last,
            _ => joined.push(span),
        }
    }
    joined
}

fn descend(assembler: &mut Assembler, spans: &[Span], leaf: usize, yes: Label, no: Label) -> Label {
    // Only the last leaf may have room left.
    let (left, right) = spans.split_at((spans.len() / 2).next_multiple_of(leaf).min(spans.len()));
    let Some(middle) = right.first().filter(|_| spans.len() > leaf) else {
        return spans.iter().rev().fold(no, |other, span| compare(assembler, *span, yes, other));
    };
    let above = descend(assembler, right, leaf, yes, no);
    let below = descend(assembler, left, leaf, yes, no);
    assembler.branch(code::IF_AT_LEAST, middle.first, above, below)
}

fn compare(assembler: &mut Assembler, span: Span, yes: Label, no: Label) -> Label {
    if span.first == span.last {
        return assembler.branch(code::IF_EQUAL, span.first, yes, no);
    }
    let high_enough = assembler.branch(code::IF_ABOVE, span.last, no, yes);
    assembler.branch(code::IF_AT_LEAST, span.first, high_enough, no)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_set, prelude::*};

    use super::{
        super::interpreter::{self, Packet, Run},
        *,
    };

    fn tree(numbers: &BTreeSet<u32>, detail: Detail) -> impl Fn(u16) -> Run + use<> {
        let mut assembler = Assembler::default();
        let (no, yes) = (assembler.end(0), assembler.end(1));
        let search = search(&mut assembler, numbers.iter().copied(), detail, yes, no);
        let entry = assembler.step(code::LOAD_HALF, 0, search);
        let program = assembler.finish(entry);
        interpreter::check(&program);
        move |number| {
            let data = number.to_be_bytes().to_vec();
            interpreter::run(&program, &Packet { data, ..Packet::default() })
        }
    }

    #[test]
    fn neighbours_become_one_span() {
        let spans =
            |most| spans([1, 2, 3, 7, 9, 20, 22], most).iter().map(|s| (s.first, s.last)).collect::<Vec<_>>();
        assert_eq!(spans(usize::MAX), [(1, 3), (7, 7), (9, 9), (20, 20), (22, 22)]);
        assert_eq!(spans(3), [(1, 3), (7, 9), (20, 22)]);
        assert_eq!(spans(1), [(1, 22)]);
    }

    #[test]
    fn coarser_and_coarser_ends_with_a_single_span() {
        let steps: Vec<_> = std::iter::successors(Some(Detail::FINEST), |detail| detail.coarser()).collect();
        assert!(steps.is_sorted_by_key(|detail| (Reverse(detail.spans), detail.leaf)));
        assert_eq!(steps.last().map(|detail| detail.spans), Some(1));
    }

    #[test]
    fn even_gaps_are_not_closed_all_at_once() {
        let even = spans((0..1_000).map(|n| n * 18), 300);
        assert_eq!(even.len(), 300);
    }

    #[test]
    fn nothing_is_in_an_empty_set() {
        assert_eq!(tree(&BTreeSet::new(), Detail::FINEST)(7).length, 0);
    }

    proptest! {
        #[test]
        fn finds_what_is_in_the_set(
            numbers in btree_set(0_u32..600, 0..400),
            leaf in 1_usize..9,
        ) {
            let tree = tree(&numbers, Detail { leaf, spans: usize::MAX });
            for number in 0..600 {
                prop_assert_eq!(tree(number).length == 1, numbers.contains(&number.into()));
            }
        }

        #[test]
        fn coarse_trees_find_more(numbers in btree_set(0_u32..=65_535, 1..400), spans in 1_usize..400) {
            let tree = tree(&numbers, Detail { leaf: 8, spans });
            for number in &numbers {
                prop_assert_eq!(tree(u16::try_from(*number).unwrap()).length, 1);
            }
        }
    }
}
