//! What an empty bucket does: to a packet that comes, to a message that goes out, to a CONNECT.
//! Without limits all of it is one comparison. The buckets of a connection are in `metered`.

use std::sync::Arc;

use theseus_limit::{Limit, Meter, OverLimit, Whom};
use theseus_mqtt::{Packet, Publish, ReasonCode, SubAck, Subscribe};

use crate::connection::Connection;
use crate::direction::{Cost, Turnout};
use crate::happened::What;
use crate::keys::ConnectionKey;
use crate::metered::limits_of;
use crate::policy::Grant;
use crate::shard::Shard;
use crate::timers::Timer;
use crate::{Broker, Time};

/// Who waits looks at least so often whether its limits are others by now, milliseconds.
const LOOK_EVERY: u64 = 1000;

impl Shard {
    /// Counts a packet that has come, whose whole length is `size`; false if it has to wait, and
    /// everything behind it.
    pub(crate) fn count_packet(
        &mut self,
        now: Time,
        key: ConnectionKey,
        packet: &Packet<'_>,
        size: usize,
    ) -> bool {
        match packet {
            Packet::Publish(publish) => self.count_publish(now, key, publish, size),
            Packet::Subscribe(subscribe) => self.count_subscribe(now, key, subscribe),
            _ => true,
        }
    }

    /// Counts a PUBLISH that has come; false if it has to wait.
    pub(crate) fn count_publish(
        &mut self,
        now: Time,
        key: ConnectionKey,
        publish: &Publish<'_>,
        size: usize,
    ) -> bool {
        let cost = Cost { messages: 1, bytes: size as u64, filters: 0 };
        let number = self.broker.policy.limits_number();
        if self.connections.get_mut(key).is_none_or(|it| it.metered.lets_go(number, cost)) {
            return true;
        }
        if !self.is_limited(now, key) {
            return true;
        }
        match publish.properties.topic_alias() {
            Some(alias) if publish.topic.is_empty() => {
                // Kept by the connection itself, which is borrowed to count.
                let aliases = self.connections.get(key).and_then(|it| it.client_aliases.as_ref());
                let topic = aliases.and_then(|aliases| aliases.get(alias)).map(str::to_owned);
                self.count(now, key, cost, topic.as_deref())
            }
            _ => self.count(now, key, cost, Some(publish.topic)),
        }
    }

    fn count_subscribe(
        &mut self,
        now: Time,
        key: ConnectionKey,
        subscribe: &Subscribe<'_>,
    ) -> bool {
        if !self.is_limited(now, key) {
            return true;
        }
        let filters = subscribe.filters.iter().count() as u64;
        self.count(now, key, Cost { filters, ..Cost::default() }, None)
    }

    /// No packet of those that were read is left to count.
    pub(crate) fn end_run(&mut self, key: ConnectionKey) {
        if let Some(connection) = self.connections.get_mut(key)
            && let Some(meters) = &mut connection.metered.meters
        {
            meters.inward.end_run();
        }
    }

    /// What a limit has against the packet that is being handled; it is asked for once.
    pub(crate) fn over_limit(&mut self, key: ConnectionKey) -> Option<OverLimit> {
        self.connections.get_mut(key)?.metered.over.take()
    }

    /// Answers a SUBSCRIBE that is over a limit.
    pub(crate) fn refuse_subscribe(
        &mut self,
        now: Time,
        key: ConnectionKey,
        subscribe: &Subscribe<'_>,
        over: OverLimit,
    ) {
        if over == OverLimit::Disconnect {
            return self.disconnect_over_limit(now, key);
        }
        let count = subscribe.filters.iter().count();
        self.metrics().subscribes_refused_by_limit.add(count as u64);
        // 3.1.1 knows one failure only [MQTT-3.9.3-2] (3.1.1).
        let reason = match self.connections.get(key).is_some_and(Connection::is_v5) {
            true => ReasonCode::QuotaExceeded,
            false => ReasonCode::UnspecifiedError,
        };
        let (packet_id, reasons) = (subscribe.packet_id, vec![reason.value(); count]);
        let reasons = &*reasons;
        let suback = |properties| Packet::SubAck(SubAck { packet_id, properties, reasons });
        let why = self.explain(key, crate::explanation::of_filters(reasons).as_deref());
        self.write_explained(key, &why, suback);
    }

    /// Ends the connection of a client that a limit does not bear.
    pub(crate) fn disconnect_over_limit(&mut self, now: Time, key: ConnectionKey) {
        self.metrics().disconnected_by_limit.add(1);
        self.close(now, key, ReasonCode::MessageRateTooHigh);
    }

