//! One connection's task: reads what the socket has into the core, and ends with the socket.
//! Writing is the flusher's; this task only waits for room when the socket is full.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use theseus_core::{ConnectionKey, Ending, Time};

use crate::local::{Link, Local, State};

/// Reads from one socket before the others get a turn.
const READS_PER_TURN: usize = 4;

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
            state.serve(now, *key, cx)
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
    fn serve(&mut self, now: Time, key: ConnectionKey, cx: &mut Context<'_>) -> Poll<()> {
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
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0) | Err(_)) => return self.close(now, key),
                Poll::Ready(Ok(_)) if self.is_over(key) => return self.close(now, key),
                Poll::Ready(Ok(_)) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once: into the shared scratch, or straight into a large packet's own buffer.
    fn poll_read(
        &mut self,
        now: Time,
        key: ConnectionKey,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let wire = &mut self.links[key].wire;
        if let Some((buffer, missing)) = self.shard.direct_read(key) {
            let count = ready!(wire.poll_read_direct(cx, buffer, missing))?;
            self.shard.received_direct(now, key, count);
            return Poll::Ready(Ok(count));
        }
        let count = ready!(wire.poll_read(cx, &mut self.scratch))?;
        if count > 0 {
            self.shard.receive(now, key, &self.scratch[..count]);
        }
        Poll::Ready(Ok(count))
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
        match self.shard.ending(key) {
            Some(Ending::Client) => return true,
            Some(Ending::Server(reason)) => tracing::debug!("connection closed: {reason}"),
            Some(Ending::Lost) | None => {}
        }
        link.shut = true;
        link.wire.shut().is_err()
    }

    /// Closes the socket and tells the core.
    pub(crate) fn close(&mut self, now: Time, key: ConnectionKey) -> Poll<()> {
        self.shard.socket_closed(now, key);
        let link: Option<Link> = self.links.remove(key);
        drop(link);
        Poll::Ready(())
    }
}
