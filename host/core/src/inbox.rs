//! What shards send each other: parcels in bounded inboxes, one lock and one wake per batch.
//! Sockets do not travel here; moving a connection is the shell's business.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use theseus_route::{Matches, Subscriber};

use crate::Message;
use crate::keys::{ConnectionKey, SessionKey};

/// A shard's number, from 0.
pub type ShardId = u16;

/// One thing for a shard to do, in the order it was sent.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// Queue a message for this shard's sessions among `matches`.
    Deliver(Deliver),
    /// A receiver's shard holds back an acknowledgement `count` times (0: it may go now).
    Held { ticket: Ticket, count: i32 },
    /// One of those holds is over.
    Release(Ticket),
    /// Read the next retained messages for a session's new subscriptions.
    Collect(SessionKey),
    /// All that was sent before the reading has been handled: replay may begin.
    Replay(SessionKey),
}

/// A message and whom it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) message: Message,
    /// The session that published it, for no-local.
    pub(crate) publisher: Subscriber,
    /// The acknowledgement that waits to hear of slow receivers.
    pub(crate) ticket: Option<Ticket>,
}

/// A message for those of its matches that live on the receiving shard.
#[derive(Debug)]
pub(crate) struct Deliver {
    pub(crate) outbound: Outbound,
    pub(crate) matches: Arc<Matches>,
    /// Deliveries done in earlier slices.
    pub(crate) done: usize,
    /// Slow receivers found in earlier slices.
    pub(crate) holds: i32,
}

impl Deliver {
    /// The delivery of `outbound`; its publisher waits for it if `asks`.
    pub(crate) fn new(mut outbound: Outbound, matches: Arc<Matches>, asks: bool) -> Self {
        outbound.ticket = outbound.ticket.filter(|_| asks);
        Self { outbound, matches, done: 0, holds: 0 }
    }
}

/// Names one withheld acknowledgement of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) shard: ShardId,
    pub(crate) connection: ConnectionKey,
    pub(crate) number: u32,
}

/// The parcels that wait for one shard.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    parcels: Mutex<VecDeque<Parcel>>,
    /// Read without the lock to slow publishers down; exact only under it.
    len: AtomicUsize,
}

/// Parcels in an inbox above which those who publish to it pause reading.
const INBOX_SOFT_MAX: usize = 16 * 1024;

impl Inbox {
    /// Appends `parcels` and leaves the vector empty. True if the shard must be woken.
    pub(crate) fn post(&self, parcels: &mut Vec<Parcel>) -> bool {
        let mut waiting = self.parcels.lock();
        let was_empty = waiting.is_empty();
        waiting.extend(parcels.drain(..));
        self.len.store(waiting.len(), Ordering::Relaxed);
        was_empty
    }

    /// Moves everything to the end of `work`.
    pub(crate) fn take(&self, work: &mut VecDeque<Parcel>) {
        if self.len.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut waiting = self.parcels.lock();
        if work.is_empty() {
            std::mem::swap(work, &mut *waiting);
        } else {
            work.append(&mut waiting);
        }
        self.len.store(0, Ordering::Relaxed);
    }

    /// True if publishers should wait before they send more.
    pub(crate) fn is_full(&self) -> bool {
        self.len.load(Ordering::Relaxed) > INBOX_SOFT_MAX
    }

    /// True if nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }
}
