//! The groups of shared subscriptions: who is in one, and whose turn it is.
//!
//! For the tables of filters a group is one subscriber, whose entry the first member brings and the
//! last one takes away. So members come, go, and change options without any cached match becoming
//! stale. Not here: what is queued for a member that leaves; the core passes that on.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::subscription::{Subscriber, Subscription};

/// The shard in the address of a group; no session lives there.
pub(crate) const GROUP_SHARD: u16 = u16::MAX;

/// Those who share one subscription: equal share name and equal filter (MQTT 5.0, 4.8.2).
#[derive(Debug)]
pub struct Group {
    id: u64,
    filter: Arc<str>,
    members: Mutex<Members>,
    /// How many members are online; changed under the lock of `members`, read without it.
    online: AtomicUsize,
}

/// A session in a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its address.
    pub subscriber: Subscriber,
    /// The options of its own subscription, by which it gets its share [MQTT-4.8.2-3].
    pub subscription: Subscription,
}

/// The members: first those that are online, then the others.
#[derive(Debug, Default)]
struct Members {
    list: Vec<Member>,
    online: usize,
    /// Whose turn it is, among those who may be picked.
    turn: usize,
    /// Positions in `list`.
    index: HashMap<Subscriber, usize>,
}

impl Group {
    /// The whole text that its members subscribed with: `$share/name/filter`.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whose turn it is: the members that are online one after the other, or all of them where none
    /// is. `None` once the last one has left.
    #[must_use]
    pub fn pick(&self) -> Option<Member> {
        self.members.lock().pick()
    }

    /// Whether any member is online.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.online.load(Ordering::Relaxed) > 0
    }

    /// Notes that a member is online, or not; no effect on who is no member.
    pub fn set_online(&self, who: Subscriber, is_online: bool) {
        self.change(|members| members.set_online(who, is_online));
    }

    fn new(id: u64, filter: Arc<str>) -> Self {
        Self { id, filter, members: Mutex::default(), online: AtomicUsize::new(0) }
    }

    fn address(&self) -> Subscriber {
        Subscriber { session: self.id, shard: GROUP_SHARD }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Members) -> R) -> R {
        let mut members = self.members.lock();
        let result = change(&mut members);
        self.online.store(members.online, Ordering::Relaxed);
        result
    }
}

/// One and the same only: members come and go.
impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for Group {}

impl Members {
    fn pick(&mut self) -> Option<Member> {
        let among = if self.online > 0 { self.online } else { self.list.len() };
        let at = if self.turn < among { self.turn } else { 0 };
        self.turn = at + 1;
        self.list.get(at).copied()
    }

    /// Whether it is new.
    fn put(&mut self, member: Member, is_online: bool) -> bool {
        let at = self.index.get(&member.subscriber).copied();
        match at {
            Some(at) => self.list[at] = member,
            None => {
                self.index.insert(member.subscriber, self.list.len());
                self.list.push(member);
            }
        }
        self.set_online(member.subscriber, is_online);
        at.is_none()
    }

    /// Whether it was there.
    fn remove(&mut self, who: Subscriber) -> bool {
        self.set_online(who, false);
        let Some(&at) = self.index.get(&who) else { return false };
        self.swap(at, self.list.len() - 1);
        self.list.pop();
        self.index.remove(&who);
        true
    }

    /// Moves a member over the border between those online and the others.
    fn set_online(&mut self, who: Subscriber, is_online: bool) {
        let Some(&at) = self.index.get(&who) else { return };
        match (at < self.online, is_online) {
            (false, true) => {
                self.swap(at, self.online);
                self.online += 1;
            }
            (true, false) => {
                self.online -= 1;
                self.swap(at, self.online);
            }
            (true, true) | (false, false) => {}
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.list.swap(one, other);
        for at in [one, other] {
            self.index.insert(self.list[at].subscriber, at);
        }
    }
}

/// All groups, by the text of their filter and by the number in their address.
#[derive(Default)]
pub(crate) struct Groups {
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    by_filter: HashMap<Arc<str>, Arc<Group>>,
    by_id: HashMap<u64, Arc<Group>>,
    last_id: u64,
}

impl Groups {
    pub(crate) fn get(&self, filter: &str) -> Option<Arc<Group>> {
        self.table.read().by_filter.get(filter).cloned()
    }

