//! The topics that mosquitto publishes below `$SYS/broker/`, under its names and with its meanings.
//! Left out are those about things that are not here: heap, bridges, the store of all messages.

use super::figures::Figures;
use super::status::Maxima;

/// Names below `$SYS/broker/`, with their values.
pub(super) fn values(figures: &Figures, maxima: &Maxima) -> [(&'static str, u64); 19] {
    let Figures { totals, connections, sessions, .. } = figures;
    let away = sessions.saturating_sub(*connections);
    [
        ("clients/total", *sessions),
        ("clients/connected", *connections),
        ("clients/active", *connections),
        ("clients/disconnected", away),
        ("clients/inactive", away),
        ("clients/maximum", maxima.connections),
        ("clients/expired", totals.sessions_expired),
        // Packets of every type, in spite of the name.
        ("messages/received", totals.packets_received.all()),
        ("messages/sent", totals.packets_sent.all()),
        ("publish/messages/received", totals.messages_received),
        ("publish/messages/sent", totals.messages_sent),
        ("publish/messages/dropped", figures.dropped()),
        ("publish/bytes/received", totals.payload_bytes_received),
        ("publish/bytes/sent", totals.payload_bytes_sent),
        ("bytes/received", totals.bytes_received),
        ("bytes/sent", totals.bytes_sent),
        ("subscriptions/count", figures.plain_subscriptions()),
        ("shared_subscriptions/count", figures.shared_subscriptions),
        ("retained messages/count", figures.retained),
    ]
}
