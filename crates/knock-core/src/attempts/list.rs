//! Doubly linked lists through the entries of the table, without an allocation of their own.

use super::{Entry, Slot, place};

/// The two orders that an entry's links can belong to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// By age, among attempts with the same time limit.
    Age,
    /// By the time at which they reached their stage.
    Stage,
}

/// An entry's neighbours in one order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    before: Option<Slot>,
    after: Option<Slot>,
}

impl Links {
    /// The one before and the one after.
    pub(super) fn both(self) -> [Option<Slot>; 2] {
        [self.before, self.after]
    }
}

/// The ends of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    first: Option<Slot>,
    last: Option<Slot>,
}

impl List {
    pub(super) fn first(self) -> Option<Slot> {
        self.first
    }

    /// Appends an entry that is in no list of this order.
    pub(super) fn push(&mut self, entries: &mut [Entry], order: Order, slot: Slot) {
        let before = self.last.replace(slot);
        match before.and_then(|before| links(entries, order, before)) {
            Some(links) => links.after = Some(slot),
            None => self.first = Some(slot),
        }
        if let Some(links) = links(entries, order, slot) {
            *links = Links { before, after: None };
        }
    }

    /// Whether this entry, which is in a list of this order, is the first or the last one of this list.
    pub(super) fn ends_with(self, slot: Slot) -> bool {
        self.first == Some(slot) || self.last == Some(slot)
    }

    /// Makes up for an entry that was taken out of this list, if it was at an end.
    pub(super) fn mend(&mut self, links: Links) {
        if links.before.is_none() {
            self.first = links.after;
        }
        if links.after.is_none() {
            self.last = links.before;
        }
    }
}

/// Takes an entry out of its list, which is to be mended by the links that it had.
pub(super) fn take_out(entries: &mut [Entry], order: Order, slot: Slot) -> Option<Links> {
    let taken = links(entries, order, slot).map(std::mem::take)?;
    if let Some(links) = taken.before.and_then(|before| links(entries, order, before)) {
        links.after = taken.after;
    }
    if let Some(links) = taken.after.and_then(|after| links(entries, order, after)) {
        links.before = taken.before;
    }
    Some(taken)
}

fn links(entries: &mut [Entry], order: Order, slot: Slot) -> Option<&mut Links> {
    let entry = entries.get_mut(place(slot))?;
    Some(match order {
        Order::Age => &mut entry.by_age,
        Order::Stage => &mut entry.by_stage,
    })
}
