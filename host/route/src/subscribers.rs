//! The subscribers of one filter: nothing, one inline, or a crowd.
//!
//! 16 bytes and no allocation up to one subscriber; a crowd is a dense list to copy from when a
//! topic matches, with an index by address once it is too long to scan. Used by `exact` and `trie`.

use hashbrown::HashTable;

use crate::hashing::mix;
use crate::subscription::{Subscriber, Subscription};

/// One subscription, packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    session: u64,
    identifier: u32,
    shard: u16,
    /// QoS in the two low bits, above them Retain As Published.
    options: u8,
    no_local: bool,
}

#[derive(Default)]
pub(crate) enum Subscribers {
    #[default]
    None,
    One(Entry),
    Crowd(Box<Crowd>),
}

const _: () = assert!(size_of::<Subscribers>() == 16);

/// Two or more subscribers.
pub(crate) struct Crowd {
    entries: Vec<Entry>,
    /// Positions in `entries`; empty up to `SCANNED` entries.
    index: HashTable<u32>,
}

/// What a subscribe did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    New,
    /// The same subscriber's options were other ones.
    Replaced,
    /// The very same subscription was there.
    Unchanged,
}

const RETAIN_AS_PUBLISHED: u8 = 4;

/// Up to so many entries (256 bytes) a scan is as fast as an index.
const SCANNED: usize = 16;

impl Entry {
    pub(crate) fn new(subscriber: Subscriber, subscription: Subscription) -> Self {
        let retain = if subscription.retain_as_published { RETAIN_AS_PUBLISHED } else { 0 };
        Self {
            session: subscriber.session,
            identifier: subscription.identifier,
            shard: subscriber.shard,
            options: subscription.qos.min(2) | retain,
            no_local: subscription.no_local,
        }
    }

    pub(crate) fn subscriber(&self) -> Subscriber {
        Subscriber { session: self.session, shard: self.shard }
    }

    pub(crate) fn subscription(&self) -> Subscription {
        Subscription {
            qos: self.options & 3,
            no_local: self.no_local,
            retain_as_published: self.options & RETAIN_AS_PUBLISHED != 0,
            identifier: self.identifier,
        }
    }
}

impl Subscribers {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) fn as_slice(&self) -> &[Entry] {
        match self {
            Self::None => &[],
            Self::One(entry) => core::slice::from_ref(entry),
            Self::Crowd(crowd) => &crowd.entries,
        }
    }

    pub(crate) fn put(&mut self, entry: Entry) -> Put {
        match self {
            Self::None => *self = Self::One(entry),
            Self::One(held) if held.subscriber() == entry.subscriber() => {
                return replace(held, entry);
            }
            Self::One(held) => *self = Self::Crowd(Box::new(Crowd::of(*held, entry))),
            Self::Crowd(crowd) => return crowd.put(entry),
        }
        Put::New
    }

    pub(crate) fn remove(&mut self, subscriber: Subscriber) -> bool {
        match self {
            Self::None => false,
            Self::One(held) => {
                let found = held.subscriber() == subscriber;
                if found {
                    *self = Self::None;
                }
                found
            }
            Self::Crowd(crowd) => {
                let found = crowd.remove(subscriber);
                if let [last] = crowd.entries[..] {
                    *self = Self::One(last);
                }
                found
            }
        }
    }
}

fn replace(held: &mut Entry, entry: Entry) -> Put {
    if *held == entry {
        return Put::Unchanged;
    }
    *held = entry;
    Put::Replaced
}

impl Crowd {
    fn of(first: Entry, second: Entry) -> Self {
        Self { entries: vec![first, second], index: HashTable::new() }
    }

    fn put(&mut self, entry: Entry) -> Put {
        if let Some(position) = self.position(entry.subscriber()) {
            return replace(&mut self.entries[position], entry);
        }
        self.entries.push(entry);
        if self.is_indexed() {
            self.index_entry(self.entries.len() - 1);
        } else if self.entries.len() > SCANNED {
            (0..self.entries.len()).for_each(|position| self.index_entry(position));
        }
        Put::New
    }

    fn remove(&mut self, subscriber: Subscriber) -> bool {
        let Some(position) = self.position(subscriber) else { return false };
        self.unindex_entry(position);
        let last = self.entries.len() - 1;
        if self.is_indexed() && position != last {
            self.unindex_entry(last);
            self.entries.swap_remove(position);
            self.index_entry(position);
        } else {
            self.entries.swap_remove(position);
        }
        self.shrink();
        true
    }