    /// Brings the limits of a connection up to date; true if there are any.
    pub(crate) fn is_limited(&mut self, now: Time, key: ConnectionKey) -> bool {
        let number = self.broker.policy.limits_number();
        let Some(connection) = self.connections.get_mut(key) else { return false };
        if !connection.metered.is_outdated(number) {
            return connection.metered.meters.is_some();
        }
        let waited = connection.metered.waits();
        if let Some(session) = self.sessions.get(connection.session) {
            let (for_all, buckets) = (self.broker.policy.limits(), &self.broker.buckets);
            let metered = &mut connection.metered;
            metered.resolve(now, buckets, &for_all, &session.grant, &session.client_id);
        }
        let is_limited = connection.metered.meters.is_some();
        // What waited is judged by the limits of now.
        if waited {
            self.mark_dirty(key);
        }
        is_limited
    }

    /// The packet that waits, in either direction, may have its turn.
    pub(crate) fn handle_limit_timer(&mut self, now: Time, key: ConnectionKey) {
        if !self.connections.get(key).is_some_and(Connection::is_open) {
            return;
        }
        self.is_limited(now, key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let metered = &mut connection.metered;
        let Some(meters) = &mut metered.meters else { return };
        let reads_again = meters.inward.come_due(now);
        metered.is_paused &= !reads_again;
        let writes_again = meters.outward.come_due(now);
        let next = [meters.inward.waits_until(), meters.outward.waits_until()];
        if reads_again || writes_again {
            self.mark_dirty(key);
        }
        next.into_iter().flatten().for_each(|until| self.wait_for_turn(now, key, until));
    }

    /// Sees to it that a packet that waits has its turn, or is judged by other limits before.
    pub(crate) fn wait_for_turn(&mut self, now: Time, key: ConnectionKey, until: Time) {
        let look = Time::from_millis(now.as_millis().saturating_add(LOOK_EVERY));
        self.timers.set(until.min(look), Timer::Limit(key));
    }

    /// Notes that a limit was exceeded: at most once a second for each connection and limit.
    pub(crate) fn note_exceeded(&mut self, connection: ConnectionKey, limit: Arc<Limit>) {
        self.note(connection, |_| What::LimitExceeded(limit));
    }

    /// Counts a packet of a client that is limited; false if it has to wait.
    fn count(&mut self, now: Time, key: ConnectionKey, cost: Cost, topic: Option<&str>) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return true };
        let Some(meters) = &mut connection.metered.meters else { return true };
        connection.metered.over = None;
        let mut exceeded = Vec::new();
        let turnout =
            meters.inward.pass(now, cost, topic, &mut |limit| exceeded.push(limit.clone()));
        match &turnout {
            Turnout::Goes => {}
            Turnout::Over(over) => connection.metered.over = Some(*over),
            Turnout::Waits(until) => {
                connection.metered.is_paused = true;
                self.metrics().reads_paused_by_limit.add(1);
                self.wait_for_turn(now, key, *until);
            }
        }
        exceeded.into_iter().for_each(|limit| self.note_exceeded(key, limit));
        !matches!(turnout, Turnout::Waits(_))
    }
}

impl Broker {
    /// Counts a CONNECT by the limits for everybody whose buckets are known before the client has shown
    /// who it is: those of its address, its network, its listener and the node.
    ///
    /// # Errors
    /// The limit that is exceeded; then nothing was counted.
    pub fn count_connect(&self, now: Time, whom: &Whom<'_>) -> Result<(), Arc<Limit>> {
        let for_all = self.policy.limits();
        let limits = for_all.limits.iter().filter(|limit| limit.scope.is_known_at_once());
        self.take_connect(now, limits, whom)
    }

    /// The same by all others, once the client has been let in with `grant`.
    ///
    /// # Errors
    /// The limit that is exceeded; then nothing was counted.
    pub fn count_login(&self, now: Time, client_id: &str, grant: &Grant) -> Result<(), Arc<Limit>> {
        let limits = limits_of(&self.policy.limits(), grant);
        let limits = limits.iter().filter(|(it, is_own)| *is_own || !it.scope.is_known_at_once());
        self.take_connect(now, limits.map(|(limit, _)| limit), &grant.whom(client_id))
    }

    fn take_connect<'a>(
        &self,
        now: Time,
        limits: impl Iterator<Item = &'a Arc<Limit>>,
        whom: &Whom<'_>,
    ) -> Result<(), Arc<Limit>> {
        let now = now.as_millis();
        let mut taken = Vec::new();
        for limit in limits.filter(|limit| limit.meter == Meter::Connects) {
            let bucket = self.buckets.of(now, limit, whom);
            if !bucket.take(now, 1) {
                taken.iter().for_each(|bucket: &Arc<theseus_limit::Bucket>| bucket.give_back(1));
                return Err(limit.clone());
            }
            taken.push(bucket);
        }
        Ok(())
    }
}
