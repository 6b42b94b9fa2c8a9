//! What a shard does besides its own sockets: parcels from other shards and deadlines.

use crate::Time;
use crate::inbox::{Deliver, Parcel, Ticket};
use crate::keys::ConnectionKey;
use crate::shard::Shard;
use crate::timers::Timer;
use theseus_mqtt::ReasonCode;

/// Parcels handled in one go before sockets get a turn.
const BATCH: usize = 1024;

impl Shard {
    /// True if parcels wait, here or in the inbox.
    pub fn has_work(&self) -> bool {
        !self.work.is_empty() || !self.broker.inboxes[usize::from(self.id)].is_empty()
    }

    /// Handles a batch of parcels, in the order they were sent; true if more are waiting.
    pub fn work(&mut self, now: Time) -> bool {
        let broker = self.broker.clone();
        let inbox = &broker.inboxes[usize::from(self.id)];
        inbox.take(&mut self.work);
        for _ in 0..BATCH {
            let Some(parcel) = self.work.pop_front() else { return false };
            let size = parcel.size();
            match parcel {
                Parcel::Deliver(deliver) => {
                    if !self.handle_deliver(now, deliver) {
                        return true;
                    }
                }
                Parcel::Share(share) => self.handle_share(now, share),
                Parcel::PassOn(mut legacy) => {
                    if !self.pass_slice(now, &mut legacy) {
                        self.work.push_front(Parcel::PassOn(legacy));
                        return true;
                    }
                }
                Parcel::Held { ticket, count } => self.handle_held(now, ticket, count),
                Parcel::Release(ticket) => self.handle_release(now, ticket),
                Parcel::Collect(session) => self.collect_retained(session),
                Parcel::Revalidate(request) => self.handle_request(&request),
                Parcel::Replay(session) => self.start_replay(session),
            }
            inbox.discharge(1, size);
        }
        self.has_work()
    }

    /// Has the shard do something behind all it has been sent before.
    pub(crate) fn push_work(&mut self, parcel: Parcel) {
        self.broker.inboxes[usize::from(self.id)].charge(std::iter::once(&parcel));
        self.work.push_back(parcel);
    }

    /// Does one slice of a fan-out; false if it is not through and others should have a turn.
    fn handle_deliver(&mut self, now: Time, mut deliver: Deliver) -> bool {
        if !self.deliver_slice(now, &mut deliver) {
            // Stays in front: what was sent after it must not overtake it.
            self.work.push_front(Parcel::Deliver(deliver));
            return false;
        }
        self.tell_holds(now, deliver.outbound.ticket, deliver.holds);
        true
    }

    /// Tells a publisher that asked how often this shard holds its acknowledgement back.
    pub(crate) fn tell_holds(&mut self, now: Time, ticket: Option<Ticket>, count: i32) {
        let Some(ticket) = ticket else { return };
        if ticket.shard == self.id {
            self.handle_held(now, ticket, count);
        } else {
            self.outbox[usize::from(ticket.shard)].push(Parcel::Held { ticket, count });
        }
    }

    /// Does everything whose deadline is not after `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::KeepAlive(key) => self.handle_keep_alive_timer(now, key),
                Timer::Grant(key) => self.handle_grant_timer(now, key),
                Timer::Revalidation(key) => self.handle_revalidation_timer(key),
                Timer::Exchange(key) => self.handle_exchange_timer(now, key),
                Timer::Pause(key) => self.handle_pause_timer(now, key),
                Timer::Limit(key) => self.handle_limit_timer(now, key),
                Timer::Linger(key) => self.handle_linger_timer(key),
                Timer::Absence(key) => self.handle_absence_timer(now, key),
                Timer::Pressure(key) => self.handle_pressure_timer(now, key),
            }
        }
    }

    /// Answers a PINGREQ [MQTT-3.12.4-1].
    pub(crate) fn handle_pingreq(&mut self, key: ConnectionKey) {
        self.write_packet(key, &theseus_mqtt::Packet::PingResp);
    }

    /// Closes a client that has been silent for too long, or looks again when it may have been
    /// [MQTT-3.1.2-22]. A client we do not read from cannot be blamed for silence.
    fn handle_keep_alive_timer(&mut self, now: Time, key: ConnectionKey) {
        let Some(connection) = self.connections.get(key) else { return };
        let Some(keep_alive) = connection.protocol.keep_alive else { return };
        if !connection.is_open() {
            return;
        }
        let paused = connection.is_kept_waiting();
        let deadline = if paused { now } else { connection.last_packet }.after(keep_alive);
        if deadline > now {
            return self.timers.set(deadline, Timer::KeepAlive(key));
        }
        self.metrics().keep_alive_timeouts.add(1);
        self.close(now, key, ReasonCode::KeepAliveTimeout);
    }

    /// What a client was given at CONNECT is over: it has to show again who it is.
    fn handle_grant_timer(&mut self, now: Time, key: ConnectionKey) {
        self.metrics().grants_expired.add(1);
        self.close(now, key, ReasonCode::NotAuthorized);
    }

    /// The last bytes have had their time.
    fn handle_linger_timer(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.outgoing.clear();
        self.mark_expired(key);
    }
}
