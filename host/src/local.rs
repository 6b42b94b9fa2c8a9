//! What one shard thread owns: its half of the core, its sockets, its scratch buffer.
//! Everything on the thread borrows it in turns; no borrow lives across an `.await`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use slotmap::SecondaryMap;
use theseus_ban::Table as Bans;
use theseus_core::{Admission, Broker, ConnectionKey, Shard, ShardId};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::feed::Feed;
use crate::listen::Seat;
use crate::logins::Logins;
use crate::peers::Peers;
use crate::questions::{Asked, Questions};
use crate::reauthentication::Exchange;
use crate::serve::Serve;
use crate::tls;
use crate::wire::Wire;

/// One shard thread.
pub(crate) struct Local {
    pub(crate) id: ShardId,
    pub(crate) clock: Clock,
    pub(crate) peers: Arc<Peers>,
    pub(crate) logins: Arc<Logins>,
    pub(crate) bans: Arc<Bans>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) questions: Arc<Questions>,
    broker: Arc<Broker>,
    pub(crate) state: RefCell<State>,
    /// Computing for a handshake takes as long as hundreds of messages: one step of one at a time, and between
    /// two everybody else has a turn.
    pub(crate) handshake_step: Semaphore,
    /// The client of a new connection may not be trusted any more.
    pub(crate) sweep_due: Cell<bool>,
    /// Wakes the flusher, which is the root task of the thread.
    flusher: RefCell<Option<Waker>>,
    flush_due: Cell<bool>,
}

/// The state behind the cell.
pub(crate) struct State {
    pub(crate) shard: Shard,
    pub(crate) links: SecondaryMap<ConnectionKey, Link>,
    /// Where sockets are read into; nothing in it outlives one read.
    pub(crate) scratch: Box<[u8]>,
}

/// The wire of a connection, beside what the core keeps of it.
pub(crate) struct Link {
    pub(crate) wire: Wire,
    /// The connection's task.
    pub(crate) waker: Option<Waker>,
    /// The socket takes no more; its task waits until it does.
    pub(crate) blocked: bool,
    /// The task does not wait for bytes, because the core wants none.
    pub(crate) unread: bool,
    /// Bytes that are read from it in one go.
    pub(crate) room: usize,
    /// Writing has failed: the connection is over.
    pub(crate) broken: bool,
    /// The last bytes are written and our side is shut; the client's end is awaited.
    pub(crate) shut: bool,
    pub(crate) seat: Seat,
    pub(crate) exchange: Exchange,
    /// Whether its client may stay is asked.
    pub(crate) revalidation: Option<Asked>,
    /// What its packet waits for.
    pub(crate) asked: Option<Asked>,
}

/// What all shards use, beside the broker.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) peers: Arc<Peers>,
    pub(crate) clock: Clock,
    pub(crate) logins: Arc<Logins>,
    pub(crate) bans: Arc<Bans>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) questions: Arc<Questions>,
}

/// Bytes read from one socket at a time.
pub(crate) const SCRATCH: usize = 64 * 1024;

impl Local {
    pub(crate) fn new(shard: Shard, id: ShardId, shared: Shared) -> Rc<Self> {
        let Shared { peers, clock, logins, bans, feed, questions } = shared;
        let broker = shard.broker().clone();
        let state = State {
            shard,
            links: SecondaryMap::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
        };
        Rc::new(Self {
            id,
            clock,
            peers,
            logins,
            bans,
            feed,
            questions,
            broker,
            state: RefCell::new(state),
            handshake_step: Semaphore::new(1),
            sweep_due: Cell::new(false),
            flusher: RefCell::new(None),
            flush_due: Cell::new(false),
        })
    }

    /// What all shards share.
    pub(crate) fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// Runs the flusher once the tasks that are ready now have had their turn: what they all
    /// produce is written together.
    pub(crate) fn schedule_flush(&self) {
        if self.flush_due.replace(true) {
            return;
        }
        if let Some(waker) = &*self.flusher.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The flusher runs; it is woken by `waker` next time.
    pub(crate) fn flushing(&self, waker: &Waker) {
        self.flush_due.set(false);
        let mut flusher = self.flusher.borrow_mut();
        if !flusher.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *flusher = Some(waker.clone());
        }
        // Each wake uses the registration up.
        self.peers.register(self.id, waker);
    }

    /// Gives an admitted client its session and its task, or refuses it.
    pub(crate) fn adopt(
        self: &Rc<Self>,
        wire: Wire,
        admission: Admission,
        unread: Vec<u8>,
        seat: Seat,
    ) {
        let recipient = admission.recipient();
        let now = self.clock.now();
        let mut state = self.state.borrow_mut();
        match state.shard.connect(now, admission) {
            Ok(key) => {
                drop(state);
                self.attach(key, wire, unread, seat);
            }
            Err(reason) => {
                wire.refuse(&theseus_core::refusal(recipient, reason, None));
                drop(state);
                // An earlier connection of this client may have ended all the same.
                self.schedule_flush();
            }
        }
    }

    /// Starts the task that serves an open connection on `wire`, of which `unread` was read.
    pub(crate) fn attach(
        self: &Rc<Self>,
        key: ConnectionKey,
        wire: Wire,
        unread: Vec<u8>,
        seat: Seat,
    ) {
        let owes = wire.owes();
        let link = Link {
            wire,
            waker: None,
            blocked: false,
            unread: false,
            room: SCRATCH,
            broken: false,
            shut: false,
            seat,
            exchange: Exchange::default(),
            revalidation: None,
            asked: None,
        };
        if tls::is_due(&link) {
            self.sweep_due.set(true);
        }
        let mut state = self.state.borrow_mut();
        state.links.insert(key, link);
        if owes {
            state.shard.wants_flush(key);
        }
        drop(state);
        tokio::task::spawn_local(Serve::new(self.clone(), key, unread));
        self.schedule_flush();
    }
}

impl Link {
    /// Lets the connection's task look again.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
