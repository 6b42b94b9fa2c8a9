//! Counters of what happened and of every bound that was hit (invariant 6).
//! One set per shard, written by its thread only, read by anyone.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::packet_counters::{PacketCounters, PacketTotals};

/// A number that one thread raises and others may read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `by`. Only the owning shard calls this, so no read-modify-write is needed.
    pub fn add(&self, by: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// The current value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! metrics {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// The counters of one shard, named as EMQX names its metrics where it has them.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $doc])* pub $name: Counter,)*
            /// Packets received, by type.
            pub packets_received: PacketCounters,
            /// Packets handed to the output of a connection, by type.
            pub packets_sent: PacketCounters,
        }

        /// The same over all shards.
        #[derive(Clone, Debug, Default)]
        pub struct Totals {
            $($(#[doc = $doc])* pub $name: u64,)*
            /// Packets received, by type.
            pub packets_received: PacketTotals,
            /// Packets handed to the output of a connection, by type.
            pub packets_sent: PacketTotals,
        }

        impl Metrics {
            /// The name of every counter and what it counts, in the order of declaration.
            pub const HELP: &'static [(&'static str, &'static str)] =
                &[$((stringify!($name), concat!($($doc),*)),)*];

            /// Every counter with its name, in the order of declaration.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name.value()),)*].into_iter()
            }

            /// Adds the counters to `totals`.
            pub(crate) fn add_to(&self, totals: &mut Totals) {
                $(totals.$name += self.$name.value();)*
                self.packets_received.add_to(&mut totals.packets_received);
                self.packets_sent.add_to(&mut totals.packets_sent);
            }
        }
    };
}

