//! The questions the core asks before it acts on a packet; the answers are data.
//! Who answers is not known here, and who may come in at all was settled before (see `admission`).

use core::net::IpAddr;
use std::time::Duration;

use theseus_acl::Rule;
use theseus_mqtt::QoS;

/// What a client was given when it was let in, and where it came from: all that later decisions
/// about it need. Plain data, kept with the session (invariant 8).
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// The user name that authentication settled on.
    pub user_name: Option<Box<str>>,
    /// The client id to use instead of the one in CONNECT.
    pub client_id: Option<Box<str>>,
    /// It may do everything.
    pub superuser: bool,
    /// Facts for rules, by name.
    pub attributes: Vec<(Box<str>, Box<str>)>,
    /// Its own rules, looked at before all others.
    pub rules: Vec<Rule>,
    /// The connection ends with 0x87 after this long.
    pub expires_in: Option<Duration>,
    /// The address it came from. Set by the host, never by a plugin.
    pub address: Option<IpAddr>,
    /// The listener it came in by, as `tcp:default`. Set by the host, never by a plugin.
    pub listener: Box<str>,
}

/// The client that asks for something, as authorization sees it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// What it was given at CONNECT.
    pub grant: &'a Grant,
}

/// What a client wants to do.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// Publish to a topic name; wills are asked for when they are published.
    Publish {
        /// The topic name.
        topic: &'a str,
        /// The quality of service.
        qos: QoS,
        /// The RETAIN flag.
        retain: bool,
    },
    /// Subscribe to a topic filter.
    Subscribe {
        /// The topic filter.
        filter: &'a str,
        /// The quality of service asked for.
        qos: QoS,
    },
}

/// The answer to an [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Refuse with 0x87 Not authorized, where the protocol version can say so.
    Deny,
    /// End the connection with 0x87 Not authorized (`authorization.deny_action = "disconnect"`).
    Disconnect,
}

/// A verdict, and how long it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The answer.
    pub verdict: Verdict,
    /// The generation it was given by: the same question has the same answer while
    /// [`Policy::generation`] is this number. `None` where finding it again costs no more than
    /// remembering it.
    pub generation: Option<u64>,
}

/// Decides what clients that were let in may do.
pub trait Policy: Send + Sync {
    /// The number of the live generation.
    fn generation(&self) -> u64;

    /// Judges one publish or subscribe. On the message path: it must not block.
    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Judged;
}
