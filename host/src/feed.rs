//! What happened, on its way from the shards to the plugins of the slot ban. A shard puts an event into
//! its own queue and goes on; whoever tells the plugins takes all queues at once.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use theseus_core::ShardId;
use theseus_policy::Event;
use tokio::sync::Notify;

/// Events in one batch, at most.
pub(crate) const BATCH: usize = 256;

/// How long events may wait for others: half of what the interface promises.
const PERIOD: Duration = Duration::from_millis(100);

/// All shards' queues.
pub(crate) struct Feed {
    shards: Box<[Mutex<Pending>]>,
    /// Events in one queue: `ban.max_pending_events`.
    max: usize,
    /// There are some.
    some: Notify,
    /// There are as many as a batch holds.
    many: Notify,
}

/// The events of one shard, the oldest first.
#[derive(Default)]
struct Pending {
    events: VecDeque<Event>,
    /// The number of the first of them.
    first: u64,
    /// Numbers of events by a hash of what makes them equal.
    numbers: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Feed {
    /// Queues for so many shards, each of at most `max` events.
    pub(crate) fn new(shards: ShardId, max: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            max: max.max(1),
            some: Notify::new(),
            many: Notify::new(),
        })
    }

    /// Puts an event into the queue of `shard`; false if the oldest one was dropped for it.
    pub(crate) fn put(&self, shard: ShardId, event: Event) -> bool {
        let (has_room, len) = {
            let mut pending = lock(&self.shards[usize::from(shard)]);
            (pending.put(event, self.max), pending.events.len())
        };
        match len {
            1 => self.some.notify_one(),
            BATCH => self.many.notify_one(),
            _ => {}
        }
        has_room
    }

    /// Waits until something happened, and a little for more, and takes it all in its order.
    pub(crate) async fn next(&self) -> Vec<Event> {
        self.some.notified().await;
        let _ = tokio::time::timeout(PERIOD, self.many.notified()).await;
        let mut all = Vec::new();
        self.shards.iter().for_each(|shard| all.extend(lock(shard).take()));
        all.sort_by_key(|event| event.at_ms);
        all
    }
}

impl Pending {
    /// Counts the event with its equal, or keeps it; false if the oldest one had to go.
    fn put(&mut self, event: Event, max: usize) -> bool {
        let hash = self.hash(&event);
        if let Some(known) = self.equal(hash, &event) {
            known.count = known.count.saturating_add(event.count);
            known.at_ms = event.at_ms;
            return true;
        }
        let has_room = self.events.len() < max;
        if !has_room {
            self.drop_oldest();
        }
        self.numbers.insert(hash, self.first + self.events.len() as u64);
        self.events.push_back(event);
        has_room
    }

    fn take(&mut self) -> VecDeque<Event> {
        self.first += self.events.len() as u64;
        self.numbers.clear();
        std::mem::take(&mut self.events)
    }

    fn equal(&mut self, hash: u64, event: &Event) -> Option<&mut Event> {
        let place = self.numbers.get(&hash)?.checked_sub(self.first)?;
        let known = self.events.get_mut(usize::try_from(place).ok()?)?;
        let is_equal = sameness(known) == sameness(event);
        is_equal.then_some(known)
    }

    fn drop_oldest(&mut self) {
        let Some(event) = self.events.pop_front() else { return };
        let hash = self.hash(&event);
        if self.numbers.get(&hash) == Some(&self.first) {
            self.numbers.remove(&hash);
        }
        self.first += 1;
    }

    fn hash(&self, event: &Event) -> u64 {
        self.hasher.hash_one(sameness(event))
    }
}

/// What is equal in equal events: what happened, and the client but for its port.
fn sameness(event: &Event) -> impl Eq + std::hash::Hash + '_ {
    let who = &*event.who;
    let ip = who.address.map(|address| address.ip());
    (&event.happening, &*who.client_id, who.user_name.as_deref(), ip, &*who.listener)
}

/// Nothing panics while it holds these locks, so a poisoned one is as good as any.
fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_policy::{Happening, Login};

    fn event(client_id: &str, port: u16, at_ms: u64, happening: Happening) -> Event {
        let address = Some(std::net::SocketAddr::from(([192, 0, 2, 7], port)));
        let who = Login { client_id: client_id.into(), address, ..Login::default() };
        Event { happening, at_ms, who: Arc::new(who), count: 1 }
    }

    fn ids(pending: &mut Pending) -> Vec<(String, u32)> {
        pending.take().iter().map(|event| (event.who.client_id.to_string(), event.count)).collect()
    }

    #[test]
    fn equal_things_of_one_client_are_counted_together() {
        let mut pending = Pending::default();
        for (id, port, happening) in [
            ("a", 1, Happening::AuthFailed),
            ("b", 1, Happening::AuthFailed),
            ("a", 2, Happening::AuthFailed),
            ("a", 2, Happening::Connected),
        ] {
            assert!(pending.put(event(id, port, 7, happening), 10));
        }
        let found = ids(&mut pending);
        assert_eq!(found, [("a".into(), 2), ("b".into(), 1), ("a".into(), 1)]);
        assert!(pending.put(event("a", 1, 9, Happening::AuthFailed), 10));
        assert_eq!(ids(&mut pending), [("a".into(), 1)], "what was taken is not counted with");
    }

    #[test]
    fn at_the_bound_the_oldest_goes() {
        let mut pending = Pending::default();
        let room: Vec<bool> = ["a", "b", "c", "d", "a", "d"]
            .map(|id| pending.put(event(id, 1, 7, Happening::AuthFailed), 2))
            .to_vec();
        assert_eq!(room, [true, true, false, false, false, true]);
        assert_eq!(ids(&mut pending), [("d".into(), 2), ("a".into(), 1)]);
    }

    #[tokio::test]
    async fn what_happens_on_all_shards_comes_in_its_order() {
        let feed = Feed::new(2, 1000);
        for (shard, id, at_ms) in [(1, "late", 9), (0, "early", 3), (1, "middle", 5)] {
            feed.put(shard, event(id, 1, at_ms, Happening::ConnectSeen));
        }
        let ids: Vec<_> = feed.next().await.iter().map(|it| it.who.client_id.clone()).collect();
        assert_eq!(ids, ["early", "middle", "late"].map(Into::into));
    }
}
