//! `[listeners.tcp.NAME]`: where clients connect in plain TCP.
//! Not TLS and WebSocket, which become sections beside it.
//! Used by the host's listeners.

use std::net::SocketAddr;

use crate::kind::{Address, Count, Flag, Names, OrWord};
use crate::section::{LIVE, section};

section! {
    /// A TCP listener; there can be any number, each with a name of its own
    /// (lower-case letters, digits, `_` and `-`).
    pub struct TcpListener["listeners", "tcp", "*"]
        named name "The part of the path after `listeners.tcp`."
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
        /// Overrides the top-level `allow_anonymous` on this listener.
        allow_anonymous: Option<bool> = "inherit" as OrWord("inherit", Flag), LIVE;
        /// Overrides the top-level `authentication` on this listener; `[]` asks no plugin.
        authentication: Option<Vec<String>> = "inherit" as OrWord("inherit", Names), LIVE;
    }
}
