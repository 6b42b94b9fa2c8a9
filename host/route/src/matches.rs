//! Everyone who gets a message on one topic, and how overlapping subscriptions become one.
//!
//! A result, not a live view: it says who was subscribed when it was made. Made by the router,
//! kept by the cache, read by every shard during fan-out.

use std::sync::Arc;

use crate::group::Group;
use crate::subscribers::Entry;

/// Everyone who gets a message on one topic: their [`Delivery`]s, by shard.
///
/// A session appears once, or twice where only some of its matching subscriptions have No Local:
/// then the one is for what others publish and the other for what it publishes itself, so that of
/// any message it still gets one copy.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matches {
    deliveries: Vec<Delivery>,
    shards: Vec<ShardEnd>,
    groups: Box<[Arc<Group>]>,
    /// Bytes of all that the above points to.
    heap_bytes: usize,
}

/// One session's share, merged from those of its matching subscriptions that have this audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The session's key on its home shard.
    pub session: u64,
    /// The highest QoS of the merged subscriptions [MQTT-3.3.4-2].
    pub qos: u8,
    /// Whose messages it is for.
    pub audience: Audience,
    /// Whether any of the merged subscriptions has Retain As Published.
    pub retain_as_published: bool,
    /// The first identifier, 0 for none.
    identifier: u32,
    /// All identifiers, where there are several: rare, so a pointer to them is all it may cost.
    identifiers: Option<Box<Identifiers>>,
}

/// Whose messages a [`Delivery`] is for. A subscription with No Local has no part in what its own
/// session publishes [MQTT-3.8.3-3]: neither its QoS, nor its flags, nor its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever published.
    Everyone,
    /// Anyone but the session itself.
    Others,
    /// The session itself only.
    Publisher,
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
        self.deliveries.is_empty() && self.groups.is_empty()
    }

    /// How many deliveries there are; a session that appears twice counts twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// The groups of which one member each gets a copy, besides the deliveries (MQTT 5.0, 4.8.2).
    #[must_use]
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
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
            matches.push_session(session);
        }
        matches.deliveries.shrink_to_fit();
        matches.heap_bytes += matches.deliveries.capacity() * size_of::<Delivery>()
            + matches.shards.capacity() * size_of::<ShardEnd>();
        matches
    }

    pub(crate) fn set_groups(&mut self, groups: Box<[Arc<Group>]>) {
        self.heap_bytes += size_of_val(&*groups);
        self.groups = groups;
    }

    /// Bytes of memory, for the cache's bound.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.heap_bytes
    }

    fn push_session(&mut self, entries: &[Entry]) {
        let [first, others @ ..] = entries else { return };
        let shard = first.subscriber().shard;
        if others.is_empty() {
            return self.push(shard, Delivery::of(first));
        }
        let Some(merged) = Delivery::merged(entries.iter()) else { return };
        let excludes_own = merged.audience == Audience::Others;
        self.push(shard, merged);
        let heard = entries.iter().filter(|entry| !entry.subscription().no_local);
        if excludes_own && let Some(own) = Delivery::merged(heard) {
            self.push(shard, Delivery { audience: Audience::Publisher, ..own });
        }
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
    /// The Subscription Identifiers of the merged subscriptions that have one, ascending; equal
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
            audience: if subscription.no_local { Audience::Others } else { Audience::Everyone },
            retain_as_published: subscription.retain_as_published,
            identifier: subscription.identifier,
            identifiers: None,
        }
    }

    /// Merges subscriptions of one session; the audience is `Others` if any has No Local. None for
    /// no entries.
    fn merged<'a>(mut entries: impl Iterator<Item = &'a Entry>) -> Option<Self> {
        let mut delivery = Self::of(entries.next()?);
        let mut identifiers = delivery.identifiers().to_vec();
        for other in entries.map(Entry::subscription) {
            delivery.qos = delivery.qos.max(other.qos);
            delivery.retain_as_published |= other.retain_as_published;
            if other.no_local {
                delivery.audience = Audience::Others;
            }
            identifiers.extend((other.identifier != 0).then_some(other.identifier));
        }
        delivery.set_identifiers(identifiers);
        Some(delivery)
    }

    fn set_identifiers(&mut self, mut identifiers: Vec<u32>) {
        identifiers.sort_unstable();
        self.identifier = identifiers.first().copied().unwrap_or(0);
        if identifiers.len() > 1 {
            self.identifiers = Some(Box::new(Identifiers(identifiers)));
        }
    }
}
