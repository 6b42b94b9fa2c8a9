//! Every bound the core holds, with its unit. The shell fills it from the configuration.
//! Not here: socket limits, which are the shell's.

use std::time::Duration;

use theseus_mqtt::{Properties, QoS};

use crate::Expiry;

/// The bounds of one broker; each names the configuration key it comes from.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `node.max_inbox_len`: messages a shard has been sent and not handled yet.
    pub inbox_len_max: usize,
    /// `node.max_inbox_bytes`: their bytes.
    pub inbox_bytes_max: usize,
    /// `ban.max_pending_events`: things that happened on a shard and that nobody was told yet.
    pub happened_max: usize,
    /// `policy.max_revalidations`: connected clients that are asked about again at the same time, on all
    /// shards together; at least one on each.
    pub revalidations_max: usize,
    /// `mqtt.max_sessions` of the whole broker.
    pub sessions_max: usize,
    /// `retainer.enable`.
    pub retain_available: bool,
    /// `retainer.max_retained_messages`.
    pub retained_max: usize,
    /// `retainer.max_payload_size`, bytes; a larger message is delivered but not retained.
    pub retained_payload_max: usize,
    /// What the clients of each listener are held to, by the listener's number; at least one.
    pub listeners: Vec<ClientLimits>,
}

/// A listener's place in [`Limits::listeners`].
pub(crate) type ListenerId = u16;

/// The bounds of the clients that come in by one listener. A session is held to those of the
/// listener its client used last.
#[derive(Clone, Debug)]
pub struct ClientLimits {
    /// The listener, as [`Grant::listener`](crate::Grant) names it: `tcp:default`.
    pub listener: Box<str>,
    /// `mqtt.idle_timeout`: how long authentication by AUTH may take on a live connection.
    pub exchange_max: Duration,
    /// `mqtt.max_packet_size`, bytes of a whole incoming packet.
    pub packet_size_max: usize,
    /// `mqtt.max_clientid_len`, bytes.
    pub client_id_len_max: usize,
    /// `mqtt.max_topic_len`, bytes of a topic name or filter.
    pub topic_len_max: usize,
    /// `mqtt.max_topic_levels`, levels of a topic name or filter.
    pub topic_levels_max: usize,
    /// `mqtt.max_topic_alias`: topic aliases either side may have in use.
    pub topic_alias_max: u16,
    /// `mqtt.max_user_properties` of one packet.
    pub user_properties_max: usize,
    /// `mqtt.max_qos_allowed`: the highest quality of service of a message from a client.
    pub qos_max: QoS,
    /// `mqtt.wildcard_subscription`: filters may have wildcards.
    pub wildcards: bool,
    /// `mqtt.shared_subscription`: filters may begin with `$share/`.
    pub shared_subscriptions: bool,
    /// `mqtt.check_payload_format`: a payload that says it is UTF-8 has to be.
    pub payload_format_checked: bool,
    /// `mqtt.response_information` for clients that ask for it; `None` there is none.
    pub response_information: Option<Box<str>>,
    /// `mqtt.max_inflight`: unacknowledged QoS 1 and 2 messages to one client.
    pub inflight_max: u16,
    /// `mqtt.receive_maximum`: unacknowledged QoS 1 and 2 messages from one client.
    pub receive_maximum: u16,
    /// `mqtt.max_awaiting_rel`: QoS 2 messages of one session that wait for their PUBREL.
    pub awaiting_rel_max: usize,
    /// `mqtt.max_mqueue_len`: messages in one session's queue (the hard bound).
    pub queue_len_max: usize,
    /// `mqtt.max_mqueue_bytes`: bytes in one session's queue (the hard bound).
    pub queue_bytes_max: usize,
    /// `mqtt.mqueue_soft_limit`: percent of either hard bound above which publishers wait.
    pub queue_soft_percent: u8,
    /// `mqtt.mqueue_store_qos0`: keep QoS 0 messages for a client that is away.
    pub queue_qos0_offline: bool,
    /// `mqtt.max_stall`: how long a slow receiver may hold back its publishers.
    pub stall_max: Duration,
    /// `force_shutdown.max_stall_time`: a receiver that takes nothing for so long while its queue
    /// is over the soft limit is closed; `None` never.
    pub shutdown_after: Option<Duration>,
    /// `mqtt.max_subscriptions` of one session.
    pub subscriptions_max: usize,
    /// `mqtt.session_expiry_interval` of 3.x clients that ask for a persistent session.
    pub session_expiry_v3: Expiry,
    /// `mqtt.max_session_expiry_interval`; `None` no bound.
    pub session_expiry_max: Option<Duration>,
    /// `mqtt.server_keepalive`, `min_keepalive` and `max_keepalive`.
    pub keep_alive: KeepAliveLimits,
    /// `mqtt.keepalive_multiplier` in percent: 150 closes after 1.5 times the keep-alive.
    pub keep_alive_percent: u32,
}

