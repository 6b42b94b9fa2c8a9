//! The root task of a shard thread: after the connections that were ready have had their turn, it
//! does the parcels and deadlines, writes every connection that has something to write, and wakes
//! the other shards once.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use theseus_core::{ConnectionKey, Time};
use tokio::time::{Instant, Sleep};

use crate::events;
use crate::local::{Local, State};
use crate::peers::{Arrival, Order};
use crate::questions;
use crate::stop::Stopping;

/// Runs until the broker has stopped.
pub(crate) struct Flusher {
    local: Rc<Local>,
    timer: Pin<Box<Sleep>>,
    /// What the timer is set to.
    deadline: Option<Time>,
    orders_seen: u64,
    stopping: Option<Stopping>,
}

impl Flusher {
    /// The flusher of `local`; needs the thread's runtime for its timer.
    pub(crate) fn new(local: Rc<Local>) -> Self {
        let timer = Box::pin(tokio::time::sleep_until(Instant::now()));
        Self { local, timer, deadline: None, orders_seen: 0, stopping: None }
    }

    /// Does what there is to do now; true if more is left for the next turn.
    fn turn(&mut self) -> bool {
        let local = &self.local;
        local.peers.arrivals(local.id).into_iter().for_each(|arrival| welcome(local, arrival));
        let now = local.clock.now();
        let mut state = local.state.borrow_mut();
        state.shard.handle_timeout(now);
        state.shard.work(now);
        state.flush(now);
        events::pass_on(local, &mut state);
        state.shard.post().for_each(|shard| local.peers.wake(shard));
        // A flush may have asked for more, as a replay of retained messages does.
        let more = state.shard.has_work();
        drop(state);
        // Last: a deadline may have ended a session whose will has to be asked about.
        questions::ask_all(local);
        more
    }

    fn obey(&mut self) {
        let Some(order) = self.local.peers.order_since(&mut self.orders_seen) else { return };
        match order {
            Order::Move(moving) => moving.carry_out(&self.local),
            Order::Stop(stop) => self.stopping = Some(stop.carry_out(&self.local)),
        }
    }

    /// Sets the timer to the core's next deadline, if that has changed.
    fn arm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.local.state.borrow().shard.poll_timeout();
        if deadline != self.deadline {
            self.deadline = deadline;
            if let Some(at) = deadline {
                self.timer.as_mut().reset(self.local.clock.instant(at).into());
            }
        }
        match self.deadline {
            Some(_) => self.timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

/// Takes in a connection that another shard has accepted.
fn welcome(local: &Rc<Local>, arrival: Arrival) {
    let broker = local.state.borrow().shard.broker().clone();
    let home = broker.home(arrival.admission.client_id());
    if home != local.id {
        // Its session was moved while it was on its way.
        return local.peers.send(home, arrival);
    }
    let Arrival { wire, unread, admission, seat } = arrival;
    match wire.resume() {
        Ok(wire) => local.adopt(wire, admission, unread, seat),
        Err(error) => tracing::warn!("a connection was lost on its way here: {error}"),
    }
}

impl Future for Flusher {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // First of all: whatever comes from now on wakes this task again.
        this.local.flushing(cx.waker());
        this.obey();
        let more = this.turn();
        if this.stopping.as_ref().is_some_and(|stopping| stopping.is_done(&this.local)) {
            return Poll::Ready(());
        }
        let due = this.arm(cx).is_ready();
        if due {
            this.deadline = None;
        }
        if more || due {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl State {
    /// Writes every connection that has something to write.
    pub(crate) fn flush(&mut self, now: Time) {
        while let Some(key) = self.shard.poll_dirty() {
            self.flush_connection(now, key);
        }
        while let Some(key) = self.shard.poll_expired() {
            if let Some(link) = self.links.get_mut(key) {
                link.broken = true;
                link.wake();
            }
        }
    }

    fn flush_connection(&mut self, now: Time, key: ConnectionKey) {
        self.write(now, key);
        let Some(link) = self.links.get_mut(key) else { return };
        let reads_again = link.unread && self.shard.wants_read(key);
        if reads_again {
            link.unread = false;
        }
        if reads_again || link.broken || self.shard.is_finished(key) {
            link.wake();
        }
    }

    /// Writes until the socket is full or nothing is left.
    fn write(&mut self, now: Time, key: ConnectionKey) {
        loop {
            let more = self.shard.transmit(now, key);
            let (Some(outgoing), Some(link)) = (self.shard.outgoing(key), self.links.get_mut(key))
            else {
                return;
            };
            let idle = outgoing.is_empty() && !link.wire.owes();
            if idle || link.blocked || link.broken {
                break;
            }
            let before = outgoing.remaining();
            let result = link.wire.write(outgoing);
            let after = outgoing.remaining();
            self.shard.wrote(before - after);
            match result {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Its task waits for room, and then asks for this flush again.
                    link.blocked = true;
                    link.wake();
                }
                Err(_) => {
                    // What is queued stays queued: it may be for a session that is kept.
                    link.broken = true;
                    return;
                }
            }
            if after == 0 && !more && !link.wire.owes() {
                break;
            }
        }
        self.shard.reclaim(key);
    }
}
