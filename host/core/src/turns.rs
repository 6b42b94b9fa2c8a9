//! Whose turn it is to be asked about again: so many connections at a time, those first whose grant ends.
//! Each connection stands here at most once, so there are never more than there are connections.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use crate::keys::ConnectionKey;

/// Who is asked about first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// There is a time by which it matters.
    Ending,
    /// An operator wants it.
    Wanted,
}

/// Connections that wait for their turn, and those that have it.
#[derive(Debug)]
pub(crate) struct Turns {
    waiting: BTreeSet<(Urgency, u64, ConnectionKey)>,
    places: HashMap<ConnectionKey, (Urgency, u64)>,
    asked: HashSet<ConnectionKey>,
    /// How many have come so far: of two that are as urgent the earlier one is first.
    came: u64,
    /// How many have their turn at the same time.
    asked_max: usize,
}

impl Turns {
    /// At most `asked_max`, at least one, at the same time.
    pub(crate) fn new(asked_max: usize) -> Self {
        Self {
            waiting: BTreeSet::new(),
            places: HashMap::new(),
            asked: HashSet::new(),
            came: 0,
            asked_max: asked_max.max(1),
        }
    }

    /// Lets a connection wait, or moves it forward if it has become more urgent.
    pub(crate) fn wait(&mut self, key: ConnectionKey, urgency: Urgency) {
        if self.places.get(&key).is_some_and(|(known, _)| *known <= urgency) {
            return;
        }
        self.leave(key);
        self.came += 1;
        self.places.insert(key, (urgency, self.came));
        self.waiting.insert((urgency, self.came, key));
    }

    /// The next one, if one more may be asked about.
    pub(crate) fn take(&mut self) -> Option<ConnectionKey> {
        if self.asked.len() >= self.asked_max {
            return None;
        }
        let (_, _, key) = self.waiting.pop_first()?;
        self.places.remove(&key);
        self.asked.insert(key);
        Some(key)
    }

    pub(crate) fn is_asked(&self, key: ConnectionKey) -> bool {
        self.asked.contains(&key)
    }

    /// Its turn is over; false if it had none.
    pub(crate) fn end(&mut self, key: ConnectionKey) -> bool {
        self.asked.remove(&key)
    }

    /// The connection is gone.
    pub(crate) fn forget(&mut self, key: ConnectionKey) {
        self.leave(key);
        self.end(key);
    }

    fn leave(&mut self, key: ConnectionKey) {
        if let Some((urgency, number)) = self.places.remove(&key) {
            self.waiting.remove(&(urgency, number, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotmap::SlotMap;

    fn keys() -> [ConnectionKey; 4] {
        let mut map = SlotMap::<ConnectionKey, ()>::with_key();
        [(); 4].map(|()| map.insert(()))
    }

    #[test]
    fn the_most_urgent_come_first_and_then_who_waits_longest() {
        let ([a, b, c, d], mut turns) = (keys(), Turns::new(9));
        for key in [a, b, c] {
            turns.wait(key, Urgency::Wanted);
        }
        turns.wait(d, Urgency::Ending);
        turns.wait(c, Urgency::Ending);
        turns.wait(d, Urgency::Wanted);
        turns.wait(a, Urgency::Wanted);
        let order: Vec<_> = std::iter::from_fn(|| turns.take()).collect();
        assert_eq!(order, [d, c, a, b]);
    }

    #[test]
    fn no_more_have_their_turn_than_may_and_nothing_is_left_of_who_is_gone() {
        let ([a, b, c, d], mut turns) = (keys(), Turns::new(2));
        for key in [a, b, c, d] {
            turns.wait(key, Urgency::Wanted);
        }
        assert_eq!((turns.take(), turns.take(), turns.take()), (Some(a), Some(b), None));
        turns.forget(c);
        assert!(turns.end(a) && !turns.end(a) && !turns.end(d));
        assert_eq!((turns.take(), turns.take()), (Some(d), None));
        turns.forget(b);
        turns.forget(d);
        assert!(turns.waiting.is_empty() && turns.places.is_empty() && turns.asked.is_empty());
    }
}
