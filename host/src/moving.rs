//! Moving live connections to another shard, for tests (`testing.move_connections_every`): the
//! connection and its session become bytes on one shard and go on from them on another.
//! All shards stand still meanwhile; the same road will lead to a successor process.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};

use theseus_core::ShardId;
use theseus_policy::Challenger;

use crate::listen::Seat;
use crate::local::Local;
use crate::peers::{Order, Peers};
use crate::reauthentication::Exchange;
use crate::wire::Parked;

/// One move: from one shard to the next, of a connection chosen by `round`.
pub(crate) struct Move {
    from: ShardId,
    to: ShardId,
    round: usize,
    /// Every shard has handed out what it had for others, and stands still.
    standing: Barrier,
    /// The connection is bytes.
    frozen: Barrier,
    /// It lives on its new shard.
    thawed: Barrier,
    parcel: Mutex<Option<Parcel>>,
    /// A connection lives on another shard now.
    moved: AtomicBool,
    /// Shards that have done their part.
    done: AtomicUsize,
}

/// A connection between two shards.
struct Parcel {
    snapshot: Vec<u8>,
    wire: Parked,
    seat: Seat,
    /// Whoever challenged the client must be asked with its answer.
    challenger: Option<Challenger>,
}

impl Move {
    /// Has the shards carry out one move, and waits for it; true if a connection was moved.
    pub(crate) async fn carry_out_once(peers: &Peers, round: usize) -> bool {
        let shards = peers.len();
        let from = round % shards;
        let moving = Arc::new(Self {
            from: from as ShardId,
            to: ((from + 1 + round / shards % (shards - 1)) % shards) as ShardId,
            round,
            standing: Barrier::new(shards),
            frozen: Barrier::new(shards),
            thawed: Barrier::new(shards),
            parcel: Mutex::new(None),
            moved: AtomicBool::new(false),
            done: AtomicUsize::new(0),
        });
        peers.give(Order::Move(moving.clone()));
        // The next order may only be given when every shard has seen this one to its end.
        while moving.done.load(Ordering::Acquire) < shards {
            tokio::time::sleep(std::time::Duration::from_micros(200)).await;
        }
        moving.moved.load(Ordering::Relaxed)
    }

    /// One shard's part.
    pub(crate) fn carry_out(&self, local: &Rc<Local>) {
        self.stand_still(local);
        if local.id == self.from {
            *self.parcel() = self.freeze(local);
        }
        self.frozen.wait();
        if local.id == self.to
            && let Some(parcel) = self.parcel().take()
        {
            self.moved.store(thaw(local, parcel), Ordering::Relaxed);
        }
        self.thawed.wait();
        self.done.fetch_add(1, Ordering::Release);
    }

    /// Hands out everything for other shards, then waits until all have.
    fn stand_still(&self, local: &Local) {
        let mut state = local.state.borrow_mut();
        state.shard.post().for_each(|shard| local.peers.wake(shard));
        self.standing.wait();
    }

    fn freeze(&self, local: &Local) -> Option<Parcel> {
        let now = local.clock.now();
        let mut state = local.state.borrow_mut();
        while state.shard.work(now) {}
        let open: Vec<_> = state.shard.open_connections().collect();
        let key = *open.get(self.round.checked_rem(open.len())?)?;
        let snapshot = state.shard.freeze(now, key, self.to)?;
        // What the work of this shard means for others is with them before they go on.
        state.shard.post().for_each(|shard| local.peers.wake(shard));
        let link = state.links.remove(key)?;
        link.wake();
        let wire = link.wire.park().ok()?;
        Some(Parcel { snapshot, wire, seat: link.seat, challenger: link.exchange.challenger })
    }

    fn parcel(&self) -> std::sync::MutexGuard<'_, Option<Parcel>> {
        self.parcel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Continues a frozen connection on this shard; false if it is lost.
fn thaw(local: &Rc<Local>, parcel: Parcel) -> bool {
    let now = local.clock.now();
    let thawed = local.state.borrow_mut().shard.thaw(now, &parcel.snapshot);
    let key = match thawed {
        Ok(key) => key,
        Err(error) => {
            tracing::error!("a moved connection is lost: {error}");
            return false;
        }
    };
    match parcel.wire.resume() {
        Ok(wire) => {
            local.attach(key, wire, Vec::new(), parcel.seat);
            if let Some(link) = local.state.borrow_mut().links.get_mut(key) {
                link.exchange = Exchange::moved(parcel.challenger);
            }
            true
        }
        Err(error) => {
            tracing::error!("a moved connection is lost: {error}");
            local.state.borrow_mut().shard.socket_closed(now, key);
            false
        }
    }
}
