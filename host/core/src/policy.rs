//! The questions the core asks before it acts; the answers are data.
//! Who answers is not known here: a built-in today, the plugin chains next.

use theseus_mqtt::{Connect, QoS, ReasonCode};

/// What a CONNECT claims, before anything is believed.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The CONNECT packet, checked for form only.
    pub connect: &'a Connect<'a>,
    /// `allow_anonymous` of the listener it came in by.
    pub allow_anonymous: bool,
}

/// What a client was given when it was let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// The user name that authentication settled on.
    pub user_name: Option<Box<str>>,
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
}

/// Decides who may enter and what they may do.
pub trait Policy: Send + Sync {
    /// Lets a client in with a grant, or refuses it with the reason code of the CONNACK.
    fn authenticate(&self, claim: Claim<'_>) -> Result<Grant, ReasonCode>;

    /// Judges one publish or subscribe. On the message path: it must not block.
    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Verdict;
}
