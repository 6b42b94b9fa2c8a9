//! Acknowledgements, both ways: what we owe publishers (withheld while receivers are slow) and
//! what receivers send us for what they got.

use theseus_mqtt::{self as mqtt, Packet, PacketId, PacketType, QoS, ReasonCode};

use crate::Time;
use crate::connection::{ANSWERS_MAX, Ack, AckKind, Connection, Withheld};
use crate::deliver::Routed;
use crate::explanation;
use crate::inbox::{ShardId, Ticket};
use crate::inflight::{Inflight, Outcome};
use crate::keys::ConnectionKey;
use crate::shard::Shard;
use crate::timers::Timer;

impl Shard {
    /// Answers a PUBLISH now, or once its slow receivers and all older answers allow it.
    pub(crate) fn acknowledge(&mut self, now: Time, key: ConnectionKey, ack: Ack, routed: &Routed) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let limits = self.broker.limits.of(connection.protocol.listener);
        if connection.withheld.is_empty() && routed.holds == 0 && routed.asked == 0 {
            return self.write_ack(key, ack);
        }
        let deadline = now.after(limits.stall_max);
        self.timers.set(deadline, Timer::Pause(key));
        let number = connection.next_ticket;
        connection.next_ticket = number.wrapping_add(1);
        connection.withheld.push_back(Withheld {
            number,
            ack,
            holds: routed.holds,
            asked: routed.asked,
            deadline,
        });
        // 3.x has no Receive Maximum to slow the client down with: stop reading instead. But not
        // so soon from a slow receiver: it may wait for itself, and its queue drains by what it
        // acknowledges.
        let session = self.sessions.get(connection.session);
        let is_pressed = session.is_some_and(|session| session.pressure.since.is_some());
        let patience = if is_pressed { PATIENCE_WITH_SLOW } else { 1 };
        let most = usize::from(limits.receive_maximum) * patience;
        if !connection.is_v5() && connection.withheld.len() >= most {
            connection.paused_until = Some(deadline);
            self.metrics().reads_paused.add(1);
        }
        self.metrics().acks_withheld.add(1);
    }

    /// A shard says how many of its receivers hold this acknowledgement back.
    pub(crate) fn handle_held(&mut self, now: Time, ticket: Ticket, count: i32) {
        if let Some(withheld) = self.withheld(ticket) {
            withheld.asked = withheld.asked.saturating_sub(1);
            withheld.holds += count;
            self.give_back(now, ticket.connection);
        }
    }

    /// A slow receiver has drained.
    pub(crate) fn handle_release(&mut self, now: Time, ticket: Ticket) {
        if let Some(withheld) = self.withheld(ticket) {
            withheld.holds -= 1;
            self.give_back(now, ticket.connection);
        }
    }

    /// A pause or the time of the oldest withheld acknowledgement may be over.
    pub(crate) fn handle_pause_timer(&mut self, now: Time, key: ConnectionKey) {
        self.give_back(now, key);
        let Some(connection) = self.connections.get(key) else { return };
        let oldest = connection.withheld.front().map(|withheld| withheld.deadline);
        let pause = connection.paused_until.filter(|until| *until > now);
        if let Some(at) = oldest.into_iter().chain(pause).min() {
            self.timers.set(at, Timer::Pause(key));
        }
        if connection.paused_until.is_some_and(|until| until <= now) {
            self.end_pause(now, key);
        }
    }

    /// A pause has had its time: it goes on only for an inbox that is still full.
    fn end_pause(&mut self, now: Time, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let waits_for = connection.waits_for.take();
        match waits_for.filter(|shard| self.broker.is_full(*shard)) {
            Some(shard) => {
                connection.paused_until = None;
                self.pause_for_inbox(now, key, shard);
            }
            None => self.resume(key),
        }
    }

    /// Pauses reading for a moment: the inbox of a shard it publishes to is full.
    pub(crate) fn pause_for_inbox(&mut self, now: Time, key: ConnectionKey, full: ShardId) {
        let until = now.after(INBOX_PAUSE);
        if let Some(connection) = self.connections.get_mut(key)
            && connection.paused_until.is_none()
        {
            connection.paused_until = Some(until);
            connection.waits_for = Some(full);
            self.timers.set(until, Timer::Pause(key));
            self.metrics().inbox_full.add(1);
        }
    }

    /// A PUBACK for what we sent [MQTT-4.3.2-3].
    pub(crate) fn handle_puback(&mut self, now: Time, key: ConnectionKey, ack: &mqtt::Ack<'_>) {
        self.settle(now, key, |inflight| {
            inflight.settle_published(ack.packet_id, QoS::AtLeastOnce)
        });
    }

    /// A PUBREC: PUBREL follows unless the client refuses the message [MQTT-4.3.3-4].
    pub(crate) fn handle_pubrec(&mut self, now: Time, key: ConnectionKey, ack: &mqtt::Ack<'_>) {
        let packet_id = ack.packet_id;
        if ack.reason.is_error() {
            self.settle(now, key, |inflight| {
                inflight.settle_published(packet_id, QoS::ExactlyOnce)
            });
            return;
        }
        let outcome = self.settle(now, key, |inflight| inflight.release(packet_id));
        let reason = self.reason_of(key, outcome);
        self.write_answer(key, PacketType::PubRel, packet_id, reason);
    }

    /// A PUBREL from a publisher: the packet id is free again [MQTT-4.3.3-11].
    pub(crate) fn handle_pubrel(&mut self, key: ConnectionKey, ack: &mqtt::Ack<'_>) {
        let Some(connection) = self.connections.get(key) else { return };
        let Some(session) = self.sessions.get_mut(connection.session) else { return };
        let outcome = match session.awaiting_rel.remove(ack.packet_id) {
            true => Outcome::Accepted,
            false => Outcome::Unknown,
        };
        let reason = self.reason_of(key, outcome);
        self.write_answer(key, PacketType::PubComp, ack.packet_id, reason);
    }

    /// A PUBCOMP: the exchange is over [MQTT-4.3.3-5].
    pub(crate) fn handle_pubcomp(&mut self, now: Time, key: ConnectionKey, ack: &mqtt::Ack<'_>) {
        self.settle(now, key, |inflight| inflight.complete(ack.packet_id));
    }

    /// Appends a packet to a connection's output, unless it is larger than the client takes
    /// [MQTT-3.1.2-24]; true if it is there.
    pub(crate) fn write_packet(&mut self, key: ConnectionKey, packet: &Packet<'_>) -> bool {
        let Some(connection) = self.connections.get(key) else { return false };
        let protocol = connection.protocol;
        let mut first_byte = None;
        let Some(output) = self.output(key) else { return false };
        let mut fits = false;
        let before = output.answers();
        // Everything we write fits its fields by construction; what did not is left out whole.
        output.put_answer(|bytes| {
            let start = bytes.len();
            let written = packet.encode(protocol.version, bytes);
            fits = written.is_ok() && bytes.len() - start <= protocol.packet_size_max as usize;
            if !fits {
                bytes.truncate(start);
            }
            first_byte = bytes.get(start).copied();
        });
        if before < ANSWERS_MAX && output.answers() >= ANSWERS_MAX {
            self.metrics().answers_full.add(1);
        }
        if let Some(first_byte) = first_byte {
            self.metrics().packets_sent.count(first_byte);
        }
        fits
    }

    fn settle(
        &mut self,
        now: Time,
        key: ConnectionKey,
        step: impl FnOnce(&mut Inflight) -> Outcome,
    ) -> Outcome {
        let Some(connection) = self.connections.get(key) else { return Outcome::Unknown };
        let Some(session) = self.sessions.get_mut(connection.session) else {
            return Outcome::Unknown;
        };
        session.pressure.progress = now;
        let outcome = step(&mut session.inflight);
        if !session.queue.is_empty()
            || session.replay.is_some()
            || session.inflight.is_interrupted()
        {
            self.mark_dirty(key);
        }
        outcome
    }

    fn withheld(&mut self, ticket: Ticket) -> Option<&mut Withheld> {
        let connection = self.connections.get_mut(ticket.connection)?;
        let first = connection.withheld.front()?.number;
        connection.withheld.get_mut(ticket.number.wrapping_sub(first) as usize)
    }

    /// Writes the withheld acknowledgements that may go, oldest first, and reads on if paused.
    fn give_back(&mut self, now: Time, key: ConnectionKey) {
        while let Some(connection) = self.connections.get_mut(key)
            && let Some(ack) = next_free(connection, now)
        {
            self.write_ack(key, ack);
        }
        let below = usize::from(self.client_limits(key).receive_maximum);
        if let Some(connection) = self.connections.get(key)
            && connection.paused_until.is_some()
            && connection.waits_for.is_none()
            && connection.withheld.len() < below
        {
            self.resume(key);
        }
    }

    /// What to say of an acknowledgement. 3.x has no reason codes, and a client that repeats
    /// itself after a reconnect waits for the answer all the same [MQTT-4.3.3-11] (3.1.1).
    fn reason_of(&self, key: ConnectionKey, outcome: Outcome) -> ReasonCode {
        let is_v5 = self.connections.get(key).is_some_and(Connection::is_v5);
        match outcome {
            Outcome::Unknown if is_v5 => ReasonCode::PacketIdentifierNotFound,
            Outcome::Unknown | Outcome::Accepted => ReasonCode::Success,
        }
    }

    fn write_ack(&mut self, key: ConnectionKey, ack: Ack) {
        let kind = match ack.kind {
            AckKind::PubAck => PacketType::PubAck,
            AckKind::PubRec => PacketType::PubRec,
        };
        self.write_answer(key, kind, ack.packet_id, ack.reason);
    }

    /// Writes one of the four acknowledgements of a message.
    fn write_answer(
        &mut self,
        key: ConnectionKey,
        kind: PacketType,
        packet_id: PacketId,
        reason: ReasonCode,
    ) {
        let why = explanation::of_ack(reason);
        let why = self.explain(key, why);
        self.write_explained(key, &why, |properties| {
            let ack = mqtt::Ack { packet_id, reason, properties };
            match kind {
                PacketType::PubRec => Packet::PubRec(ack),
                PacketType::PubRel => Packet::PubRel(ack),
                PacketType::PubComp => Packet::PubComp(ack),
                _ => Packet::PubAck(ack),
            }
        });
    }
}

/// A slow receiver may itself publish so many times the Receive Maximum before it is not read from.
const PATIENCE_WITH_SLOW: usize = 16;

/// How long a publisher waits for another shard's full inbox.
const INBOX_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// Takes the oldest withheld acknowledgement if nothing holds it any more.
fn next_free(connection: &mut Connection, now: Time) -> Option<Ack> {
    let oldest = connection.withheld.front()?;
    let free = (oldest.asked == 0 && oldest.holds <= 0) || oldest.deadline <= now;
    if !free {
        return None;
    }
    connection.withheld.pop_front().map(|withheld| withheld.ack)
}
