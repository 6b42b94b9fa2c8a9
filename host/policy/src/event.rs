//! What happened to clients, as plugins of the slot ban are told.

use std::sync::Arc;
use std::time::Duration;

use theseus_limit::{Meter, Scope};
use theseus_mqtt::ReasonCode;

use crate::login::Login;

/// One thing that happened, perhaps several times.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub happening: Happening,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// To whom; without a password.
    pub who: Arc<Login>,
    /// How often since the last batch; at least 1.
    pub count: u32,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A CONNECT was read, and nothing of it is believed yet.
    ConnectSeen,
    /// A CONNACK said yes.
    Connected,
    /// A CONNACK said no, with this reason code.
    Refused(ReasonCode),
    /// The authentication chain refused the client.
    AuthFailed,
    /// A packet that no client may send.
    ProtocolError,
    /// A limit was exceeded.
    LimitExceeded {
        /// The limit's name.
        name: Box<str>,
        /// What it counts.
        meter: Meter,
        /// Whose bucket was empty.
        scope: Scope,
    },
    /// The connection ended.
    Disconnected {
        /// Of the DISCONNECT that was sent or received; 0x80 where there was none.
        reason: ReasonCode,
        /// The client itself said DISCONNECT.
        by_client: bool,
        /// Since CONNACK.
        duration: Duration,
    },
}
