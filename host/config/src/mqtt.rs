//! `[mqtt]`: what every client may do, and the bounds of its session.
//! Not what a policy decides client by client.
//! Used by the host for connections, and handed to the core as plain numbers.

use std::time::Duration;

use crate::error::Errors;
use crate::kind::{Bytes, Choice, Count, Factor, Flag, OrWord, Short, Span, Words};
use crate::read::Reader;
use crate::section::{Section, section};
use crate::ssl_options::CertificateField;
use crate::walk::Findings;

const MB: u64 = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);
/// A session's expiry is four bytes of seconds on the wire, and all ones mean "never".
const LONGEST_EXPIRY: Duration = Duration::from_secs(u32::MAX as u64 - 1);

section! {
    /// Limits of the protocol and of every session.
    pub struct Mqtt["mqtt"] {
        /// How long a client may be waited for until it is let in: its CONNECT, and its answers in an
        /// exchange by AUTH, all together. Authenticating again by AUTH may take as long.
        idle_timeout: Duration = "15s" as Span { min: Duration::from_millis(100), max: HOUR };
        /// The largest packet a client may send, header included; MQTT 5 clients are told.
        max_packet_size: usize = "1MB" as Bytes { min: 256, max: 256 * MB };
        /// The largest CONNECT: all that a stranger can make the broker hold. At most
        /// `max_packet_size`.
        max_connect_packet_size: usize = "64KB" as Bytes { min: 256, max: 256 * MB };
        /// The longest client id, in bytes of UTF-8.
        max_clientid_len: usize = 65_535 as Count { min: 23, max: 65_535 };
        /// The longest topic or filter, in bytes of UTF-8.
        max_topic_len: usize = 65_535 as Count { min: 1, max: 65_535 };
        /// The most levels of a topic or filter: `a/b/c` has three.
        max_topic_levels: usize = 128 as Count { min: 1, max: 65_535 };
        /// Topic aliases that an MQTT 5 client may have in use, and that are used towards it if it
        /// allows so many; each can hold a topic in memory. 0 offers none.
        max_topic_alias: u16 = 32 as Short { min: 0, max: 65_535 };
        /// User properties of one packet; a CONNECT or PUBLISH with more is refused.
        max_user_properties: usize = 64 as Count { min: 0, max: 65_535 };
        /// The highest QoS of a message from a client; MQTT 5 clients are told.
        max_qos_allowed: u16 = 2 as Short { min: 0, max: 2 };
        /// What of a client's certificate becomes its user name, whatever CONNECT says: the common name, the
        /// first alternative name of a kind, the whole subject, serial number or SHA-256 in hexadecimal. A
        /// certificate without it is refused; a client without a certificate keeps what it says.
        peer_cert_as_username: Option<CertificateField> = "disabled"
            as OrWord("disabled", Choice(CertificateField::WORDS));
        /// The same for its client id.
        peer_cert_as_clientid: Option<CertificateField> = "disabled"
            as OrWord("disabled", Choice(CertificateField::WORDS));
        /// Lets filters have wildcards; MQTT 5 clients are told when not.
        wildcard_subscription: bool = true as Flag;
        /// Lets clients share subscriptions (`$share/NAME/FILTER`): each message goes to one of those
        /// who share. MQTT 5 clients are told when not.
        shared_subscription: bool = true as Flag;
        /// Refuses messages whose payload is not UTF-8 although their Payload Format Indicator says so.
        check_payload_format: bool = false as Flag;
        /// What MQTT 5 clients that ask for Response Information are told: by custom the beginning of
        /// the topics where answers may be expected. Empty tells nothing.
        response_information: String = "" as Words { max: 1024 };
        /// QoS 1 and 2 messages sent to a client and not yet acknowledged. An MQTT 5 client can ask
        /// for fewer.
        max_inflight: u16 = 128 as Short { min: 1, max: 65_535 };
        /// QoS 1 and 2 messages a client may send before they are acknowledged (Receive Maximum of
        /// MQTT 5).
        receive_maximum: u16 = 256 as Short { min: 1, max: 65_535 };
        /// QoS 2 messages of a client that wait for its PUBREL; two bytes each. A lower one closes
        /// MQTT 3 clients that exceed it, and lowers the Receive Maximum of MQTT 5.
        max_awaiting_rel: u16 = 65_535 as Short { min: 1, max: 65_535 };
        /// Hard bound of a session's queue in messages; at the bound the oldest is dropped and
        /// counted.
        max_mqueue_len: usize = 10_000 as Count { min: 1, max: 1_000_000 };
        /// Hard bound of a session's queue in bytes of topics and payloads.
        max_mqueue_bytes: usize = "16MB" as Bytes { min: 1024, max: 1024 * MB };
        /// Percent of either hard bound above which those who publish to a connected client are
        /// slowed down. What lies between the two has room for what they have under way already.
        mqueue_soft_limit: usize = 10 as Count { min: 1, max: 100 };
        /// How long one slow receiver may slow down those who publish to it.
        max_stall: Duration = "2s" as Span { min: Duration::ZERO, max: HOUR };
        /// Keeps QoS 0 messages in the queue too while the client is away.
        mqueue_store_qos0: bool = true as Flag;
        /// Subscriptions of one client. One packet may bring as many filters, or 1,024 where that is more;
        /// one with more closes the connection.
        max_subscriptions: Option<usize> = 10_000
            as OrWord("infinity", Count { min: 1, max: 10_000_000 });
        /// Sessions of this broker, connected or not; at the bound a new client is refused.
        max_sessions: Option<usize> = 1_000_000
            as OrWord("infinity", Count { min: 1, max: 100_000_000 });
        /// How long a session outlives its connection for MQTT 3 clients with clean session 0.
        session_expiry_interval: Option<Duration> = "2h"
            as OrWord("infinity", Span { min: Duration::ZERO, max: LONGEST_EXPIRY });
        /// The longest session expiry anyone gets: a client that asks for more, and the interval
        /// above, are cut to it.
        max_session_expiry_interval: Option<Duration> = "infinity"
            as OrWord("infinity", Span { min: Duration::ZERO, max: LONGEST_EXPIRY });
        /// Keep alive in seconds that MQTT 5 clients are told to use instead of their own.
        server_keepalive: Option<u16> = "disabled"
            as OrWord("disabled", Short { min: 1, max: 65_535 });
        /// The shortest keep alive, in seconds: that of an MQTT 5 client is raised to it, and an MQTT 3
        /// client is given as long.
        min_keepalive: Option<u16> = "disabled"
            as OrWord("disabled", Short { min: 1, max: 65_535 });
        /// The longest keep alive, in seconds, which also holds where a client wants none: that of an
        /// MQTT 5 client is cut to it; an MQTT 3 client, which cannot be told, is refused.
        max_keepalive: Option<u16> = "disabled"
            as OrWord("disabled", Short { min: 1, max: 65_535 });
        /// A client is gone after its keep alive, times this, without a packet. MQTT demands 1.5.
        keepalive_multiplier: f64 = 1.5 as Factor { min: 1.0, max: 10.0 };
    }
}

