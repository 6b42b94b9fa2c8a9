//! A PUBLISH from a client: what it may be, who answers it, and on to the receivers.
//! The acknowledgements are written in `ack`, the receivers served in `deliver`.

use std::sync::Arc;

use theseus_limit::OverLimit;
use theseus_mqtt::{PacketId, Publish, QoS, ReasonCode};
use theseus_route::{Matches, StoreOutcome};

use crate::connection::{Ack, AckKind};
use crate::deliver::Routed;
use crate::inbox::{Outbound, Ticket};
use crate::keys::ConnectionKey;
use crate::passage::{Passage, Stage};
use crate::policy::{Action, Identity, Judged, Verdict};
use crate::shard::Shard;
use crate::waiting::{Publishing, Waiting};
use crate::{Message, Time};

/// How an accepted message goes to its receivers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// At once.
    Open,
    /// Past those who have to be asked.
    Past(Stage),
}

impl Shard {
    /// Handles a PUBLISH whose frame body is `body`.
    pub(crate) fn handle_publish(
        &mut self,
        now: Time,
        key: ConnectionKey,
        publish: &Publish<'_>,
        body: &[u8],
    ) {
        if publish.properties.topic_alias().is_some() {
            return self.handle_aliased_publish(now, key, publish);
        }
        if let Some(way) = self.accept_publish(now, key, publish) {
            let message = Message::from_publish(publish, body, now);
            self.publish_accepted(now, key, publish.packet_id, way, message);
        }
    }

    /// Handles a PUBLISH with a topic alias. The alias is for this connection only, so the message
    /// is put together without it, in the shard's scratch: it still costs one allocation.
    pub(crate) fn handle_aliased_publish(
        &mut self,
        now: Time,
        key: ConnectionKey,
        publish: &Publish<'_>,
    ) {
        let alias = publish.properties.topic_alias().unwrap_or(0);
        let max = self.client_limits(key).topic_alias_max;
        let Some(connection) = self.connections.get_mut(key) else { return };
        let mut aliases = connection.client_aliases.take().unwrap_or_default();
        match aliases.resolve(alias, publish.topic, max) {
            Ok(topic) => {
                let publish = Publish { topic, ..*publish };
                if let Some(way) = self.accept_publish(now, key, &publish) {
                    let message = Message::without_alias(&publish, now, &mut self.scratch);
                    self.publish_accepted(now, key, publish.packet_id, way, message);
                }
            }
            Err(ReasonCode::ProtocolError) => {
                let why = "the topic alias stands for nothing on this connection";
                return self.fail_saying(now, key, ReasonCode::ProtocolError, why);
            }
            Err(reason) => return self.fail(now, key, reason),
        }
        if let Some(connection) = self.connections.get_mut(key) {
            connection.client_aliases = Some(aliases);
        }
    }

    /// Decides whether a PUBLISH goes on to its receivers, and on which way; if not, it has been
    /// answered.
    pub(crate) fn accept_publish(
        &mut self,
        now: Time,
        key: ConnectionKey,
        publish: &Publish<'_>,
    ) -> Option<Way> {
        self.metrics().messages_received.add(1);
        self.metrics().payload_bytes_received.add(publish.payload.len() as u64);
        if let Some(reason) = self.broken_rule(key, publish) {
            self.fail(now, key, reason);
            return None;
        }
        if let Some(packet_id) = publish.packet_id
            && !self.is_new_exchange(now, key, packet_id, publish.qos)
        {
            return None;
        }
        if let Some(over) = self.over_limit(key) {
            self.limit_publish(now, key, publish, over);
            return None;
        }
        let judged = self.judge_publish(now, key, publish);
        match judged.verdict {
            Verdict::Allow | Verdict::Ask => {
                let accepted = self.accept_payload(now, key, publish);
                return accepted.then(|| Stage::of(&judged).map_or(Way::Open, Way::Past));
            }
            Verdict::Deny => {
                let reason = ReasonCode::NotAuthorized;
                self.refuse_publish(now, key, publish.packet_id, publish.qos, reason);
            }
            Verdict::Disconnect => self.close(now, key, ReasonCode::NotAuthorized),
        }
        self.metrics().publishes_denied.add(1);
        None
    }

    /// Answers a PUBLISH that is over a limit.
    fn limit_publish(
        &mut self,
        now: Time,
        key: ConnectionKey,
        publish: &Publish<'_>,
        over: OverLimit,
    ) {
        match over {
            OverLimit::Disconnect => self.disconnect_over_limit(now, key),
            OverLimit::Refuse => {
                self.metrics().messages_refused_by_limit.add(1);
                let reason = ReasonCode::QuotaExceeded;
                self.refuse_publish(now, key, publish.packet_id, publish.qos, reason);
            }
            OverLimit::Drop | OverLimit::Pause => {
                self.metrics().messages_dropped_by_limit.add(1);
                let delivered = Routed { matched: true, ..Routed::default() };
                if let Some(packet_id) = publish.packet_id {
                    self.answer_publish(now, key, packet_id, publish.qos, &delivered);
                }
            }
        }
    }

