//! From a session's queue to a connection's output, within the client's window and the size of
//! one write. A message's bytes are put together here, once per receiver, without allocation.

use std::sync::Arc;

use theseus_limit::{Limit, OverLimit};
use theseus_mqtt::{PacketId, ProtocolVersion, QoS, put_fixed_header, put_varint, varint_len};

use crate::Time;
use crate::aliases::{AliasUse, ServerAliases};
use crate::connection::Protocol;
use crate::direction::{Cost, Direction, Turnout};
use crate::inflight::State;
use crate::keys::{ConnectionKey, SessionKey};
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::queue::Delivery;
use crate::session::Session;
use crate::shard::Shard;

/// Output above which no further message is added before the socket has taken some.
const WRITE_TARGET: usize = 64 * 1024;

impl Shard {
    /// Fills the output of a connection from its session's queue.
    /// Returns true if more may wait: ask again once all of this is written.
    pub fn transmit(&mut self, now: Time, key: ConnectionKey) -> bool {
        let Some(connection) = self.connections.get(key) else { return false };
        if !connection.is_open() {
            return false;
        }
        if connection.outgoing.has_messages() {
            return true;
        }
        let session = connection.session;
        loop {
            let full = self.fill(now, key, session);
            if full || !self.feed_replay(now, session) {
                self.ease(now, session);
                return full;
            }
        }
    }

    /// Encodes waiting messages; true if the output is full and some are left.
    fn fill(&mut self, now: Time, key: ConnectionKey, session: SessionKey) -> bool {
        let Some(waiting) = self.sessions.get(session) else { return false };
        if waiting.queue.is_empty() && !waiting.inflight.is_interrupted() {
            return false;
        }
        // Not `output`: a flush that marks its own connection as dirty would never end.
        self.lend_buffer(key);
        let is_limited = self.is_limited(now, key);
        let (Some(connection), Some(session)) =
            (self.connections.get_mut(key), self.sessions.get_mut(session))
        else {
            return false;
        };
        let protocol = connection.protocol;
        let (output, aliases) = (&mut connection.outgoing, &mut connection.server_aliases);
        let metrics = self.broker.metrics(self.id);
        let mut outward = match &mut connection.metered.meters {
            Some(meters) if is_limited => Some(&mut meters.outward),
            _ => None,
        };
        let (mut held_up, mut is_full) = (HeldUp::default(), false);
        resend(now, &protocol, session, output, aliases, &mut outward, metrics);
        if session.inflight.is_interrupted() {
            return output.remaining() >= WRITE_TARGET;
        }
        while let Some(next) = session.queue.front() {
            is_full = output.remaining() >= WRITE_TARGET;
            let counted = next.qos != QoS::AtMostOnce;
            if is_full || counted && session.inflight.len() >= usize::from(protocol.window) {
                break;
            }
            if let Some(outward) = &mut outward
                && !held_up.pass(now, outward, next, &protocol, aliases)
            {
                if held_up.is_last() {
                    break;
                }
                metrics.deliveries_dropped_by_limit.add(1);
                session.pressure.took_one(now);
                session.queue.pop();
                continue;
            }
            let Some(delivery) = session.queue.pop() else { break };
            session.pressure.took_one(now);
            if delivery.message.expires() <= now {
                metrics.messages_dropped_expired.add(1);
                continue;
            }
            let publication = Publication::new(&delivery, &protocol, aliases, now);
            if publication.packet_len() > protocol.packet_size_max as usize {
                // Dropped and treated as sent [MQTT-3.1.2-25].
                metrics.messages_dropped_too_large.add(1);
                continue;
            }
            publication.count(metrics);
            if counted {
                let packet_id = session.inflight.open(delivery.clone());
                publication.write(output, aliases, Some(packet_id), false);
            } else {
                publication.write(output, aliases, None, false);
            }
        }
        if let Some(outward) = outward {
            outward.end_run();
        }
        self.hold_up(now, key, held_up);
        is_full
    }

    /// Does what limits want of a connection whose messages were held up.
    fn hold_up(&mut self, now: Time, key: ConnectionKey, held_up: HeldUp) {
        let HeldUp { turnout, begins_to_wait, exceeded } = held_up;
        exceeded.into_iter().for_each(|limit| self.note_exceeded(key, limit));
        match turnout {
            Some(Turnout::Over(OverLimit::Disconnect)) => self.disconnect_over_limit(now, key),
            Some(Turnout::Waits(until)) => {
                self.metrics().deliveries_paused_by_limit.add(u64::from(begins_to_wait));
                self.wait_for_turn(now, key, until);
            }
            _ => {}
        }
    }

