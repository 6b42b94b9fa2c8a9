//! What an `ask` rule left open, and what a plugin of the slot authz thinks of it.

use std::time::Duration;

use theseus_mqtt::QoS;

/// What a client wants to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Publish or subscribe.
    pub deed: Deed,
    /// A topic name, or for a subscribe a topic filter.
    pub topic: Box<str>,
    /// Of the PUBLISH, or asked for in SUBSCRIBE.
    pub qos: QoS,
    /// The RETAIN flag of the PUBLISH.
    pub retain: bool,
}

/// One of the two things that rules speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// A PUBLISH or a will.
    Publish,
    /// One filter of a SUBSCRIBE.
    Subscribe,
}

/// The answer to a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// What becomes of it.
    pub ruling: Ruling,
    /// How long the same answer may be given to the same client and request; zero for once.
    pub cache: Duration,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is allowed.
    Allow,
    /// It is denied.
    Deny,
    /// As if the rule had not matched.
    Next,
}
