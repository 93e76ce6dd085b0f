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

    /// Takes out an entry that is in this list.
    pub(super) fn remove(&mut self, entries: &mut [Entry], order: Order, slot: Slot) {
        let Some(Links { before, after }) = links(entries, order, slot).map(std::mem::take) else { return };
        match before.and_then(|before| links(entries, order, before)) {
            Some(links) => links.after = after,
            None => self.first = after,
        }
        match after.and_then(|after| links(entries, order, after)) {
            Some(links) => links.before = before,
            None => self.last = before,
        }
    }
}

fn links(entries: &mut [Entry], order: Order, slot: Slot) -> Option<&mut Links> {
    let entry = entries.get_mut(place(slot))?;
    Some(match order {
        Order::Age => &mut entry.by_age,
        Order::Stage => &mut entry.by_stage,
    })
}
