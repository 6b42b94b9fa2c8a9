//! Fan-out: from a message and its matches into the queues of sessions, here and on other
//! shards. Order per publisher holds because everything for one shard takes one road.

use std::sync::Arc;

use slotmap::KeyData;
use theseus_mqtt::QoS;
use theseus_route::{Audience, Matches, Subscriber};

use crate::Time;
use crate::inbox::{Deliver, Outbound, Parcel, ShardId};
use crate::keys::SessionKey;
use crate::queue::{Delivery, Identifiers};
use crate::shard::Shard;

/// What became of a message on its way out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Routed {
    /// Somebody subscribes to its topic.
    pub(crate) matched: bool,
    /// Slow receivers found so far.
    pub(crate) holds: i32,
    /// Shards that have yet to say how many slow receivers they have.
    pub(crate) asked: u16,
    /// A shard whose inbox is at its bound.
    pub(crate) full: Option<ShardId>,
}

/// Deliveries done in one go before others get a turn (wide fan-out runs in slices).
const SLICE: usize = 4096;

/// Parcels for one shard that are handed over at once rather than at the end of the batch.
const OUTBOX_MAX: usize = 1024;

impl Shard {
    /// Puts the message on the road to every other shard that has receivers.
    pub(crate) fn send_to_shards(&mut self, outbound: &Outbound, matches: &Arc<Matches>) -> Routed {
        let mut routed = Routed { matched: !matches.is_empty(), ..Routed::default() };
        let here = self.id;
        for shard in matches.shards().filter(|shard| *shard != here) {
            let deliver = Deliver::new(outbound.clone(), matches.clone(), self.is_pressed(shard));
            routed.asked += u16::from(deliver.outbound.ticket.is_some());
            routed.full = routed.full.or_else(|| self.broker.is_full(shard).then_some(shard));
            self.send(shard, Parcel::Deliver(deliver));
        }
        routed
    }

    /// Puts a parcel on the road to a shard, behind all that it was sent before.
    pub(crate) fn send(&mut self, shard: ShardId, parcel: Parcel) {
        if shard == self.id {
            return self.push_work(parcel);
        }
        let outbox = &mut self.outbox[usize::from(shard)];
        outbox.push(parcel);
        if outbox.len() >= OUTBOX_MAX {
            self.commit();
        }
    }

    /// Queues the message for this shard's own receivers, or behind what they still wait for.
    pub(crate) fn deliver_here(
        &mut self,
        now: Time,
        outbound: Outbound,
        matches: Arc<Matches>,
        routed: &mut Routed,
    ) {
        let receivers = matches.of_shard(self.id).len();
        if receivers == 0 {
            return;
        }
        if self.work.is_empty() && receivers <= SLICE {
            let mut deliver = Deliver::new(outbound, matches, true);
            self.deliver_slice(now, &mut deliver);
            routed.holds += deliver.holds;
            return;
        }
        let deliver = Deliver::new(outbound, matches, self.is_pressed(self.id));
        routed.asked += u16::from(deliver.outbound.ticket.is_some());
        self.push_work(Parcel::Deliver(deliver));
        if self.broker.is_full(self.id) {
            routed.full = Some(self.id);
        }
    }

    /// Does the next slice; true once every receiver has been served.
    pub(crate) fn deliver_slice(&mut self, now: Time, deliver: &mut Deliver) -> bool {
        let matches = deliver.matches.clone();
        let receivers = matches.of_shard(self.id);
        let slice = &receivers[deliver.done..receivers.len().min(deliver.done + SLICE)];
        for receiver in slice {
            let held = self.enqueue(now, receiver, deliver);
            deliver.holds += i32::from(held);
        }
        deliver.done += slice.len();
        deliver.done == receivers.len()
    }

    /// Queues the message for one receiver; true if that one holds the publisher back.
    fn enqueue(
        &mut self,
        now: Time,
        receiver: &theseus_route::Delivery,
        deliver: &Deliver,
    ) -> bool {
        let key = SessionKey::from(KeyData::from_ffi(receiver.session));
        let own = Subscriber { session: receiver.session, shard: self.id };
        let is_own = deliver.outbound.publisher == own;
        let is_heard = match receiver.audience {
            Audience::Everyone => true,
            Audience::Others => !is_own,
            Audience::Publisher => is_own,
        };
        if !is_heard {
            return false;
        }
        let message = &deliver.outbound.message;
        let granted = QoS::try_from(receiver.qos).unwrap_or(QoS::AtMostOnce);
        let delivery = Delivery {
            message: message.clone(),
            qos: message.qos().min(granted),
            retain: receiver.retain_as_published && message.retain(),
            identifiers: Identifiers::from_slice(receiver.identifiers()),
            group: None,
        };
        self.push(key, delivery);
        self.press(now, key, deliver.outbound.ticket)
    }

    /// Appends to a session's queue within its hard bound: the oldest goes when it is full.
    pub(crate) fn push(&mut self, key: SessionKey, delivery: Delivery) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let metrics = self.broker.metrics(self.id);
        let limits = self.broker.limits.of(session.listener);
        if session.connection.is_none()
            && delivery.qos == QoS::AtMostOnce
            && !limits.queue_qos0_offline
        {
            metrics.messages_dropped_offline_qos0.add(1);
            return;
        }
        session.queue.push(delivery);
        // One message may be larger than the whole queue: it is the one that is kept.
        while session.queue.is_over(limits.queue_len_max, limits.queue_bytes_max)
            && session.queue.len() > 1
        {
            session.queue.pop();
            metrics.messages_dropped_queue_full.add(1);
        }
        if let Some(connection) = session.connection {
            self.mark_dirty(connection);
        }
    }

    pub(crate) fn is_pressed(&self, shard: ShardId) -> bool {
        self.broker.pressed[usize::from(shard)].load(std::sync::atomic::Ordering::Relaxed) > 0
    }
}
