//! From the configuration to the bounds of the core and of plugins.

use theseus_config::{Config, Policy};
use theseus_core::{Expiry, Limits};
use theseus_wasm::Bounds;

/// The bounds the core holds, as the configuration sets them.
pub(crate) fn limits(config: &Config) -> Limits {
    let mqtt = &config.mqtt;
    let shutdown = &config.force_shutdown;
    Limits {
        packet_size_max: mqtt.max_packet_size,
        client_id_len_max: mqtt.max_clientid_len,
        topic_levels_max: mqtt.max_topic_levels,
        inflight_max: mqtt.max_inflight,
        receive_maximum: mqtt.receive_maximum,
        awaiting_rel_max: usize::from(mqtt.max_awaiting_rel),
        queue_len_max: mqtt.max_mqueue_len,
        queue_bytes_max: mqtt.max_mqueue_bytes,
        queue_soft_percent: mqtt.mqueue_soft_limit as u8,
        queue_qos0_offline: mqtt.mqueue_store_qos0,
        inbox_len_max: config.node.max_inbox_len,
        inbox_bytes_max: config.node.max_inbox_bytes,
        stall_max: mqtt.max_stall,
        shutdown_after: shutdown.enable.then_some(shutdown.max_stall_time),
        subscriptions_max: mqtt.max_subscriptions.unwrap_or(usize::MAX),
        sessions_max: mqtt.max_sessions.unwrap_or(usize::MAX),
        session_expiry_v3: mqtt.default_session_expiry().map_or(Expiry::Never, Expiry::After),
        session_expiry_max: mqtt.max_session_expiry_interval,
        server_keep_alive: mqtt.server_keepalive,
        keep_alive_percent: (mqtt.keepalive_multiplier * 100.0) as u32,
        retain_available: config.retainer.enable,
        retained_max: config.retainer.max_retained_messages.unwrap_or(usize::MAX),
        retained_payload_max: config.retainer.max_payload_size,
    }
}

/// The bounds that hold for every plugin.
pub(crate) fn plugin_bounds(policy: &Policy) -> Bounds {
    Bounds {
        instances: policy.max_instances,
        instance_memory: policy.max_instance_memory,
        login_cpu: policy.login_cpu_time,
        call_wall: policy.login_timeout,
        file_size_max: policy.max_plugin_size,
    }
}
