//! Every bound the core holds, with its unit. The shell fills it from the configuration.
//! Not here: socket limits, which are the shell's.

use std::time::Duration;

use crate::Expiry;

/// The bounds of one broker; each names the configuration key it comes from.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `mqtt.max_packet_size`, bytes of a whole incoming packet.
    pub packet_size_max: usize,
    /// `mqtt.max_clientid_len`, bytes.
    pub client_id_len_max: usize,
    /// `mqtt.max_topic_levels`, levels of a topic name or filter.
    pub topic_levels_max: usize,
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
    /// `node.max_inbox_len`: messages a shard has been sent and not handled yet.
    pub inbox_len_max: usize,
    /// `node.max_inbox_bytes`: their bytes.
    pub inbox_bytes_max: usize,
    /// `mqtt.max_stall`: how long a slow receiver may hold back its publishers.
    pub stall_max: Duration,
    /// `force_shutdown.max_stall_time`: a receiver that takes nothing for so long while its queue
    /// is over the soft limit is closed; `None` never.
    pub shutdown_after: Option<Duration>,
    /// `mqtt.max_subscriptions` of one session.
    pub subscriptions_max: usize,
    /// `mqtt.max_sessions` of the whole broker.
    pub sessions_max: usize,
    /// `mqtt.session_expiry_interval` of 3.x clients that ask for a persistent session.
    pub session_expiry_v3: Expiry,
    /// `mqtt.max_session_expiry_interval`; `None` no bound.
    pub session_expiry_max: Option<Duration>,
    /// `mqtt.server_keepalive` in seconds, imposed on v5 clients, which
    /// are told; `None` the client's own.
    pub server_keep_alive: Option<u16>,
    /// `mqtt.keepalive_multiplier` in percent: 150 closes after 1.5 times the keep-alive.
    pub keep_alive_percent: u32,
    /// `retainer.enable`.
    pub retain_available: bool,
    /// `retainer.max_retained_messages`.
    pub retained_max: usize,
    /// `retainer.max_payload_size`, bytes; a larger message is delivered but not retained.
    pub retained_payload_max: usize,
}

impl Limits {
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet_size_max: 1 << 20,
            client_id_len_max: 65_535,
            topic_levels_max: 128,
            inflight_max: 128,
            receive_maximum: 256,
            awaiting_rel_max: 65_535,
            queue_len_max: 10_000,
            queue_bytes_max: 16 << 20,
            queue_soft_percent: 10,
            queue_qos0_offline: true,
            inbox_len_max: 16 * 1024,
            inbox_bytes_max: 64 << 20,
            stall_max: Duration::from_secs(2),
            shutdown_after: Some(Duration::from_secs(30)),
            subscriptions_max: 10_000,
            sessions_max: 1_000_000,
            session_expiry_v3: Expiry::After(Duration::from_secs(7200)),
            session_expiry_max: None,
            server_keep_alive: None,
            keep_alive_percent: 150,
            retain_available: true,
            retained_max: 1_000_000,
            retained_payload_max: 1 << 20,
        }
    }
}