    fn position(&self, subscriber: Subscriber) -> Option<usize> {
        if !self.is_indexed() {
            return self.entries.iter().position(|entry| entry.subscriber() == subscriber);
        }
        let entries = &self.entries;
        self.index
            .find(hash(subscriber), |&at| entries[at as usize].subscriber() == subscriber)
            .map(|&at| at as usize)
    }

    fn is_indexed(&self) -> bool {
        !self.index.is_empty()
    }

    fn index_entry(&mut self, position: usize) {
        let entries = &self.entries;
        let hash_at = |&at: &u32| hash(entries[at as usize].subscriber());
        let at = position as u32;
        self.index.insert_unique(hash_at(&at), at, hash_at);
    }

    fn unindex_entry(&mut self, position: usize) {
        let hash = hash(self.entries[position].subscriber());
        if let Ok(found) = self.index.find_entry(hash, |&at| at as usize == position) {
            found.remove();
        }
    }

    /// Gives memory back when a quarter is used, so that a crowd coming and going does not thrash.
    fn shrink(&mut self) {
        let length = self.entries.len();
        if length <= SCANNED / 2 {
            self.index = HashTable::new();
        }
        if length < self.entries.capacity() / 4 {
            self.entries.shrink_to(length * 2);
            let entries = &self.entries;
            self.index.shrink_to(length * 2, |&at| hash(entries[at as usize].subscriber()));
        }
    }
}

/// Unseeded: session keys are numbers of our own, which a client does not choose.
fn hash(subscriber: Subscriber) -> u64 {
    mix(subscriber.session, u64::from(subscriber.shard))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(session: u64, qos: u8) -> Entry {
        let subscriber = Subscriber { session, shard: (session % 3) as u16 };
        let subscription =
            Subscription { qos, no_local: true, retain_as_published: false, identifier: 9 };
        Entry::new(subscriber, subscription)
    }

    fn sessions(subscribers: &Subscribers) -> Vec<u64> {
        let mut sessions: Vec<_> =
            subscribers.as_slice().iter().map(|entry| entry.session).collect();
        sessions.sort_unstable();
        sessions
    }

    #[test]
    fn grows_and_shrinks_through_all_shapes() {
        let mut subscribers = Subscribers::default();
        for session in 0..1000 {
            assert_eq!(subscribers.put(entry(session, 0)), Put::New);
            assert_eq!(subscribers.put(entry(session, 0)), Put::Unchanged);
            assert_eq!(subscribers.put(entry(session, 1)), Put::Replaced);
        }
        assert_eq!(sessions(&subscribers), (0..1000).collect::<Vec<_>>());
        for session in 0..1000 {
            assert!(subscribers.remove(entry(session, 0).subscriber()), "{session}");
            assert!(!subscribers.remove(entry(session, 0).subscriber()), "{session}");
            assert_eq!(subscribers.as_slice().len(), 999 - session as usize);
        }
        assert!(subscribers.is_empty());
    }

    #[test]
    fn swapped_entries_stay_indexed() {
        let mut subscribers = Subscribers::default();
        (0..100).for_each(|session| assert_eq!(subscribers.put(entry(session, 0)), Put::New));
        for session in (0..100).step_by(2) {
            assert!(subscribers.remove(entry(session, 0).subscriber()));
        }
        assert_eq!(sessions(&subscribers), (1..100).step_by(2).collect::<Vec<_>>());
        for session in (1..100).step_by(2) {
            assert_eq!(subscribers.put(entry(session, 2)), Put::Replaced, "{session}");
        }
    }

    #[test]
    fn options_survive_packing() {
        for qos in 0..=2 {
            for flags in 0..4 {
                let subscription = Subscription {
                    qos,
                    no_local: flags & 1 != 0,
                    retain_as_published: flags & 2 != 0,
                    identifier: 268_435_455,
                };
                let subscriber = Subscriber { session: u64::MAX, shard: u16::MAX };
                let entry = Entry::new(subscriber, subscription);
                assert_eq!((entry.subscriber(), entry.subscription()), (subscriber, subscription));
            }
        }
    }
}