impl Mqtt {
    /// The section `[listeners.tcp.NAME.mqtt]`.
    pub(crate) const OF_LISTENER: Section = Section {
        path: &["listeners", "tcp", "*", "mqtt"],
        doc: "Overrides keys of `[mqtt]` for the clients of this listener: any but `max_sessions`, which \
              is for the whole broker. A session is held to the bounds of the listener that its client \
              came in by last.",
        keys: Self::SECTION.keys,
        free_keys: false,
        explained_in: Some("mqtt"),
    };

    /// The section `[listeners.ws.NAME.mqtt]`.
    pub(crate) const OF_WS_LISTENER: Section = Section {
        path: &["listeners", "ws", "*", "mqtt"],
        doc: "The same for the clients of a WebSocket listener.",
        ..Self::OF_LISTENER
    };

    /// The section `[listeners.ssl.NAME.mqtt]`.
    pub(crate) const OF_SSL_LISTENER: Section = Section {
        path: &["listeners", "ssl", "*", "mqtt"],
        doc: "The same for the clients of a TLS listener.",
        ..Self::OF_LISTENER
    };

    /// The section `[listeners.wss.NAME.mqtt]`.
    pub(crate) const OF_WSS_LISTENER: Section = Section {
        path: &["listeners", "wss", "*", "mqtt"],
        doc: "The same for the clients of a WebSocket listener under TLS.",
        ..Self::OF_LISTENER
    };

    /// All defaults.
    pub(crate) fn of_defaults() -> Option<Self> {
        let mut errors = Errors::new("");
        Self::read(&mut Reader::new(Findings::default(), &mut errors), "mqtt")
    }

    /// What holds for the clients of a listener, whose own section stands at `at`.
    pub(crate) fn read_of_listener(&self, reader: &mut Reader<'_>, at: &str) -> Option<Self> {
        let own = format!("{at}.mqtt");
        let sessions = format!("{own}.max_sessions");
        if let Some(origin) = reader.misplaced(&sessions) {
            let problem = "is for the whole broker: it stands in [mqtt] only".to_owned();
            reader.report(&origin, &sessions, problem);
        }
        self.read_over(reader, &own)
    }

    /// [`session_expiry_interval`](Self::session_expiry_interval), cut to
    /// [`max_session_expiry_interval`](Self::max_session_expiry_interval); none means never.
    pub fn default_session_expiry(&self) -> Option<Duration> {
        match (self.session_expiry_interval, self.max_session_expiry_interval) {
            (Some(interval), Some(max)) => Some(interval.min(max)),
            (interval, max) => interval.or(max),
        }
    }
}
