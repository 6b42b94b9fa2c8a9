//! All that was counted, summed over the shards without a lock. Each figure is right by itself; they
//! are not of one instant.

use crate::broker::Broker;
use crate::metrics::Totals;

/// What was counted, and how much there is.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The counters.
    pub totals: Totals,
    /// Clients that are connected.
    pub connections: u64,
    /// Sessions, with or without a connection.
    pub sessions: u64,
    /// Subscriptions, shared ones included.
    pub subscriptions: u64,
    /// Shared subscriptions.
    pub shared_subscriptions: u64,
    /// Different filters that somebody subscribes to.
    pub filters: u64,
    /// Retained messages of clients.
    pub retained: u64,
}

impl Figures {
    /// Reads the figures of a broker. Visits every stripe of the routes: not for every message.
    pub fn of(broker: &Broker) -> Self {
        let mut totals = Totals::default();
        (0..broker.shards()).for_each(|shard| broker.metrics(shard).add_to(&mut totals));
        Self {
            connections: broker.connections(),
            sessions: broker.sessions() as u64,
            subscriptions: totals.subscriptions_begun.saturating_sub(totals.subscriptions_ended),
            shared_subscriptions: totals
                .shared_subscriptions_begun
                .saturating_sub(totals.shared_subscriptions_ended),
            filters: broker.router.filters() as u64,
            retained: broker.retained() as u64,
            totals,
        }
    }

    /// Subscriptions that are not shared.
    pub(crate) fn plain_subscriptions(&self) -> u64 {
        self.subscriptions.saturating_sub(self.shared_subscriptions)
    }

    /// Messages that were meant for a client and never sent to it.
    pub(crate) fn dropped(&self) -> u64 {
        let totals = &self.totals;
        totals.messages_dropped_queue_full
            + totals.messages_dropped_expired
            + totals.messages_dropped_too_large
            + totals.messages_dropped_offline_qos0
            + totals.messages_dropped_no_member
    }
}