/// Which keep-alives there may be, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepAliveLimits {
    /// Imposed on v5 clients, which are told; `None` the client's own.
    pub imposed: Option<u16>,
    /// A shorter one is lengthened to this; 0 none is too short.
    pub min: u16,
    /// A longer one, or none at all, is cut to this for v5 clients, and refused to 3.x clients, which
    /// cannot be told; `None` none is too long.
    pub max: Option<u16>,
}

impl Limits {
    /// What the clients of a listener are held to; those of the first for a number there is not.
    pub(crate) fn of(&self, listener: ListenerId) -> &ClientLimits {
        // The broker has seen to it that there is a first.
        self.listeners.get(usize::from(listener)).unwrap_or(&self.listeners[0])
    }

    /// The number of the listener of that name; the first if there is none.
    pub(crate) fn listener(&self, name: &str) -> ListenerId {
        let found = self.listeners.iter().position(|one| *one.listener == *name);
        found.map_or(0, |number| number as ListenerId)
    }
}

impl ClientLimits {
    /// The Receive Maximum a v5 client is told: QoS 1 and 2 messages together.
    pub(crate) fn announced_receive_maximum(&self) -> usize {
        usize::from(self.receive_maximum).min(self.awaiting_rel_max)
    }

    /// Messages in a queue above which its publishers are slowed.
    pub(crate) fn queue_len_soft(&self) -> usize {
        (self.queue_len_max * usize::from(self.queue_soft_percent) / 100).max(1)
    }

    /// Bytes in a queue above which its publishers are slowed.
    pub(crate) fn queue_bytes_soft(&self) -> usize {
        (self.queue_bytes_max / 100 * usize::from(self.queue_soft_percent)).max(1)
    }

    /// True if a packet brings more User Properties than it may.
    pub(crate) fn has_too_many_user_properties(&self, properties: Properties<'_>) -> bool {
        properties.user_properties().nth(self.user_properties_max).is_some()
    }

    /// True if a payload is not what its Payload Format Indicator says (MQTT 5.0, 3.3.2.3.2), and
    /// somebody asked to look.
    pub(crate) fn breaks_payload_format(&self, of: Properties<'_>, payload: &[u8]) -> bool {
        self.payload_format_checked
            && of.payload_format_indicator() == Some(true)
            && std::str::from_utf8(payload).is_err()
    }

    /// True if a topic name or filter has more bytes or levels than it may.
    pub(crate) fn is_topic_too_large(&self, topic: &str) -> bool {
        topic.len() > self.topic_len_max
            || topic.bytes().filter(|byte| *byte == b'/').count() >= self.topic_levels_max
    }
}

/// One listener, with these bounds for its clients.
impl From<ClientLimits> for Limits {
    fn from(clients: ClientLimits) -> Self {
        Self { listeners: vec![clients], ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inbox_len_max: 16 * 1024,
            inbox_bytes_max: 64 << 20,
            happened_max: 4096,
            revalidations_max: 16,
            sessions_max: 1_000_000,
            retain_available: true,
            retained_max: 1_000_000,
            retained_payload_max: 1 << 20,
            listeners: vec![ClientLimits::default()],
        }
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            listener: Box::default(),
            exchange_max: Duration::from_secs(15),
            packet_size_max: 1 << 20,
            client_id_len_max: 65_535,
            topic_len_max: 65_535,
            topic_levels_max: 128,
            topic_alias_max: 32,
            user_properties_max: 64,
            qos_max: QoS::ExactlyOnce,
            wildcards: true,
            shared_subscriptions: true,
            payload_format_checked: false,
            response_information: None,
            inflight_max: 128,
            receive_maximum: 256,
            awaiting_rel_max: 65_535,
            queue_len_max: 10_000,
            queue_bytes_max: 16 << 20,
            queue_soft_percent: 10,
            queue_qos0_offline: true,
            stall_max: Duration::from_secs(2),
            shutdown_after: Some(Duration::from_secs(30)),
            subscriptions_max: 10_000,
            session_expiry_v3: Expiry::After(Duration::from_secs(7200)),
            session_expiry_max: None,
            keep_alive: KeepAliveLimits::default(),
            keep_alive_percent: 150,
        }
    }
}
