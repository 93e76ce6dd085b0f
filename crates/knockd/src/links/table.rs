//! The interfaces as the messages leave them.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::Ipv4Addr};

use knock_core::{host::Host, interface::InterfaceIndex};

use super::{
    change::{Change, What},
    link::{Address, Link, State},
    notice::Notice,
};

/// All interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    links: BTreeMap<InterfaceIndex, Link>,
}

impl Table {
    /// Takes in what the kernel says and tells what is different now.
    pub(super) fn apply(&mut self, notice: Notice) -> Vec<Change> {
        match notice {
            Notice::Link { index, name, state, loopback } => self.put(index, name, state, loopback),
            Notice::LinkGone(index) => self.remove(index),
            Notice::Address { index, address, broadcast } => self.add_address(index, address, broadcast),
            Notice::AddressGone { index, address } => self.remove_address(index, address),
        }
    }

    /// Becomes like `now` and tells the changes on the way: who is gone first, so that names are free before they are
    /// taken.
    pub(super) fn catch_up(&mut self, now: &Self) -> Vec<Change> {
        now.differences(self).into_iter().flat_map(|notice| self.apply(notice)).collect()
    }

    pub(super) fn host(&self) -> Host {
        Host::interfaces(self.links.iter().map(|(index, link)| (*index, link.interface())).collect())
    }

    pub(super) fn link(&self, index: InterfaceIndex) -> Option<&Link> {
        self.links.get(&index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (InterfaceIndex, &Link)> {
        self.links.iter().map(|(index, link)| (*index, link))
    }

    fn put(&mut self, index: InterfaceIndex, name: String, state: State, loopback: bool) -> Vec<Change> {
        let Some(link) = self.links.get_mut(&index) else {
            let changes = [What::Appeared, What::State(state)];
            let changes = changes.map(|what| Change { index, name: name.clone(), what }).into();
            self.links.insert(index, Link { name, state, loopback, addresses: BTreeMap::new() });
            return changes;
        };
        link.loopback = loopback;
        let mut changes = Vec::new();
        if link.name != name {
            let before = std::mem::replace(&mut link.name, name);
            changes.push(change(index, link, What::Renamed { before }));
        }
        if link.state != state {
            link.state = state;
            changes.push(change(index, link, What::State(state)));
        }
        changes
    }

    fn remove(&mut self, index: InterfaceIndex) -> Vec<Change> {
        let gone = self.links.remove(&index);
        gone.into_iter().map(|link| Change { index, name: link.name, what: What::Gone }).collect()
    }

    fn add_address(
        &mut self,
        index: InterfaceIndex,
        address: Address,
        broadcast: Option<Ipv4Addr>,
    ) -> Vec<Change> {
        // An interface that goes can still be heard of: its addresses don't bring it back.
        let Some(link) = self.links.get_mut(&index) else { return Vec::new() };
        let had = link.has(address.local());
        if link.addresses.insert(address, broadcast) == Some(broadcast) {
            return Vec::new();
        }
        let what = if had { What::Networks } else { What::AddressAdded(address.local()) };
        vec![change(index, link, what)]
    }

    fn remove_address(&mut self, index: InterfaceIndex, address: Address) -> Vec<Change> {
        let Some(link) = self.links.get_mut(&index) else { return Vec::new() };
        if link.addresses.remove(&address).is_none() {
            return Vec::new();
        }
        let has = link.has(address.local());
        let what = if has { What::Networks } else { What::AddressRemoved(address.local()) };
        vec![change(index, link, what)]
    }

    /// What the kernel would have said to lead from `before` to here.
    fn differences(&self, before: &Self) -> Vec<Notice> {
        let gone = before.links.keys().filter(|index| !self.links.contains_key(index));
        let mut notices: Vec<_> = gone.map(|index| Notice::LinkGone(*index)).collect();
        for (&index, link) in &self.links {
            let Link { name, state, loopback, addresses } = link;
            notices.push(Notice::Link { index, name: name.clone(), state: *state, loopback: *loopback });
            let old = before.links.get(&index).into_iter().flat_map(|link| link.addresses.keys());
            let old = old.filter(|address| !addresses.contains_key(address));
            notices.extend(old.map(|address| Notice::AddressGone { index, address: *address }));
            let all = addresses.iter().map(|(address, broadcast)| (*address, *broadcast));
            notices.extend(all.map(|(address, broadcast)| Notice::Address { index, address, broadcast }));
        }
        notices
    }
}

fn change(index: InterfaceIndex, link: &Link, what: What) -> Change {
    Change { index, name: link.name.clone(), what }
}
