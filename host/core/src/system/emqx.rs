//! The topics that EMQX publishes below `$SYS/brokers/NODE/`, under its names: `stats` says how much
//! there is and was at most, `metrics` what was counted. Only those that are counted here.

use super::figures::Figures;
use super::status::Maxima;
use crate::metrics::Totals;

/// Names below `stats/`: each stands for `NAME/count` and `NAME/max`.
pub(super) fn stats(figures: &Figures, maxima: &Maxima) -> [(&'static str, u64, u64); 7] {
    [
        ("connections", figures.sessions, maxima.sessions),
        ("live_connections", figures.connections, maxima.connections),
        ("sessions", figures.sessions, maxima.sessions),
        ("subscriptions", figures.subscriptions, maxima.subscriptions),
        ("subscriptions/shared", figures.shared_subscriptions, maxima.shared_subscriptions),
        ("topics", figures.filters, maxima.filters),
        ("retained", figures.retained, maxima.retained),
    ]
}

/// Names below `metrics/`, with their values.
pub(super) fn metrics(figures: &Figures) -> impl Iterator<Item = (String, u64)> {
    let totals = &figures.totals;
    let single = single(figures).into_iter().map(|(name, value)| (name.to_owned(), value));
    let (received, sent) = (&totals.packets_received, &totals.packets_sent);
    let received_by_type = RECEIVED
        .iter()
        .map(|(kind, name)| (format!("packets/{name}/received"), received.of_type(*kind)));
    let sent_by_type =
        SENT.iter().map(|(kind, name)| (format!("packets/{name}/sent"), sent.of_type(*kind)));
    let by_qos = (0..3).flat_map(|qos| {
        [
            (format!("messages/qos{qos}/received"), received.of_qos(qos)),
            (format!("messages/qos{qos}/sent"), sent.of_qos(qos)),
        ]
    });
    single.chain(received_by_type).chain(sent_by_type).chain(by_qos)
}

fn single(figures: &Figures) -> [(&'static str, u64); 16] {
    let totals: &Totals = &figures.totals;
    [
        ("bytes/received", totals.bytes_received),
        ("bytes/sent", totals.bytes_sent),
        ("packets/received", totals.packets_received.all()),
        ("packets/sent", totals.packets_sent.all()),
        ("packets/publish/auth_error", totals.publishes_denied),
        ("packets/subscribe/auth_error", totals.subscribes_denied),
        ("messages/received", totals.messages_received),
        ("messages/sent", totals.messages_sent),
        ("delivery/dropped", figures.dropped()),
        ("delivery/dropped/too_large", totals.messages_dropped_too_large),
        ("delivery/dropped/qos0_msg", totals.messages_dropped_offline_qos0),
        ("delivery/dropped/queue_full", totals.messages_dropped_queue_full),
        ("delivery/dropped/expired", totals.messages_dropped_expired),
        ("client/connected", totals.client_connected),
        ("client/disconnected", totals.client_disconnected),
        ("session/takenover", totals.session_takeovers),
    ]
}

/// Packet types that clients send (MQTT 5.0, 2.1.2).
const RECEIVED: [(u8, &str); 11] = [
    (1, "connect"),
    (3, "publish"),
    (4, "puback"),
    (5, "pubrec"),
    (6, "pubrel"),
    (7, "pubcomp"),
    (8, "subscribe"),
    (10, "unsubscribe"),
    (12, "pingreq"),
    (14, "disconnect"),
    (15, "auth"),
];

/// Packet types that servers send.
const SENT: [(u8, &str); 11] = [
    (2, "connack"),
    (3, "publish"),
    (4, "puback"),
    (5, "pubrec"),
    (6, "pubrel"),
    (7, "pubcomp"),
    (9, "suback"),
    (11, "unsuback"),
    (13, "pingresp"),
    (14, "disconnect"),
    (15, "auth"),
];
