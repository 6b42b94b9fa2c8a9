//! SUBSCRIBE and UNSUBSCRIBE: into the routes, the session and, for retained messages, `replay`.

use theseus_mqtt::{
    Packet, Properties, QoS, ReasonCode, RetainHandling, SubAck, Subscribe, SubscribeOptions,
    UnsubAck, Unsubscribe,
};
use theseus_route::Subscription;

use crate::Time;
use crate::explanation;
use crate::keys::{ConnectionKey, SessionKey};
use crate::policy::{Action, Verdict};
use crate::replay::Wanted;
use crate::shard::Shard;
use crate::shared::{is_shared, topic_filter};
use crate::waiting::{Ruled, Subscribing, Waiting};

impl Shard {
    /// Subscribes filter by filter [MQTT-3.8.4-5] and answers with one SUBACK [MQTT-3.8.4-1].
    ///
    /// A filter is in the routes before its retained messages are read, so that nothing
    /// published in between is missed.
    pub(crate) fn handle_subscribe(
        &mut self,
        now: Time,
        key: ConnectionKey,
        subscribe: &Subscribe<'_>,
        body: &[u8],
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        let session = connection.session;
        if self.is_too_much(key, subscribe.filters.iter().map(|(filter, _)| filter)) {
            return self.fail_saying(now, key, ReasonCode::QuotaExceeded, TOO_MUCH);
        }
        if let Some(over) = self.over_limit(key) {
            return self.refuse_subscribe(now, key, subscribe, over);
        }
        let mut verdicts = Vec::with_capacity(8);
        for (filter, options) in subscribe.filters.iter() {
            verdicts.push(match self.judge_subscribe(now, session, filter, options.qos) {
                Verdict::Allow => Ruled::Allow,
                Verdict::Ask => Ruled::Open,
                Verdict::Deny => Ruled::Refuse(ReasonCode::NotAuthorized),
                Verdict::Disconnect => return self.close(now, key, ReasonCode::NotAuthorized),
            });
        }
        if verdicts.contains(&Ruled::Open) {
            self.wait(key, Waiting::Subscribe(Subscribing { body: body.into(), verdicts }));
        } else {
            self.subscribe_all(now, key, subscribe, &verdicts);
        }
    }

    /// Does what a SUBSCRIBE asks for, as far as it was ruled.
    pub(crate) fn subscribe_all(
        &mut self,
        now: Time,
        key: ConnectionKey,
        subscribe: &Subscribe<'_>,
        verdicts: &[Ruled],
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        let (session, is_v5) = (connection.session, connection.is_v5());
        let identifier = subscribe.properties.subscription_identifier().unwrap_or(0);
        let mut reasons = Vec::with_capacity(8);
        for ((filter, options), ruled) in subscribe.filters.iter().zip(verdicts) {
            let reason = match self.subscribe(session, filter, options, identifier, *ruled) {
                Ok(granted) => {
                    self.announce_subscription(now, session, filter, Some(options));
                    granted as u8
                }
                // 3.1.1 knows one failure only [MQTT-3.9.3-2] (3.1.1).
                Err(_) if !is_v5 => ReasonCode::UnspecifiedError.value(),
                Err(reason) => reason.value(),
            };
            reasons.push(reason);
        }
        let (packet_id, reasons) = (subscribe.packet_id, &*reasons);
        let why = self.explain(key, explanation::of_filters(reasons).as_deref());
        let suback = |properties| Packet::SubAck(SubAck { packet_id, properties, reasons });
        self.write_explained(key, &why, suback);
    }

    /// Unsubscribes filter by filter [MQTT-3.10.4-6]; answered in any case [MQTT-3.10.4-5].
    pub(crate) fn handle_unsubscribe(
        &mut self,
        now: Time,
        key: ConnectionKey,
        unsubscribe: &Unsubscribe<'_>,
    ) {
        if self.is_too_much(key, unsubscribe.filters.iter()) {
            return self.fail_saying(now, key, ReasonCode::QuotaExceeded, TOO_MUCH);
        }
        let Some(connection) = self.connections.get(key) else { return };
        let (session, is_v5) = (connection.session, connection.is_v5());
        let mut reasons = Vec::with_capacity(8);
        for filter in unsubscribe.filters.iter() {
            let reason = self.unsubscribe(now, session, filter);
            if reason == ReasonCode::Success {
                self.announce_subscription(now, session, filter, None);
            }
            reasons.push(reason.value());
        }
        if !is_v5 {
            reasons.clear();
        }
        let (packet_id, properties) = (unsubscribe.packet_id, Properties::default());
        let unsuback = UnsubAck { packet_id, properties, reasons: &reasons };
        self.write_packet(key, &Packet::UnsubAck(unsuback));
    }