metrics! {
    /// Bytes read from the sockets of clients: their CONNECT, and all that follows it.
    bytes_received,
    /// Bytes that the sockets of clients have taken.
    bytes_sent,
    /// Payload bytes of PUBLISH packets received.
    payload_bytes_received,
    /// Payload bytes of PUBLISH packets handed to the output of a connection.
    payload_bytes_sent,
    /// Sockets accepted, whatever became of them.
    sockets_accepted,
    /// PUBLISH packets received.
    messages_received,
    /// PUBLISH packets handed to the output of a connection.
    messages_sent,
    /// Messages dropped because a session's queue was at its hard bound.
    messages_dropped_queue_full,
    /// Messages dropped because they expired before delivery began.
    messages_dropped_expired,
    /// Messages dropped because the client's Maximum Packet Size is smaller.
    messages_dropped_too_large,
    /// Messages of a shared subscription dropped because no member was left to take them.
    messages_dropped_no_member,
    /// Messages of a shared subscription that a member left behind for the others.
    messages_passed_on,
    /// QoS 0 messages not queued for a client that is away.
    messages_dropped_offline_qos0,
    /// Messages delivered but not retained: the store was full or the payload too large.
    retained_refused,
    /// Connections closed because a packet was larger than `mqtt.max_packet_size`.
    packets_too_large,
    /// Topic names and filters refused, also those of wills, because they were longer or had more
    /// levels than they may: `mqtt.max_topic_levels` and its like.
    topics_too_large,
    /// Sockets closed because their CONNECT did not come within `mqtt.idle_timeout`.
    connect_timeouts,
    /// Sockets closed because their CONNECT was larger than `mqtt.max_connect_packet_size`.
    connects_too_large,
    /// Times a client sent so much before it was let in that its socket was not looked at any more.
    early_bytes_full,
    /// Times reading from a client stopped because it did not take the answers to what it had sent.
    answers_full,
    /// Sockets closed at once because their listener was at `max_connections`.
    listener_full,
    /// Sockets closed at once because their address is banned, or the one that a balancer speaks for.
    sockets_banned,
    /// Sockets closed at once because they did not come from `proxy_protocol_networks`.
    proxy_peers_refused,
    /// Headers of the PROXY protocol that were read.
    proxy_headers,
    /// Connections closed because they began with something else, with a malformed header or a part of one.
    proxy_headers_refused,
    /// Connections closed because no whole header came within `proxy_protocol_timeout`.
    proxy_header_timeouts,
    /// TLS handshakes that were done.
    tls_handshakes,
    /// Connections closed because too many handshakes were under way: `ssl_options.max_handshakes`.
    tls_handshakes_busy,
    /// TLS handshakes that came to nothing: the client broke the rules, went away, or took longer than
    /// `ssl_options.handshake_timeout`.
    tls_handshakes_failed,
    /// HTTP requests that a WebSocket listener has refused.
    upgrades_refused,
    /// Logins that were decided against.
    logins_refused,
    /// Logins refused because too many wait: `policy.max_pending_logins`, `max_pending_hashes`,
    /// `max_instances`.
    logins_busy,
    /// Logins refused because their client id or user name is banned, or a plugin said so.
    logins_banned,
    /// Things that happened and that plugins of the slot ban were not told: `ban.max_pending_events`.
    ban_events_dropped,
    /// Times a plugin was asked whether a client is banned and failed; the client went on.
    ban_checks_failed,
    /// Logins refused because a plugin failed, was missing or took longer than it may.
    logins_unavailable,
    /// CONNECT packets refused for their form (client id, keep-alive, will, properties), or because a certificate
    /// does not name its client.
    connects_refused,
    /// CONNECT packets accepted.
    client_connected,
    /// Connections that ended, for any reason.
    client_disconnected,
    /// Connections taken over by a newer one with the same client id.
    session_takeovers,
    /// CONNECT packets refused because `mqtt.max_sessions` was reached.
    sessions_refused,
    /// Sessions that ended by expiry.
    sessions_expired,
    /// Subscriptions that began, shared ones included.
    subscriptions_begun,
    /// Subscriptions that ended; the difference is how many there are.
    subscriptions_ended,
    /// Shared subscriptions that began.
    shared_subscriptions_begun,
    /// Shared subscriptions that ended.
    shared_subscriptions_ended,
    /// SUBSCRIBE filters refused because `mqtt.max_subscriptions` was reached.
    subscriptions_refused,
    /// Times a client was not read from until a limit had room again (`pause`).
    reads_paused_by_limit,
    /// Messages from clients dropped by a limit (`drop`).
    messages_dropped_by_limit,
    /// Messages from clients refused by a limit (`refuse`).
    messages_refused_by_limit,
    /// SUBSCRIBE filters refused by a limit.
    subscribes_refused_by_limit,
    /// Times the messages for a client waited until a limit had room again (`pause`).
    deliveries_paused_by_limit,
    /// Messages to clients dropped by a limit (`drop`, `refuse`).
    deliveries_dropped_by_limit,
    /// Connections ended by a limit (`disconnect`).
    disconnected_by_limit,
    /// CONNECT packets refused by a limit.
    connects_refused_by_limit,
    /// Times a plugin failed that was asked for the limits of a client: those it had go on to hold.
    limits_unanswered,
    /// PUBLISH packets that authorization denied.
    publishes_denied,
    /// PUBLISH and SUBSCRIBE packets that waited for the answer of a plugin, and questions about
    /// subscriptions of resumed sessions.
    packets_asked,
    /// Packets and wills refused because nobody could be asked about them: `policy.max_pending_questions`
    /// waited already.
    questions_busy,
    /// Packets and wills refused because a plugin failed, was missing or took longer than it may.
    questions_unanswered,
    /// Messages that a hook has dropped.
    messages_dropped_by_hook,
    /// PUBLISH packets whose payload is not the UTF-8 it says it is: `mqtt.check_payload_format`.
    payloads_invalid,
    /// SUBSCRIBE filters that authorization denied.
    subscribes_denied,
    /// Wills that authorization denied.
    wills_denied,
    /// Logins that ended within an exchange by AUTH: refused, too slow, or against its rules.
    exchanges_refused,
    /// Clients that authenticated again on a live connection.
    reauthentications,
    /// Connections closed because that failed, or took longer than `mqtt.idle_timeout`.
    reauthentications_refused,
    /// Times a connected client was asked about again and stayed as it was.
    revalidations_kept,
    /// Likewise, and it stayed with a new grant.
    revalidations_renewed,
    /// Connections closed because a plugin that was asked again said so, or nobody vouched for the client.
    revalidations_denied,
    /// Times nobody could say whether a connected client may stay: a plugin failed or was missing.
    revalidations_failed,
    /// Connections closed because their grant was over.
    grants_expired,
    /// Connections closed because the certificate of their client is not trusted any more.
    disconnected_by_certificate,
    /// Connections closed for a malformed packet or a protocol error.
    protocol_errors,
    /// Connections closed because their keep-alive passed.
    keep_alive_timeouts,
    /// PUBACK and PUBREC packets withheld because a receiver was slow.
    acks_withheld,
    /// Withheld acknowledgements given back by `mqtt.max_stall`, not by the receiver.
    acks_released_by_stall,
    /// Receivers closed by `force_shutdown`.
    force_shutdowns,
    /// Times a reader was paused: its output was full, or too many of its acks were withheld.
    reads_paused,
    /// Times an inbox was at its bound and a publisher had to wait.
    inbox_full,
    /// Panics contained in a connection.
    panics,
}
