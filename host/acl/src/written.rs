//! A rule as a plugin or a person writes it: text, not yet checked.
//!
//! The meanings are those of `types` in `theseus:plugin`. Used by whoever reads rules; what judges
//! is [`crate::Rule`], compiled from it.

use crate::{Actions, Effect, QosSet, Retained};

/// One rule. Within a list the first rule that matches decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// All must hold; none means everybody. At most 32.
    pub conditions: Vec<Condition>,
    /// What it does to what it matches.
    pub effect: Effect,
    /// At least one.
    pub actions: Actions,
    /// The QoS of the PUBLISH, or the one asked for in SUBSCRIBE. At least one.
    pub qos: QosSet,
    /// Which PUBLISH it speaks of.
    pub retained: Retained,
    /// One must match. At least one, at most 256.
    pub topics: Vec<Topics>,
}

/// Compares a text that a client brought; at most 65535 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// The same bytes.
    Exactly(String),
    /// `*` stands for any run of characters, also an empty one; everything else for itself.
    Glob(String),
}

/// What must be true of a client for a rule to speak of it. What a client does not have (a user
/// name, an attribute, a known address) matches nothing, in every effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The client id.
    ClientId(TextMatch),
    /// The user name.
    UserName(TextMatch),
    /// An address such as `192.0.2.7`, or a prefix such as `10.0.0.0/8` or `2001:db8::/32`.
    /// IPv4-mapped IPv6 addresses count as IPv4, here and in the client.
    Address(String),
    /// A listener, as `tcp:default`.
    Listener(TextMatch),
    /// An attribute of this name (1 to 128 bytes) has this value; of several, any.
    Attribute(String, TextMatch),
}

/// Topics that a rule speaks of: at most 65535 bytes in at most 128 levels.
///
/// Both forms may hold the placeholders `${clientid}`, `${username}` and `${attribute.NAME}`, each
/// within one level. A value that is missing, empty or given more than once, or that holds `/`,
/// `+`, `#` or U+0000, cannot stand for a level: in an allow or ask rule it matches nothing, in a
/// deny rule everything from that level on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topics {
    /// A topic filter. An allow or ask rule matches a SUBSCRIBE only if this covers *all* topics it
    /// could receive, a deny rule if it covers *any*.
    ///
    /// A shared subscription is judged by the filter behind `$share/GROUP/`.
    Matching(String),
    /// This very topic name or topic filter, compared as text. Of a shared subscription both the
    /// whole and the filter behind `$share/GROUP/` are compared.
    Exactly(String),
}
