//! What the shard threads see of each other: wakers, arriving connections, and orders that all
//! of them carry out together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use atomic_waker::AtomicWaker;
use theseus_core::{Admission, ShardId};

use crate::listen::Seat;
use crate::moving::Move;
use crate::stop::Stop;
use crate::wire::Parked;

/// All shard threads of this process.
pub(crate) struct Peers {
    peers: Box<[Peer]>,
    order: Mutex<Option<Order>>,
    /// Rises with each order, so that a shard sees without a lock that there is a new one.
    orders: AtomicU64,
}

/// One shard thread as the others see it.
#[derive(Default)]
struct Peer {
    waker: AtomicWaker,
    /// Bounded by the listeners' `max_connections`: each arrival has its seat.
    arrivals: Mutex<Vec<Arrival>>,
}

/// An admitted client on its way to its home shard: wire, unread bytes and CONNECT, as data.
pub(crate) struct Arrival {
    pub(crate) wire: Parked,
    pub(crate) unread: Vec<u8>,
    pub(crate) admission: Admission,
    pub(crate) seat: Seat,
}

/// Something every shard thread takes part in; given by the main thread, one at a time.
#[derive(Clone)]
pub(crate) enum Order {
    Move(Arc<Move>),
    Stop(Arc<Stop>),
}

impl Peers {
    pub(crate) fn new(shards: ShardId) -> Arc<Self> {
        Arc::new(Self {
            peers: (0..shards).map(|_| Peer::default()).collect(),
            order: Mutex::new(None),
            orders: AtomicU64::new(0),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// Lets `shard` look at its inbox, its arrivals and the orders.
    pub(crate) fn wake(&self, shard: ShardId) {
        self.peers[usize::from(shard)].waker.wake();
    }

    /// `waker` is what [`Peers::wake`] wakes.
    pub(crate) fn register(&self, shard: ShardId, waker: &std::task::Waker) {
        self.peers[usize::from(shard)].waker.register(waker);
    }

    /// Hands a connection to its home shard.
    pub(crate) fn send(&self, shard: ShardId, arrival: Arrival) {
        lock(&self.peers[usize::from(shard)].arrivals).push(arrival);
        self.wake(shard);
    }

    /// Takes the connections that have arrived on `shard`.
    pub(crate) fn arrivals(&self, shard: ShardId) -> Vec<Arrival> {
        std::mem::take(&mut *lock(&self.peers[usize::from(shard)].arrivals))
    }

    /// Tells every shard to carry out `order`.
    pub(crate) fn give(&self, order: Order) {
        *lock(&self.order) = Some(order);
        self.orders.fetch_add(1, Ordering::Release);
        self.peers.iter().for_each(|peer| peer.waker.wake());
    }

    /// The order given since `seen`, if any; `seen` is brought up to date.
    pub(crate) fn order_since(&self, seen: &mut u64) -> Option<Order> {
        let orders = self.orders.load(Ordering::Acquire);
        if orders == *seen {
            return None;
        }
        *seen = orders;
        lock(&self.order).clone()
    }
}

/// Nothing panics while it holds these locks, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
