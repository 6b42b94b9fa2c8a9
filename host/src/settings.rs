//! From the configuration to the bounds of the core and of plugins.

use theseus_ban::Bounds as BanBounds;
use theseus_config::{Ban, Config, Listener, Mqtt, Policy};
use theseus_core::{ClientLimits, Expiry, KeepAliveLimits, Limits};
use theseus_mqtt::QoS;
use theseus_wasm::Bounds;

use crate::listen::HandshakeLimits;

/// The bounds the core holds, as the configuration sets them.
pub(crate) fn limits(config: &Config) -> Limits {
    Limits {
        inbox_len_max: config.node.max_inbox_len,
        inbox_bytes_max: config.node.max_inbox_bytes,
        happened_max: config.ban.max_pending_events,
        revalidations_max: config.policy.max_revalidations,
        sessions_max: config.mqtt.max_sessions.unwrap_or(usize::MAX),
        retain_available: config.retainer.enable,
        retained_max: config.retainer.max_retained_messages.unwrap_or(usize::MAX),
        retained_payload_max: config.retainer.max_payload_size,
        listeners: config.listeners.iter().map(|one| client_limits(config, one)).collect(),
    }
}

/// What holds for who comes in by a listener, until it is let in.
pub(crate) fn handshake(mqtt: &Mqtt) -> HandshakeLimits {
    HandshakeLimits { timeout: mqtt.idle_timeout, packet_size_max: mqtt.max_connect_packet_size }
}

/// What the clients of one listener are held to.
fn client_limits(config: &Config, listener: &Listener) -> ClientLimits {
    let mqtt = config.mqtt_of(listener);
    let shutdown = &config.force_shutdown;
    ClientLimits {
        listener: listener.title().into(),
        exchange_max: mqtt.idle_timeout,
        packet_size_max: mqtt.max_packet_size,
        client_id_len_max: mqtt.max_clientid_len,
        topic_len_max: mqtt.max_topic_len,
        topic_levels_max: mqtt.max_topic_levels,
        topic_alias_max: mqtt.max_topic_alias,
        user_properties_max: mqtt.max_user_properties,
        qos_max: QoS::try_from(mqtt.max_qos_allowed as u8).unwrap_or(QoS::ExactlyOnce),
        wildcards: mqtt.wildcard_subscription,
        shared_subscriptions: mqtt.shared_subscription,
        payload_format_checked: mqtt.check_payload_format,
        response_information: Some(&*mqtt.response_information)
            .filter(|text| !text.is_empty())
            .map(Into::into),
        inflight_max: mqtt.max_inflight,
        receive_maximum: mqtt.receive_maximum,
        awaiting_rel_max: usize::from(mqtt.max_awaiting_rel),
        queue_len_max: mqtt.max_mqueue_len,
        queue_bytes_max: mqtt.max_mqueue_bytes,
        queue_soft_percent: mqtt.mqueue_soft_limit as u8,
        queue_qos0_offline: mqtt.mqueue_store_qos0,
        stall_max: mqtt.max_stall,
        shutdown_after: shutdown.enable.then_some(shutdown.max_stall_time),
        subscriptions_max: mqtt.max_subscriptions.unwrap_or(usize::MAX),
        session_expiry_v3: mqtt.default_session_expiry().map_or(Expiry::Never, Expiry::After),
        session_expiry_max: mqtt.max_session_expiry_interval,
        keep_alive: KeepAliveLimits {
            imposed: mqtt.server_keepalive,
            min: mqtt.min_keepalive.unwrap_or(0),
            max: mqtt.max_keepalive,
        },
        keep_alive_percent: (mqtt.keepalive_multiplier * 100.0) as u32,
    }
}

/// The bounds of the ban table.
pub(crate) fn ban_bounds(ban: &Ban) -> BanBounds {
    let bits = |bits: u16| u8::try_from(bits).unwrap_or(u8::MAX);
    BanBounds {
        entries_max: ban.max_entries,
        ipv4_bits_min: bits(ban.shortest_ipv4_prefix),
        ipv6_bits_min: bits(ban.shortest_ipv6_prefix),
    }
}

/// The bounds that hold for every plugin.
pub(crate) fn plugin_bounds(policy: &Policy) -> Bounds {
    Bounds {
        instances: policy.max_instances,
        instance_memory: policy.max_instance_memory,
        memory: policy.max_plugin_memory,
        login_cpu: policy.login_cpu_time,
        authorize_cpu: policy.authorize_cpu_time,
        call_wall: policy.login_timeout,
        file_size_max: policy.max_plugin_size,
    }
}