    /// True if the payload is what it says it is, as far as anybody asked to look.
    fn accept_payload(&mut self, now: Time, key: ConnectionKey, publish: &Publish<'_>) -> bool {
        let limits = self.client_limits(key);
        if !limits.breaks_payload_format(publish.properties, publish.payload) {
            return true;
        }
        self.metrics().payloads_invalid.add(1);
        let reason = ReasonCode::PayloadFormatInvalid;
        self.refuse_publish(now, key, publish.packet_id, publish.qos, reason);
        false
    }

    /// Sends an accepted message on its way.
    pub(crate) fn publish_accepted(
        &mut self,
        now: Time,
        key: ConnectionKey,
        packet_id: Option<PacketId>,
        way: Way,
        message: Message,
    ) {
        let qos = message.qos();
        match way {
            Way::Open => self.send_on(now, key, packet_id, qos, message),
            Way::Past(stage) => {
                let passage = Passage { message, stage };
                self.wait(key, Waiting::Publish(Publishing { passage, packet_id, qos }));
            }
        }
    }

    /// Sends a message on to its receivers and answers its publisher, who sent it with `qos`.
    pub(crate) fn send_on(
        &mut self,
        now: Time,
        key: ConnectionKey,
        packet_id: Option<PacketId>,
        qos: QoS,
        message: Message,
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        let number = connection.next_ticket;
        let routed = self.publish(
            now,
            Outbound {
                message,
                publisher: self.subscriber(connection.session),
                ticket: packet_id.map(|_| Ticket { shard: self.id, connection: key, number }),
            },
        );
        if let Some(full) = routed.full {
            self.pause_for_inbox(now, key, full);
        }
        if let Some(packet_id) = packet_id {
            self.answer_publish(now, key, packet_id, qos, &routed);
        }
    }

    /// Sends a message to all who subscribe to its topic, and retains it if it says so.
    pub(crate) fn publish(&mut self, now: Time, outbound: Outbound) -> Routed {
        if outbound.message.retain() && self.broker.limits.retain_available {
            return self.publish_retained(now, outbound);
        }
        let (matches, mut routed) = self.hand_on(&outbound);
        self.share(now, &outbound, &matches, &mut routed);
        self.deliver_here(now, outbound, matches, &mut routed);
        routed
    }

    /// Looks up the receivers, and hands the message on to the shards where they live.
    fn hand_on(&mut self, outbound: &Outbound) -> (Arc<Matches>, Routed) {
        let topic = outbound.message.topic();
        let matches = self.routes.matches(&self.broker.router, topic).clone();
        let routed = self.send_to_shards(outbound, &matches);
        (matches, routed)
    }

    /// Stores the message while no one reads its topic's stripe, and hands the live copies to
    /// the other shards before the stripe is released: whoever reads it from the store then has
    /// all older live copies in its inbox (see `replay`).
    fn publish_retained(&mut self, now: Time, outbound: Outbound) -> Routed {
        let broker = self.broker.clone();
        broker.make_room(now);
        let message = &outbound.message;
        let mut hand_on = || {
            let handed_on = self.hand_on(&outbound);
            self.commit();
            handed_on
        };
        let (outcome, (matches, mut routed)) = if broker.keeps(message) {
            // An empty payload removes the topic's message [MQTT-3.3.1-6], [MQTT-3.3.1-7].
            let kept = (!message.payload().is_empty()).then(|| message.clone());
            broker.store_of(message.topic()).publish(message.topic(), kept, hand_on)
        } else {
            (StoreOutcome::Full, hand_on())
        };
        if outcome == StoreOutcome::Full {
            self.metrics().retained_refused.add(1);
        }
        self.share(now, &outbound, &matches, &mut routed);
        self.deliver_here(now, outbound, matches, &mut routed);
        routed
    }

