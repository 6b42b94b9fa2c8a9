//! `[listeners.tcp.NAME]`, `ssl`, `ws` and `wss`: where clients connect, in plain TCP or under TLS, with or
//! without WebSocket. Not what TLS is made of (`ssl_options`).
//! Used by the host's listeners.

use std::net::SocketAddr;
use std::time::Duration;

use theseus_acl::Network;

use crate::kind::{Address, Bytes, Count, Flag, OrWord, Origins, RequestPath, Span};
use crate::lists::{Names, Networks};
use crate::read::Reader;
use crate::section::{LIVE, Section, section};
use crate::ssl_options::SslOptions;
use crate::walk::Named;

section! {
    /// A TCP listener; there can be any number, each with a name of its own
    /// (lower-case letters, digits, `_` and `-`).
    pub struct Listener["listeners", "tcp", "*"]
        given name: String, "The part of the path after `listeners.tcp`, `ssl`, `ws` or `wss`."
        given ssl_options: Option<SslOptions>, "The TLS under everything else; none on `tcp` and `ws`."
        given websocket: Option<WebSocket>, "What carries MQTT on `ws` and `wss`."
    {
        /// The address and port to listen on; port 0 takes any free one.
        bind: SocketAddr as Address;
        /// Connections this listener holds at the same time; more are closed at once.
        max_connections: Option<usize> = 1_024_000
            as OrWord("infinity", Count { min: 1, max: 100_000_000 });
        /// One socket for each shard (`SO_REUSEPORT`), so the kernel spreads the connections.
        reuse_port: bool = true as Flag;
        /// Connections the kernel may hold until they are accepted.
        backlog: usize = 1024 as Count { min: 1, max: 65_535 };
        /// Whoever connects is a load balancer, and says before everything else whom it speaks for, by the
        /// PROXY protocol, version 1 or 2. That address counts from then on: for bans, limits, rules, plugins
        /// and the log. Who begins otherwise is closed.
        proxy_protocol: bool = false as Flag;
        /// How long a balancer may take to say so. Only then begins all other time.
        proxy_protocol_timeout: Duration = "3s"
            as Span { min: Duration::from_millis(100), max: Duration::from_secs(3600) };
        /// Where the balancers are: addresses, and networks in which nobody else is, since whoever is there can
        /// say that it is anybody. Who connects from elsewhere is closed at once.
        proxy_protocol_networks: Vec<Network> = [] as Networks;
        /// Overrides the top-level `allow_anonymous` on this listener.
        allow_anonymous: Option<bool> = "inherit" as OrWord("inherit", Flag), LIVE;
        /// Overrides the top-level `authentication` on this listener; `[]` asks no plugin.
        authentication: Option<Vec<String>> = "inherit" as OrWord("inherit", Names), LIVE;
    }
}

section! {
    /// How a WebSocket listener is reached. The MQTT packets travel in binary frames.
    pub struct WebSocket["listeners", "ws", "*", "websocket"] {
        /// The path of the URL that clients connect to.
        mqtt_path: String = "/mqtt" as RequestPath;
        /// The largest frame a client may send; a larger one closes the connection (1009). A frame is
        /// handled as it comes, and may be larger than a packet: browsers gather what they send.
        max_frame_size: usize = "16MB" as Bytes { min: 256, max: 1024 * MB };
        /// Refuses clients that do not offer the subprotocol `mqtt`, as MQTT demands.
        fail_if_no_subprotocol: bool = true as Flag;
        /// Lets browsers in only from pages of `check_origins`.
        check_origin_enable: bool = false as Flag;
        /// The origins of those pages, such as `https://app.example.com`.
        check_origins: Vec<String> = [] as Origins;
        /// Lets in clients that name no origin, which all but browsers are, although origins are
        /// checked.
        allow_origin_absence: bool = true as Flag;
    }
}

/// The section of a TLS listener.
pub(crate) const SSL_LISTENER: Section = Section {
    path: &["listeners", "ssl", "*"],
    doc: "A listener under TLS, likewise; `ssl_options` has its certificate. Its keys are those of a TCP \
          listener; by custom its port is 8883.",
    explained_in: Some("listeners.tcp.NAME"),
    ..Listener::SECTION
};

/// The section of a WebSocket listener.
pub(crate) const WS_LISTENER: Section = Section {
    path: &["listeners", "ws", "*"],
    doc: "A WebSocket listener, likewise, for browsers and for clients behind an HTTP proxy. Its keys are \
          those of a TCP listener.",
    explained_in: Some("listeners.tcp.NAME"),
    ..Listener::SECTION
};

/// The section of a WebSocket listener under TLS.
pub(crate) const WSS_LISTENER: Section = Section {
    path: &["listeners", "wss", "*"],
    doc: "A WebSocket listener under TLS, likewise; by custom its port is 8084.",
    explained_in: Some("listeners.tcp.NAME"),
    ..Listener::SECTION
};

impl WebSocket {
    /// The section `[listeners.wss.NAME.websocket]`.
    pub(crate) const OF_WSS: Section = Section {
        path: &["listeners", "wss", "*", "websocket"],
        doc: "The same for a WebSocket listener under TLS.",
        explained_in: Some("listeners.ws.NAME.websocket"),
        ..Self::SECTION
    };
}

const MB: u64 = 1 << 20;

impl Listener {
    /// Its section: `listeners.tcp.default`.
    pub fn path(&self) -> String {
        format!("listeners.{}.{}", self.word(), self.name)
    }

    /// As plugins, rules and logs know it: `tcp:default`.
    pub fn title(&self) -> String {
        format!("{}:{}", self.word(), self.name)
    }

    /// Its kind's part of paths and titles.
    fn word(&self) -> &'static str {
        match (&self.ssl_options, &self.websocket) {
            (None, None) => "tcp",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "ws",
            (Some(_), Some(_)) => "wss",
        }
    }

    /// Reads the listener of one section.
    pub(crate) fn read_door(reader: &mut Reader<'_>, door: &Named) -> Option<Self> {
        let is = |kinds: [&str; 2]| kinds.iter().any(|above| door.path.starts_with(above));
        let mut wrong = false;
        let (mut ssl_options, mut websocket) = (None, None);
        if is(["listeners.ssl.", "listeners.wss."]) {
            ssl_options = SslOptions::read_whole(reader, &format!("{}.ssl_options", door.path));
            wrong |= ssl_options.is_none();
        }
        if is(["listeners.ws.", "listeners.wss."]) {
            websocket = WebSocket::read(reader, &format!("{}.websocket", door.path));
            wrong |= websocket.is_none();
        }
        // The section itself is read even if those are wrong, for its errors.
        let name = door.name().to_owned();
        let listener = Self::read(reader, &door.path, name, ssl_options, websocket)?;
        (!wrong).then_some(listener)
    }
}

/// The sections of all listeners, in the order of the file, those of one kind together.
pub(crate) fn doors(reader: &Reader<'_>) -> Vec<Named> {
    let kinds = ["tcp", "ssl", "ws", "wss"];
    kinds.iter().flat_map(|kind| reader.named(&format!("listeners.{kind}"))).collect()
}
