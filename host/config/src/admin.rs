//! `[admin]`: where operators and their machines ask the broker.
//! Not what they may ask, which the host knows.
//! Used by the host.

use std::net::SocketAddr;

use crate::kind::{Address, OrWord};
use crate::section::section;

section! {
    /// The HTTP listener for operators: figures for Prometheus on `/metrics`, `/livez` and `/readyz`. It
    /// asks nobody for a name, so it should not be reachable from outside.
    pub struct Admin["admin"] {
        /// The address and port to listen on, or "disabled".
        bind: Option<SocketAddr> = "127.0.0.1:18083" as OrWord("disabled", Address);
    }
}