    /// The groups with these addresses; those that are gone are left out.
    pub(crate) fn at(&self, addresses: impl Iterator<Item = Subscriber>) -> Box<[Arc<Group>]> {
        let table = self.table.read();
        addresses.filter_map(|address| table.by_id.get(&address.session).cloned()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.read().by_filter.len()
    }

    /// Puts a member into the group of `filter`; whether it is new there. A group that begins is
    /// found by its number before `enter` puts its address among the subscribers.
    pub(crate) fn join(
        &self,
        filter: &str,
        member: Member,
        is_online: bool,
        enter: impl FnOnce(Subscriber),
    ) -> bool {
        let mut table = self.table.write();
        if let Some(group) = table.by_filter.get(filter) {
            return group.change(|members| members.put(member, is_online));
        }
        table.last_id += 1;
        let group = Arc::new(Group::new(table.last_id, filter.into()));
        group.change(|members| members.put(member, is_online));
        table.by_filter.insert(group.filter.clone(), group.clone());
        table.by_id.insert(group.id, group.clone());
        enter(group.address());
        true
    }

    /// Takes a member out of the group of `filter`; whether it was there. The last one has `exit`
    /// take the group's address away.
    pub(crate) fn leave(
        &self,
        filter: &str,
        who: Subscriber,
        exit: impl FnOnce(Subscriber),
    ) -> bool {
        let mut table = self.table.write();
        let Some(group) = table.by_filter.get(filter).cloned() else { return false };
        let (found, is_over) =
            group.change(|members| (members.remove(who), members.list.is_empty()));
        if is_over {
            exit(group.address());
            table.by_filter.remove(filter);
            table.by_id.remove(&group.id);
        }
        found
    }
}

/// The topic filter in a valid `$share/name/filter`.
pub(crate) fn topic_filter(shared: &str) -> &str {
    shared.splitn(3, '/').nth(2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: Subscription =
        Subscription { qos: 1, no_local: false, retain_as_published: false, identifier: 0 };

    fn who(session: u64) -> Subscriber {
        Subscriber { session, shard: (session % 3) as u16 }
    }

    fn group_of(count: u64, online: impl Fn(u64) -> bool) -> Group {
        let group = Group::new(1, "$share/g/a".into());
        for session in 0..count {
            let member = Member { subscriber: who(session), subscription: HOW };
            assert!(group.change(|members| members.put(member, online(session))));
        }
        group
    }

    fn picks(group: &Group, count: usize) -> Vec<u64> {
        let mut picked: Vec<_> =
            (0..count).map(|_| group.pick().unwrap().subscriber.session).collect();
        picked.sort_unstable();
        picked
    }

    #[test]
    fn each_has_its_turn() {
        let group = group_of(3, |_| true);
        for _ in 0..4 {
            assert_eq!(picks(&group, 3), [0, 1, 2]);
        }
    }

    #[test]
    fn those_who_are_away_have_theirs_only_when_all_are() {
        let group = group_of(4, |session| session % 2 == 1);
        assert_eq!(picks(&group, 4), [1, 1, 3, 3]);
        group.set_online(who(1), false);
        assert_eq!(picks(&group, 2), [3, 3]);
        group.set_online(who(3), false);
        assert!(!group.is_online());
        assert_eq!(picks(&group, 4), [0, 1, 2, 3]);
        group.set_online(who(0), true);
        assert!(group.is_online());
        assert_eq!(picks(&group, 2), [0, 0]);
    }

    #[test]
    fn who_left_is_not_picked_and_an_empty_group_picks_nobody() {
        let group = group_of(5, |session| session < 3);
        for (session, others) in [(1, [0, 2]), (4, [0, 2]), (0, [2, 2]), (2, [3, 3])] {
            assert!(group.change(|members| members.remove(who(session))));
            assert!(!group.change(|members| members.remove(who(session))));
            assert_eq!(picks(&group, 2), others, "without {session}");
        }
        assert!(group.change(|members| members.remove(who(3))));
        assert_eq!(group.pick(), None);
    }

    #[test]
    fn a_second_subscription_replaces_the_options() {
        let group = group_of(1, |_| true);
        let subscription = Subscription { qos: 2, identifier: 7, ..HOW };
        let member = Member { subscriber: who(0), subscription };
        assert!(!group.change(|members| members.put(member, true)));
        assert_eq!(group.pick(), Some(member));
    }

    #[test]
    fn the_topic_filter_is_what_stands_behind_the_share_name() {
        for (shared, filter) in
            [("$share/g/a/b", "a/b"), ("$share/g//", "/"), ("$share/g/#", "#"), ("$share/g/", "")]
        {
            assert_eq!(topic_filter(shared), filter);
        }
    }
}