    /// Takes up what was in flight when the last connection ended [MQTT-4.4.0-1]: each PUBREL is
    /// sent now, each PUBLISH by [`Shard::transmit`] as the new connection's window allows.
    pub(crate) fn redeliver(&mut self, key: ConnectionKey, session: SessionKey) {
        if self.output(key).is_none() {
            return;
        }
        let (Some(connection), Some(session)) =
            (self.connections.get_mut(key), self.sessions.get_mut(session))
        else {
            return;
        };
        session.inflight.interrupt();
        let metrics = self.broker.metrics(self.id);
        for exchange in session.inflight.iter() {
            if matches!(exchange.state, State::Released) {
                metrics.packets_sent.count(PUBREL);
                put_pubrel(&mut connection.outgoing, exchange.packet_id);
            }
        }
    }
}

/// Sends again, with DUP, what an earlier connection did not finish, within the window and the
/// packet size of this one: either may have shrunk [MQTT-4.9.0-1], [MQTT-3.1.2-24].
fn resend(
    now: Time,
    protocol: &Protocol,
    session: &mut Session,
    output: &mut Outgoing,
    aliases: &mut Option<Box<ServerAliases>>,
    outward: &mut Option<&mut Direction>,
    metrics: &Metrics,
) {
    while output.remaining() < WRITE_TARGET
        && session.inflight.len() < usize::from(protocol.window)
        && let Some((packet_id, delivery)) = session.inflight.next_interrupted()
    {
        let publication = Publication::new(delivery, protocol, aliases, now);
        if publication.packet_len() > protocol.packet_size_max as usize {
            metrics.messages_dropped_too_large.add(1);
            let qos = delivery.qos;
            session.inflight.settle_published(packet_id, qos);
        } else {
            publication.count(metrics);
            // Sent it has been before: it goes, and what is behind it waits for longer.
            if let Some(outward) = outward {
                let topic = outward.looks_at_topics.then(|| delivery.message.topic());
                outward.charge(now, publication.cost(), topic);
            }
            publication.write(output, aliases, Some(packet_id), true);
            session.inflight.resume(packet_id);
        }
    }
}

/// What limits have against the messages of one connection.
#[derive(Default)]
struct HeldUp {
    /// Of the last message that did not go.
    turnout: Option<Turnout>,
    /// It did not wait before.
    begins_to_wait: bool,
    exceeded: Vec<Arc<Limit>>,
}

impl HeldUp {
    /// Nothing behind it is looked at.
    fn is_last(&self) -> bool {
        matches!(self.turnout, Some(Turnout::Over(OverLimit::Disconnect) | Turnout::Waits(_)))
    }

    /// Counts a message that is next; false if it does not go.
    fn pass(
        &mut self,
        now: Time,
        outward: &mut Direction,
        delivery: &Delivery,
        protocol: &Protocol,
        aliases: &Option<Box<ServerAliases>>,
    ) -> bool {
        // One that is not sent counts for nothing.
        if delivery.message.expires() <= now {
            return true;
        }
        // Its length is work, and mostly nobody wants to know it.
        let cost = match outward.counts_bytes {
            true => Publication::new(delivery, protocol, aliases, now).cost(),
            false => Cost { messages: 1, ..Cost::default() },
        };
        if outward.use_ahead(cost) {
            return true;
        }
        let topic = outward.looks_at_topics.then(|| delivery.message.topic());
        let (waited, exceeded) = (outward.waits_until().is_some(), &mut self.exceeded);
        let turnout = outward.pass(now, cost, topic, &mut |limit| exceeded.push(limit.clone()));
        if matches!(turnout, Turnout::Goes) {
            return true;
        }
        self.begins_to_wait = !waited;
        self.turnout = Some(turnout);
        false
    }
}

/// One PUBLISH on its way to one client.
struct Publication<'a> {
    delivery: &'a Delivery,
    version: ProtocolVersion,
    alias: AliasUse,
    /// Rewritten properties, if the stored ones cannot go out as they are.
    rewritten: Option<theseus_mqtt::PropertiesBuf>,
}