    /// A rule of the protocol or a bound of ours that this PUBLISH breaks.
    fn broken_rule(&self, key: ConnectionKey, publish: &Publish<'_>) -> Option<ReasonCode> {
        let (properties, limits) = (publish.properties, self.client_limits(key));
        if !properties.is_empty() {
            // [MQTT-3.3.4-6]
            if properties.subscription_identifier().is_some() {
                return Some(ReasonCode::ProtocolError);
            }
            if limits.has_too_many_user_properties(properties) {
                return Some(ReasonCode::QuotaExceeded);
            }
        }
        // [MQTT-3.2.2-11]
        if publish.qos > limits.qos_max {
            return Some(ReasonCode::QoSNotSupported);
        }
        if publish.retain && !self.broker.limits.retain_available {
            return Some(ReasonCode::RetainNotSupported);
        }
        // [MQTT-4.8.2-1] gives it to filters; a message on such a topic could reach nobody.
        if publish.topic.starts_with("$share/") {
            return Some(ReasonCode::TopicNameInvalid);
        }
        if limits.is_topic_too_large(publish.topic) {
            self.metrics().topics_too_large.add(1);
            return Some(ReasonCode::TopicNameInvalid);
        }
        None
    }

    /// False if this is a repeat that gets its PUBREC again [MQTT-4.3.3-10], or one too many.
    fn is_new_exchange(
        &mut self,
        now: Time,
        key: ConnectionKey,
        packet_id: PacketId,
        qos: QoS,
    ) -> bool {
        let Some(connection) = self.connections.get(key) else { return false };
        let Some(session) = self.sessions.get(connection.session) else { return false };
        let known = qos == QoS::ExactlyOnce && session.awaiting_rel.contains(packet_id);
        if known && connection.withholds_pubrec(packet_id) {
            return false;
        }
        if known {
            let ack = Ack { kind: AckKind::PubRec, packet_id, reason: ReasonCode::Success };
            self.acknowledge(now, key, ack, &Routed::default());
            return false;
        }
        let limits = self.broker.limits.of(session.listener);
        let open = connection.unanswered() + session.awaiting_rel.own();
        // 3.x knows no Receive Maximum; what a client leaves unreleased is bounded all the same.
        let full = match connection.is_v5() {
            true => {
                open >= limits.announced_receive_maximum()
                    || session.awaiting_rel.len() >= limits.awaiting_rel_max
            }
            false => session.awaiting_rel.len() >= limits.awaiting_rel_max,
        };
        if full {
            self.fail(now, key, ReasonCode::ReceiveMaximumExceeded);
            return false;
        }
        true
    }

    fn judge_publish(&mut self, now: Time, key: ConnectionKey, publish: &Publish<'_>) -> Judged {
        let broker = &*self.broker;
        let session = self.connections.get(key).and_then(|c| self.sessions.get_mut(c.session));
        let Some(session) = session else { return Judged::denied() };
        let generation = broker.policy.generation();
        let action =
            Action::Publish { topic: publish.topic, qos: publish.qos, retain: publish.retain };
        let known = session.verdicts.find(generation, publish);
        let mut judged = known.unwrap_or_else(|| {
            let client = Identity { client_id: &session.client_id, grant: &session.grant };
            let judged = broker.authorize(client, action);
            session.verdicts.keep(publish, judged);
            judged
        });
        if judged.verdict == Verdict::Ask
            && let Some(known) = session.opinions.find(now, generation, action)
        {
            judged.verdict = known;
        }
        judged
    }

    /// Answers a PUBLISH that goes no further: with `reason` where the version can say it, the usual
    /// answer where it cannot [MQTT-3.3.5-2] (3.1.1).
    pub(crate) fn refuse_publish(
        &mut self,
        now: Time,
        key: ConnectionKey,
        packet_id: Option<PacketId>,
        qos: QoS,
        reason: ReasonCode,
    ) {
        let Some(packet_id) = packet_id else { return };
        let Some(connection) = self.connections.get(key) else { return };
        let is_v5 = connection.is_v5();
        let session = connection.session;
        let reason = if is_v5 { reason } else { ReasonCode::Success };
        let kind = first_answer(qos);
        if kind == AckKind::PubRec && !is_v5 {
            self.await_release(session, packet_id);
        }
        self.acknowledge(now, key, Ack { kind, packet_id, reason }, &Routed::default());
    }

    pub(crate) fn answer_publish(
        &mut self,
        now: Time,
        key: ConnectionKey,
        packet_id: PacketId,
        qos: QoS,
        routed: &Routed,
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        let kind = first_answer(qos);
        let unheard = !routed.matched && connection.is_v5();
        let reason = if unheard { ReasonCode::NoMatchingSubscribers } else { ReasonCode::Success };
        if kind == AckKind::PubRec {
            self.await_release(connection.session, packet_id);
        }
        self.acknowledge(now, key, Ack { kind, packet_id, reason }, routed);
    }

    fn await_release(&mut self, session: crate::keys::SessionKey, packet_id: PacketId) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.awaiting_rel.insert(packet_id);
        }
    }
}

fn first_answer(qos: QoS) -> AckKind {
    if qos == QoS::ExactlyOnce { AckKind::PubRec } else { AckKind::PubAck }
}
