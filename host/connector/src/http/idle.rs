//! Connections that nobody needs at the moment. There are no more than places, as nobody makes one
//! while another is idle.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::http::bounded::Sender;

#[derive(Debug)]
pub(crate) struct Idle {
    /// The one used last is used next, and the others grow old.
    senders: Mutex<Vec<(Sender, Instant)>>,
    age_max: Duration,
    max: usize,
}

impl Idle {
    pub(crate) fn new(max: usize, age_max: Duration) -> Self {
        Self { senders: Mutex::default(), age_max, max }
    }

    /// One that the backend has not closed, as far as is known. Closes those that are too old.
    pub(crate) fn take(&self, now: Instant) -> Option<Sender> {
        let mut senders = self.senders.lock();
        let age_max = self.age_max;
        senders.retain(|(sender, since)| {
            !sender.is_closed() && now.saturating_duration_since(*since) < age_max
        });
        senders.pop().map(|(sender, _)| sender)
    }

    pub(crate) fn put(&self, sender: Sender, now: Instant) {
        let mut senders = self.senders.lock();
        if !sender.is_closed() && senders.len() < self.max {
            senders.push((sender, now));
        }
    }
}