impl<'a> Publication<'a> {
    fn new(
        delivery: &'a Delivery,
        protocol: &Protocol,
        aliases: &Option<Box<ServerAliases>>,
        now: Time,
    ) -> Self {
        let (message, version) = (&delivery.message, protocol.version);
        let verbatim = version < ProtocolVersion::V5 || message.verbatim_properties().is_some();
        let rewritten = (!verbatim).then(|| message.forwarded_properties(now));
        let alias = match protocol.topic_alias_max {
            0 => AliasUse::None,
            max => ServerAliases::look_up(aliases.as_deref(), message.topic_bytes(), max),
        };
        Self { delivery, version, alias, rewritten }
    }

    fn count(&self, metrics: &Metrics) {
        metrics.messages_sent.add(1);
        metrics.payload_bytes_sent.add(self.delivery.message.payload().len() as u64);
        metrics.packets_sent.count(PUBLISH | (self.delivery.qos as u8) << 1);
    }

    fn cost(&self) -> Cost {
        Cost { messages: 1, bytes: self.packet_len() as u64, filters: 0 }
    }

    /// Length of the whole packet, bytes.
    fn packet_len(&self) -> usize {
        let remaining = self.remaining_len();
        1 + varint_len(remaining as u32) + remaining
    }

    fn write(
        &self,
        output: &mut Outgoing,
        aliases: &mut Option<Box<ServerAliases>>,
        packet_id: Option<PacketId>,
        dup: bool,
    ) {
        let delivery = self.delivery;
        let topic = self.topic();
        output.put(|bytes| {
            let flags = u8::from(dup) << 3 | (delivery.qos as u8) << 1 | u8::from(delivery.retain);
            put_fixed_header(bytes, PUBLISH | flags, self.remaining_len());
            bytes.extend_from_slice(&(topic.len() as u16).to_be_bytes());
            bytes.extend_from_slice(topic);
            if let Some(packet_id) = packet_id {
                bytes.extend_from_slice(&packet_id.get().to_be_bytes());
            }
            self.put_properties(bytes);
        });
        output.put_payload(&delivery.message);
        if let AliasUse::Announced(alias) = self.alias {
            aliases.get_or_insert_default().announced(alias, delivery.message.topic());
        }
    }

    /// The topic name as it goes out: nothing where the alias is enough.
    fn topic(&self) -> &[u8] {
        match self.alias {
            AliasUse::Known(_) => &[],
            AliasUse::None | AliasUse::Announced(_) => self.delivery.message.topic_bytes(),
        }
    }

    fn remaining_len(&self) -> usize {
        let message = &self.delivery.message;
        let packet_id = if self.delivery.qos == QoS::AtMostOnce { 0 } else { 2 };
        let properties = match self.version {
            ProtocolVersion::V5 => {
                let len = self.properties_len();
                varint_len(len as u32) + len
            }
            _ => 0,
        };
        2 + self.topic().len() + packet_id + properties + message.payload().len()
    }

    fn put_properties(&self, bytes: &mut Vec<u8>) {
        if self.version != ProtocolVersion::V5 {
            return;
        }
        put_varint(bytes, self.properties_len() as u32);
        if let AliasUse::Announced(alias) | AliasUse::Known(alias) = self.alias {
            bytes.push(TOPIC_ALIAS);
            bytes.extend_from_slice(&alias.to_be_bytes());
        }
        for identifier in self.delivery.identifiers.as_slice() {
            bytes.push(SUBSCRIPTION_IDENTIFIER);
            put_varint(bytes, *identifier);
        }
        bytes.extend_from_slice(self.message_properties());
    }

    fn properties_len(&self) -> usize {
        let identifiers = self.delivery.identifiers.as_slice();
        let identifiers: usize = identifiers.iter().map(|id| 1 + varint_len(*id)).sum();
        let alias = if self.alias == AliasUse::None { 0 } else { 3 };
        alias + identifiers + self.message_properties().len()
    }

    fn message_properties(&self) -> &[u8] {
        match &self.rewritten {
            Some(rewritten) => rewritten.as_properties().as_bytes(),
            None => self.delivery.message.verbatim_properties().unwrap_or_default(),
        }
    }
}

fn put_pubrel(output: &mut Outgoing, packet_id: PacketId) {
    let [high, low] = packet_id.get().to_be_bytes();
    output.put(|bytes| bytes.extend_from_slice(&[PUBREL, 2, high, low]));
}

/// First byte of a PUBLISH without flags (MQTT 5.0, 3.3.1).
const PUBLISH: u8 = 0x30;
/// First byte of a PUBREL with its fixed flags [MQTT-3.6.1-1].
const PUBREL: u8 = 0x62;
/// Property identifiers (MQTT 5.0, 2.2.2.2).
const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;
const TOPIC_ALIAS: u8 = 0x23;
