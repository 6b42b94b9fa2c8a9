//! Everyone who gets a message on one topic, and how overlapping subscriptions become one.
//!
//! A result, not a live view: it says who was subscribed when it was made. Made by the router,
//! kept by the cache, read by every shard during fan-out.

use crate::subscribers::Entry;

/// Everyone who gets a message on one topic: one [`Delivery`] per session, by shard.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matches {
    deliveries: Vec<Delivery>,
    shards: Vec<ShardEnd>,
    /// Bytes of all that the above points to.
    heap_bytes: usize,
}

/// One session's share, merged from all its subscriptions that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The session's key on its home shard.
    pub session: u64,
    /// The highest QoS of its matching subscriptions [MQTT-3.3.4-2].
    pub qos: u8,
    /// Whether all its matching subscriptions have No Local. If only some have, the session's own
    /// messages come to it through the others, carrying all identifiers.
    pub no_local: bool,
    /// Whether any of its matching subscriptions has Retain As Published.
    pub retain_as_published: bool,
    /// The first identifier, 0 for none.
    identifier: u32,
    /// All identifiers, where there are several: rare, so a pointer to them is all it may cost.
    identifiers: Option<Box<Identifiers>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Identifiers(Vec<u32>);

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Delivery>() == 24);

/// Where a shard's deliveries end; they begin where those of the shard before it end.
#[derive(Debug, PartialEq, Eq)]
struct ShardEnd {
    shard: u16,
    end: u32,
}

impl Matches {
    /// Whether nobody gets it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// How many sessions get it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// The shards that have deliveries, ascending.
    pub fn shards(&self) -> impl Iterator<Item = u16> {
        self.shards.iter().map(|end| end.shard)
    }

    /// The deliveries of one shard's sessions; empty for a shard that has none.
    #[must_use]
    pub fn of_shard(&self, shard: u16) -> &[Delivery] {
        let Ok(at) = self.shards.binary_search_by_key(&shard, |end| end.shard) else {
            return &[];
        };
        let begin = at.checked_sub(1).map_or(0, |before| self.shards[before].end);
        &self.deliveries[begin as usize..self.shards[at].end as usize]
    }

    /// Merges the subscriptions that match: those of one session stand together, shards ascend.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let deliveries = Vec::with_capacity(entries.len());
        let mut matches = Self { deliveries, ..Self::default() };
        for session in entries.chunk_by(|left, right| left.subscriber() == right.subscriber()) {
            if let [first, others @ ..] = session {
                matches.push(first.subscriber().shard, Delivery::merged(first, others));
            }
        }
        matches.deliveries.shrink_to_fit();
        matches.heap_bytes += matches.deliveries.capacity() * size_of::<Delivery>()
            + matches.shards.capacity() * size_of::<ShardEnd>();
        matches
    }

    /// Bytes of memory, for the cache's bound.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.heap_bytes
    }

    fn push(&mut self, shard: u16, delivery: Delivery) {
        self.heap_bytes += delivery.heap_bytes();
        self.deliveries.push(delivery);
        let end = self.deliveries.len() as u32;
        match self.shards.last_mut() {
            Some(last) if last.shard == shard => last.end = end,
            _ => self.shards.push(ShardEnd { shard, end }),
        }
    }
}

impl Delivery {
    /// The Subscription Identifiers of all matching subscriptions that have one, ascending; equal
    /// ones are repeated as often as they were subscribed with [MQTT-3.3.4-3], [MQTT-3.3.4-4].
    #[must_use]
    pub fn identifiers(&self) -> &[u32] {
        match &self.identifiers {
            Some(several) => &several.0,
            None if self.identifier == 0 => &[],
            None => core::slice::from_ref(&self.identifier),
        }
    }

    fn heap_bytes(&self) -> usize {
        let bytes = |several: &Identifiers| size_of::<Identifiers>() + several.0.capacity() * 4;
        self.identifiers.as_deref().map_or(0, bytes)
    }

    fn of(entry: &Entry) -> Self {
        let subscription = entry.subscription();
        Self {
            session: entry.subscriber().session,
            qos: subscription.qos,
            no_local: subscription.no_local,
            retain_as_published: subscription.retain_as_published,
            identifier: subscription.identifier,
            identifiers: None,
        }
    }

    /// Merges the subscriptions of one session; `entries` is not empty.
    fn merged(first: &Entry, others: &[Entry]) -> Self {
        let mut delivery = Self::of(first);
        if others.is_empty() {
            return delivery;
        }
        let mut identifiers = delivery.identifiers().to_vec();
        for other in others.iter().map(Entry::subscription) {
            delivery.qos = delivery.qos.max(other.qos);
            delivery.no_local &= other.no_local;
            delivery.retain_as_published |= other.retain_as_published;
            identifiers.extend((other.identifier != 0).then_some(other.identifier));
        }
        delivery.set_identifiers(identifiers);
        delivery
    }

    fn set_identifiers(&mut self, mut identifiers: Vec<u32>) {
        identifiers.sort_unstable();
        self.identifier = identifiers.first().copied().unwrap_or(0);
        if identifiers.len() > 1 {
            self.identifiers = Some(Box::new(Identifiers(identifiers)));
        }
    }
}