    fn subscribe(
        &mut self,
        key: SessionKey,
        filter: &str,
        options: SubscribeOptions,
        identifier: u32,
        ruled: Ruled,
    ) -> Result<QoS, ReasonCode> {
        self.check_subscribe(key, filter)?;
        match ruled {
            Ruled::Allow => {}
            Ruled::Refuse(reason) => return Err(reason),
            Ruled::Open => return Err(ReasonCode::NotAuthorized),
        }
        let limits =
            self.broker.limits.of(self.sessions.get(key).map_or(0, |session| session.listener));
        // What is asked for is accepted, and granted as far as it goes [MQTT-3.2.2-10].
        let qos = options.qos.min(limits.qos_max);
        let subscription = Subscription {
            qos: qos as u8,
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            identifier,
        };
        let is_new = self.route(key, filter, subscription);
        if let Some(session) = self.sessions.get_mut(key)
            && session.subscriptions.insert(filter.into(), subscription).is_none()
        {
            self.count_subscription(filter, true);
        }
        let replays = match options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => is_new,
            RetainHandling::DoNotSend => false,
        };
        // Nothing that is retained is sent for a shared subscription (MQTT 5.0, 4.8.2).
        let replays = replays && !is_shared(filter);
        if replays && self.broker.limits.retain_available {
            let wanted = Wanted { filter: filter.into(), subscription, stripe: 0 };
            self.want_retained(key, wanted, is_new);
        }
        Ok(qos)
    }

    /// True if one packet brings more filters than its client may hold: others would have to wait
    /// while each is looked at, and most could not be granted.
    fn is_too_much<'a>(&self, key: ConnectionKey, filters: impl Iterator<Item = &'a str>) -> bool {
        let most = self.client_limits(key).subscriptions_max.max(FILTERS_ALLOWED);
        let mut beyond = filters.skip(most);
        let is_too_much = beyond.next().is_some();
        if is_too_much {
            self.metrics().subscriptions_refused.add(1);
        }
        is_too_much
    }

    /// Takes back the subscriptions of a resumed session that its client may not have any more: its
    /// grant is new, and the rules may be. Those that are left open are asked about one by one, before
    /// the next packet of the client.
    pub(crate) fn judge_subscriptions(&mut self, now: Time, key: SessionKey) {
        let Some(session) = self.sessions.get(key) else { return };
        let connection = session.connection;
        let held: Vec<_> = session
            .subscriptions
            .iter()
            .map(|(filter, held)| (filter.clone(), granted(held.qos)))
            .collect();
        let mut unsettled = Vec::new();
        for (filter, qos) in held {
            match self.judge_subscribe(now, key, &filter, qos) {
                Verdict::Allow => {}
                Verdict::Ask => unsettled.push((filter, qos)),
                Verdict::Deny | Verdict::Disconnect => {
                    self.unsubscribe(now, key, &filter);
                }
            }
        }
        if let Some(key) = connection
            && let Some(connection) = self.connections.get_mut(key)
        {
            connection.unsettled = unsettled;
            self.read_on(key);
        }
    }

    fn judge_subscribe(&mut self, now: Time, key: SessionKey, filter: &str, qos: QoS) -> Verdict {
        let action = Action::Subscribe { filter: topic_filter(filter), qos };
        let verdict = self.judge(now, key, action).verdict;
        if matches!(verdict, Verdict::Deny | Verdict::Disconnect) {
            self.metrics().subscribes_denied.add(1);
        }
        verdict
    }

    fn check_subscribe(&self, key: SessionKey, filter: &str) -> Result<(), ReasonCode> {
        let Some(session) = self.sessions.get(key) else {
            return Err(ReasonCode::UnspecifiedError);
        };
        let limits = self.broker.limits.of(session.listener);
        if is_shared(filter) && !limits.shared_subscriptions {
            return Err(ReasonCode::SharedSubscriptionsNotSupported);
        }
        // The share name counts for the bytes, which are kept, and not for the levels.
        if filter.len() > limits.topic_len_max || limits.is_topic_too_large(topic_filter(filter)) {
            self.metrics().topics_too_large.add(1);
            return Err(ReasonCode::TopicFilterInvalid);
        }
        if !limits.wildcards && topic_filter(filter).contains(['+', '#']) {
            return Err(ReasonCode::WildcardSubscriptionsNotSupported);
        }
        let is_new = !session.subscriptions.contains_key(filter);
        if is_new && session.subscriptions.len() >= limits.subscriptions_max {
            self.metrics().subscriptions_refused.add(1);
            return Err(ReasonCode::QuotaExceeded);
        }
        Ok(())
    }

    /// Removes one subscription; deliveries already queued are completed [MQTT-3.10.4-3], but for
    /// those of a group that have not begun: other members get them.
    pub(crate) fn unsubscribe(&mut self, now: Time, key: SessionKey, filter: &str) -> ReasonCode {
        let Some(session) = self.sessions.get_mut(key) else {
            return ReasonCode::NoSubscriptionExisted;
        };
        if session.subscriptions.remove(filter).is_none() {
            return ReasonCode::NoSubscriptionExisted;
        }
        if let Some(replay) = &mut session.replay {
            replay.forget(filter);
        }
        self.unroute(self.subscriber(key), filter);
        self.count_subscription(filter, false);
        if is_shared(filter) {
            self.leave_group(now, key, filter);
        }
        ReasonCode::Success
    }

    /// Counts a subscription of this shard that has begun, or ended.
    pub(crate) fn count_subscription(&self, filter: &str, begun: bool) {
        let metrics = self.metrics();
        let (all, shared) = match begun {
            true => (&metrics.subscriptions_begun, &metrics.shared_subscriptions_begun),
            false => (&metrics.subscriptions_ended, &metrics.shared_subscriptions_ended),
        };
        all.add(1);
        if is_shared(filter) {
            shared.add(1);
        }
    }
}

/// So many filters one packet may bring whatever `mqtt.max_subscriptions` is: those beyond that are
/// refused one by one.
const FILTERS_ALLOWED: usize = 1024;

/// Why such a packet ends its connection.
const TOO_MUCH: &str = "one packet brings more filters than mqtt.max_subscriptions allows in all";

/// The quality of service of a subscription as it is kept.
fn granted(qos: u8) -> QoS {
    QoS::try_from(qos).unwrap_or(QoS::ExactlyOnce)
}
