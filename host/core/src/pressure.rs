//! The slow-receiver rule: a queue over its soft limit holds back its publishers'
//! acknowledgements, for a bounded time, and a receiver that takes nothing is closed.

use std::sync::atomic::Ordering;

use theseus_mqtt::ReasonCode;

use crate::Time;
use crate::inbox::{Parcel, Ticket};
use crate::keys::SessionKey;
use crate::shard::Shard;
use crate::timers::Timer;

/// Publishers that one slow receiver holds back at the most; further ones are let go.
const WAITING_MAX: usize = 16 * 1024;

impl Shard {
    /// Looks at a queue that has just grown; true if `ticket` has to wait for it.
    pub(crate) fn press(&mut self, now: Time, key: SessionKey, ticket: Option<Ticket>) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let limits = self.broker.limits.of(session.listener);
        // Offline sessions never stall anyone.
        if session.connection.is_none()
            || !session.queue.is_over(limits.queue_len_soft(), limits.queue_bytes_soft())
        {
            return false;
        }
        let pressure = &mut session.pressure;
        if pressure.since.is_none() {
            self.broker.pressed[usize::from(self.id)].fetch_add(1, Ordering::Relaxed);
            pressure.begin(now);
        }
        let since = pressure.slow_since(now, limits);
        self.timers.set(since.after(limits.stall_max), Timer::Pressure(key));
        let Some(ticket) = ticket else { return false };
        let may_hold = now < since.after(limits.stall_max) && pressure.waiting.len() < WAITING_MAX;
        if may_hold {
            pressure.waiting.push(ticket);
        }
        may_hold
    }

    /// Looks at a queue that has just shrunk: below half the soft limit, everyone may go on.
    pub(crate) fn ease(&mut self, now: Time, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let limits = self.broker.limits.of(session.listener);
        let (len, bytes) = (limits.queue_len_soft() / 2, limits.queue_bytes_soft() / 2);
        if session.pressure.since.is_some() && !session.queue.is_over(len, bytes) {
            self.relieve(now, key);
        }
    }

    /// This session presses on nobody any more.
    pub(crate) fn relieve(&mut self, now: Time, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.pressure.since.take().is_some() {
            self.broker.pressed[usize::from(self.id)].fetch_sub(1, Ordering::Relaxed);
        }
        let waiting = std::mem::take(&mut session.pressure.waiting);
        waiting.into_iter().for_each(|ticket| self.release(now, ticket));
    }

    /// A slow receiver's time is over: first its publishers go on, later it is closed.
    pub(crate) fn handle_pressure_timer(&mut self, now: Time, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let limits = self.broker.limits.of(session.listener);
        if session.pressure.since.is_none() {
            return;
        }
        let since = session.pressure.slow_since(now, limits);
        let stalled = since.after(limits.stall_max);
        if now < stalled {
            return self.timers.set(stalled, Timer::Pressure(key));
        }
        let waiting = std::mem::take(&mut session.pressure.waiting);
        let progress = session.pressure.progress;
        let connection = session.connection;
        let shutdown = limits.shutdown_after.map(|span| progress.after(span));
        self.metrics().acks_released_by_stall.add(waiting.len() as u64);
        waiting.into_iter().for_each(|ticket| self.release(now, ticket));
        match (shutdown, connection) {
            (Some(at), Some(connection)) if at <= now => {
                self.metrics().force_shutdowns.add(1);
                self.close(now, connection, ReasonCode::QuotaExceeded);
            }
            (Some(at), Some(_)) => self.timers.set(at, Timer::Pressure(key)),
            _ => {}
        }
    }

    /// One hold of a withheld acknowledgement is over, wherever its publisher lives.
    pub(crate) fn release(&mut self, now: Time, ticket: Ticket) {
        if ticket.shard == self.id {
            self.handle_release(now, ticket);
        } else {
            self.outbox[usize::from(ticket.shard)].push(Parcel::Release(ticket));
        }
    }
}
