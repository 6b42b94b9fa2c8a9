//! One connection's task: reads what the socket has into the core, and ends with the socket.
//! Writing is the flusher's; this task only waits for room when the socket is full.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use theseus_core::{ConnectionKey, Ending, Time};
use theseus_mqtt::ReasonCode;
use theseus_websocket::CloseCode;

use crate::clock::Clock;
use crate::local::{Link, Local, SCRATCH, State};
use crate::wire::Piece;

/// Reads from one socket before the others get a turn.
const READS_PER_TURN: usize = 4;

/// A turn that has lasted so long ends after the read it is at.
const TURN_MAX: Duration = Duration::from_millis(2);

/// The fewest bytes that are read in one go.
const ROOM_MIN: usize = 1024;

/// Serves one open connection until its socket is closed. Small: all state is in [`Local`].
pub(crate) struct Serve {
    local: Rc<Local>,
    key: ConnectionKey,
    /// What the handshake has read behind CONNECT; handled first.
    unread: Vec<u8>,
}

impl Serve {
    pub(crate) fn new(local: Rc<Local>, key: ConnectionKey, unread: Vec<u8>) -> Self {
        Self { local, key, unread }
    }
}

impl Future for Serve {
    type Output = ();

    /// A panic while this connection is handled ends this connection (invariant 7).
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let unread = std::mem::take(&mut self.unread);
        let Self { local, key, .. } = &*self;
        let now = local.clock.now();
        let turn = AssertUnwindSafe(|| {
            let mut state = local.state.borrow_mut();
            if !unread.is_empty() {
                state.shard.receive(now, *key, &unread);
            }
            state.serve(local.clock, now, *key, cx)
        });
        let poll = catch_unwind(turn).unwrap_or_else(|_| {
            tracing::error!("a connection panicked and was closed");
            let mut state = local.state.borrow_mut();
            state.shard.contain_panic(now, *key);
            state.close(now, *key)
        });
        local.schedule_flush();
        poll
    }
}

impl State {
    fn serve(
        &mut self,
        clock: Clock,
        now: Time,
        key: ConnectionKey,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(link) = self.links.get_mut(key) else { return Poll::Ready(()) };
        if !link.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            link.waker = Some(cx.waker().clone());
        }
        if link.blocked && link.wire.poll_room(cx).is_ready() {
            link.blocked = false;
            self.shard.wants_flush(key);
        }
        if self.is_over(key) {
            return self.close(now, key);
        }
        if self.shard.wants_read(key) {
            self.shard.catch_up(now, key);
        }
        for _ in 0..READS_PER_TURN {
            if self.links[key].shut {
                return self.await_end(now, key, cx);
            }
            if !self.shard.wants_read(key) {
                self.links[key].unread = true;
                return Poll::Pending;
            }
            match self.poll_read(now, key, cx) {
                Poll::Pending => {
                    // TLS may have computed for nothing.
                    if self.links[key].wire.is_secure() {
                        self.was_long(key, now.until(clock.now()));
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return self.lose(now, key, &error),
                Poll::Ready(Ok(0)) => return self.close(now, key),
                Poll::Ready(Ok(_)) if self.is_over(key) => return self.close(now, key),
                Poll::Ready(Ok(_)) => {}
            }
            if self.was_long(key, now.until(clock.now())) {
                break;
            }
        }
        // Not at once: who has work is woken behind those that the system has news for.
        let _ = pin!(tokio::task::yield_now()).poll(cx);
        Poll::Pending
    }

    /// True if a turn has lasted so long that others come first. What a byte costs is the client's
    /// choice (a filter is more than a payload): one whose bytes are dear gets fewer of them in a turn.
    fn was_long(&mut self, key: ConnectionKey, turn: Duration) -> bool {
        let was_long = turn >= TURN_MAX;
        if let Some(link) = self.links.get_mut(key) {
            let room = if was_long { link.room / 2 } else { link.room * 2 };
            link.room = room.clamp(ROOM_MIN, SCRATCH);
        }
        was_long
    }

    /// Reads once: into the shared scratch, or straight into a large packet's own buffer.
    fn poll_read(
        &mut self,
        now: Time,
        key: ConnectionKey,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let wire = &mut self.links[key].wire;
        let ahead = wire.direct_ahead();
        if ahead > 0
            && let Some((buffer, missing)) = self.shard.direct_read(key)
        {
            let count = ready!(wire.poll_read_direct(cx, buffer, missing.min(ahead)))?;
            self.shard.received_direct(now, key, count);
            return Poll::Ready(Ok(count));
        }
        let room = self.links[key].room;
        let wire = &mut self.links[key].wire;
        let count = ready!(wire.poll_read(cx, &mut self.scratch[..room]))?;
        Poll::Ready(Ok(self.take_in(now, key, count)))
    }

    /// Hands what was read into the scratch to the core; 0 if the client has closed.
    fn take_in(&mut self, now: Time, key: ConnectionKey, count: usize) -> usize {
        let mut at = 0;
        while let Some(piece) = self.links[key].wire.next(&mut self.scratch[..count], &mut at) {
            match piece {
                Piece::Mqtt(range) => self.shard.receive(now, key, &self.scratch[range]),
                Piece::Closed => {
                    // Best effort: who has said goodbye waits for no more than ours.
                    let _ = self.links[key].wire.shut(CloseCode::Normal);
                    return 0;
                }
                Piece::Broken(reason) => self.shard.fail(now, key, reason),
            }
        }
        if self.links[key].wire.owes() {
            self.shard.wants_flush(key);
        }
        count
    }

    /// Our side is shut: what the client still sends is dropped until it closes, so that the
    /// system does not reset the connection under our last packet.
    fn await_end(&mut self, now: Time, key: ConnectionKey, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.links[key].wire.poll_end(cx, &mut self.scratch));
        self.close(now, key)
    }

    /// True if nothing can be written or read any more. Shuts our side once all is written; a
    /// client that took its leave itself waits for nothing, and its socket is closed at once.
    fn is_over(&mut self, key: ConnectionKey) -> bool {
        let Some(link) = self.links.get_mut(key) else { return true };
        if link.broken || link.shut || !self.shard.is_finished(key) {
            return link.broken;
        }
        let mut code = CloseCode::Normal;
        match self.shard.ending(key) {
            Some(Ending::Client(_)) if !link.wire.has_goodbyes() => return true,
            Some(Ending::Server(reason)) => {
                tracing::debug!("connection closed: {reason}");
                if reason == ReasonCode::ServerShuttingDown {
                    code = CloseCode::GoingAway;
                }
            }
            Some(Ending::Client(_) | Ending::Lost) | None => {}
        }
        match link.wire.shut(code) {
            Ok(()) => link.shut = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                link.blocked = true;
                link.wake();
            }
            Err(_) => return true,
        }
        false
    }

    /// Nothing can be read any more: the network has failed, or the client broke the rules of TLS, which is
    /// an offence like any against MQTT. No DISCONNECT follows an alert that ends everything (RFC 8446, 6.2).
    fn lose(&mut self, now: Time, key: ConnectionKey, error: &io::Error) -> Poll<()> {
        if error.kind() == io::ErrorKind::InvalidData {
            tracing::debug!("connection closed: it is against the rules of TLS: {error}");
            self.shard.fail(now, key, ReasonCode::ProtocolError);
        }
        self.close(now, key)
    }

    /// Closes the socket and tells the core.
    pub(crate) fn close(&mut self, now: Time, key: ConnectionKey) -> Poll<()> {
        self.shard.socket_closed(now, key);
        let link: Option<Link> = self.links.remove(key);
        drop(link);
        Poll::Ready(())
    }
}
