//! Retained messages for new subscriptions: read stripe by stripe, queued as the queue has room,
//! and never in front of a newer live message of the same topic.
//!
//! Why the order holds: a publisher stores a message and hands its live copies to the inboxes
//! under the stripe's lock. A reader first reads the stripe, then empties its inbox into `work`
//! and puts a marker behind it. When the marker comes up, every live copy older than what was
//! read has been delivered; what has been replaced in the store by then is left out, because its
//! successor comes live.

use std::collections::VecDeque;

use theseus_mqtt::QoS;
use theseus_route::Subscription;

use crate::Message;
use crate::Time;
use crate::inbox::Parcel;
use crate::keys::SessionKey;
use crate::queue::{Delivery, Identifiers};
use crate::shard::Shard;

/// Retained messages on their way to one session.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Subscriptions whose messages have not all been read, the first one being read.
    pub(crate) wanted: VecDeque<Wanted>,
    /// Messages read for the first of `wanted` and not queued yet.
    read: VecDeque<Message>,
    /// What was live before the reading has been delivered.
    ready: bool,
}

/// A subscription that wants retained messages.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Wanted {
    pub(crate) filter: Box<str>,
    #[serde(with = "crate::records::SubscriptionRecord")]
    pub(crate) subscription: Subscription,
    /// Stripes of the store that have been read.
    pub(crate) stripe: usize,
}

/// Retained messages moved into a queue in one go; the next ones follow when it has drained.
const FEED: usize = 64;

impl Replay {
    /// A replay that goes on with what `wanted` says has not been read.
    pub(crate) fn resumed(wanted: VecDeque<Wanted>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// What has been read and not been queued yet.
    pub(crate) fn rest(&self) -> Vec<Delivery> {
        let Some(wanted) = self.wanted.front() else { return Vec::new() };
        self.read.iter().map(|message| delivery(message.clone(), wanted.subscription)).collect()
    }

    /// Drops what has been read and is not wanted any more.
    pub(crate) fn keep(&mut self, wanted: impl Fn(&Message) -> bool) {
        self.read.retain(wanted);
    }

    /// The subscription is gone.
    pub(crate) fn forget(&mut self, filter: &str) {
        if self.wanted.front().is_some_and(|wanted| &*wanted.filter == filter) {
            self.read.clear();
        }
        self.wanted.retain(|wanted| &*wanted.filter != filter);
    }
}

impl Shard {
    /// Notes that a session wants the retained messages of a subscription, which is new or repeated.
    pub(crate) fn want_retained(&mut self, key: SessionKey, wanted: Wanted, is_new: bool) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        // A replay that runs comes to this one by itself; a second reading would end it early.
        let runs = session.replay.is_some();
        let replay = session.replay.get_or_insert_default();
        // A repeated subscription starts over [MQTT-3.8.4-4].
        if !is_new {
            replay.forget(&wanted.filter);
        }
        replay.wanted.push_back(wanted);
        if !runs {
            self.push_work(Parcel::Collect(key));
        }
    }

    /// Reads the next stripe that has something for the session.
    pub(crate) fn collect_retained(&mut self, key: SessionKey) {
        let broker = self.broker.clone();
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(replay) = &mut session.replay else { return };
        let mut found = Vec::new();
        while let Some(wanted) = replay.wanted.front_mut()
            && found.is_empty()
        {
            let store = broker.store_of(&wanted.filter);
            let stripes = store.stripes_of(&wanted.filter);
            let stripe = stripes.start + wanted.stripe;
            if stripe >= stripes.end {
                replay.wanted.pop_front();
                continue;
            }
            store.collect(&wanted.filter, stripe, &mut found, |_| ());
            wanted.stripe += 1;
        }
        if found.is_empty() {
            session.replay = None;
            return;
        }
        replay.read.extend(found);
        broker.inboxes[usize::from(self.id)].take(&mut self.work);
        self.push_work(Parcel::Replay(key));
    }

    /// The marker has come up: the messages read may be queued.
    pub(crate) fn start_replay(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(replay) = &mut session.replay {
            replay.ready = true;
        }
        if let Some(connection) = session.connection {
            self.mark_dirty(connection);
        }
    }

    /// Queues some of the messages read; false if there is nothing to queue now.
    pub(crate) fn feed_replay(&mut self, now: Time, key: SessionKey) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let Some(replay) = &mut session.replay else { return false };
        if !replay.ready || !session.queue.is_empty() {
            return false;
        }
        let subscription = replay.wanted.front().map(|wanted| wanted.subscription);
        let count = replay.read.len().min(FEED);
        let batch: Vec<Message> = replay.read.drain(..count).collect();
        if replay.read.is_empty() {
            replay.ready = false;
            self.push_work(Parcel::Collect(key));
        }
        let Some(subscription) = subscription else { return false };
        for message in batch {
            self.replay(now, key, message, subscription);
        }
        true
    }

    /// Queues one retained message with RETAIN set [MQTT-3.3.1-8] (3.1.1), if it is still the
    /// topic's.
    fn replay(&mut self, now: Time, key: SessionKey, message: Message, to: Subscription) {
        if message.expires() <= now {
            // Nobody gets it any more: it gives its place to others.
            self.broker.forget_retained(&message);
            return;
        }
        if !self.broker.is_current(&message) {
            return;
        }
        self.push(key, delivery(message, to));
    }
}

fn delivery(message: Message, to: Subscription) -> Delivery {
    let granted = QoS::try_from(to.qos).unwrap_or(QoS::AtMostOnce);
    Delivery {
        qos: message.qos().min(granted),
        message,
        retain: true,
        identifiers: Identifiers::of(to),
        group: None,
    }
}
