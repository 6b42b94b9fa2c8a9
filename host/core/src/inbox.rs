//! What shards send each other: parcels in bounded inboxes, one lock and one wake per batch.
//! Sockets do not travel here; moving a connection is the shell's business.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use theseus_route::{Matches, Subscriber};

use crate::Message;
use crate::keys::{ConnectionKey, SessionKey};
use crate::round::Request;
use crate::shared::{Legacy, Share};

/// A shard's number, from 0.
pub type ShardId = u16;

/// One thing for a shard to do, in the order it was sent.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// Queue a message for this shard's sessions among `matches`.
    Deliver(Deliver),
    /// Queue a message for the member of a group that was picked for it.
    Share(Share),
    /// Find other members for what one left behind.
    PassOn(Legacy),
    /// A receiver's shard holds back an acknowledgement `count` times (0: it may go now).
    Held { ticket: Ticket, count: i32 },
    /// One of those holds is over.
    Release(Ticket),
    /// Read the next retained messages for a session's new subscriptions.
    Collect(SessionKey),
    /// An operator wants clients asked about.
    Revalidate(Arc<Request>),
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

impl Parcel {
    /// Bytes it keeps in memory.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Deliver(deliver) => deliver.outbound.message.size(),
            Self::Share(share) => share.message.size(),
            Self::PassOn(legacy) => legacy.size,
            Self::Held { .. }
            | Self::Release(_)
            | Self::Collect(_)
            | Self::Revalidate(_)
            | Self::Replay(_) => 0,
        }
    }
}

/// Names one withheld acknowledgement of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) shard: ShardId,
    pub(crate) connection: ConnectionKey,
    pub(crate) number: u32,
}

/// The parcels that wait for one shard, and the account of all it has not handled yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    parcels: Mutex<VecDeque<Parcel>>,
    /// Parcels behind the lock; read without it to see whether there are any.
    waiting: AtomicUsize,
    /// Parcels and bytes sent to the shard, by others and by itself, and not handled yet.
    unhandled: AtomicUsize,
    unhandled_bytes: AtomicUsize,
}

impl Inbox {
    /// Appends `parcels` and leaves the vector empty. True if the shard must be woken.
    pub(crate) fn post(&self, parcels: &mut Vec<Parcel>) -> bool {
        self.charge(parcels.iter());
        let mut waiting = self.parcels.lock();
        let was_empty = waiting.is_empty();
        waiting.extend(parcels.drain(..));
        self.waiting.store(waiting.len(), Ordering::Relaxed);
        was_empty
    }

    /// Moves everything to the end of `work`; it stays charged until it is handled.
    pub(crate) fn take(&self, work: &mut VecDeque<Parcel>) {
        if self.is_empty() {
            return;
        }
        let mut waiting = self.parcels.lock();
        if work.is_empty() {
            std::mem::swap(work, &mut *waiting);
        } else {
            work.append(&mut waiting);
        }
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Notes parcels that the shard has been sent.
    pub(crate) fn charge<'a>(&self, parcels: impl Iterator<Item = &'a Parcel>) {
        let (count, bytes) =
            parcels.fold((0, 0), |(count, bytes), parcel| (count + 1, bytes + parcel.size()));
        self.unhandled.fetch_add(count, Ordering::Relaxed);
        self.unhandled_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes that the shard has handled `count` parcels of `bytes` bytes.
    pub(crate) fn discharge(&self, count: usize, bytes: usize) {
        self.unhandled.fetch_sub(count, Ordering::Relaxed);
        self.unhandled_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// True if the shard has more to handle than either bound.
    pub(crate) fn is_over(&self, len_max: usize, bytes_max: usize) -> bool {
        self.unhandled.load(Ordering::Relaxed) > len_max
            || self.unhandled_bytes.load(Ordering::Relaxed) > bytes_max
    }

    /// True if nothing waits behind the lock.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }
}
