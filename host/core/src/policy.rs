//! The questions the core asks before it acts on a packet; the answers are data.
//! Who answers is not known here, and who may come in at all was settled before (see `admission`).

use core::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use theseus_acl::Rule;
use theseus_limit::{Limit, Whom};
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
    /// Its own limits, besides those of the limit slot.
    pub limits: Vec<Limit>,
    /// What the plugins of the limit slot gave it at CONNECT.
    pub slot_limits: Vec<SlotLimits>,
    /// The connection ends with 0x87 after this long.
    pub expires_in: Option<Duration>,
    /// The address it came from. Set by the host, never by a plugin.
    pub address: Option<IpAddr>,
    /// The listener it came in by, as `tcp:default`. Set by the host, never by a plugin.
    pub listener: Box<str>,
    /// Its certificate was its login: no plugin was asked. Set by the host, never by a plugin.
    pub vouched: bool,
}

/// What one plugin of the limit slot gave a client.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SlotLimits {
    /// The plugin's name.
    pub plugin: Box<str>,
    /// `None`: it failed. Then what it gave the same client's session before goes on to hold.
    pub limits: Option<Vec<Limit>>,
}

impl Grant {
    /// Whose buckets a client with this grant takes from; the connection is left open.
    pub(crate) fn whom<'a>(&'a self, client_id: &'a str) -> Whom<'a> {
        Whom {
            connection: 0,
            client_id,
            user_name: self.user_name.as_deref(),
            address: self.address,
            listener: &self.listener,
            attributes: &self.attributes,
        }
    }

    /// Its own limits; of two with one identity the later one holds.
    pub(crate) fn own_limits(&self) -> impl Iterator<Item = &Limit> {
        let of_slot = self.slot_limits.iter().filter_map(|one| one.limits.as_ref()).flatten();
        of_slot.chain(&self.limits)
    }

    /// Takes over what plugins gave before that have failed now.
    pub(crate) fn keep_slot_limits(&mut self, earlier: &Self) {
        for one in self.slot_limits.iter_mut().filter(|one| one.limits.is_none()) {
            let before = earlier.slot_limits.iter().find(|other| other.plugin == one.plugin);
            one.limits = before.and_then(|before| before.limits.clone());
        }
    }
}

/// The limits that hold for everybody.
#[derive(Clone, Debug)]
pub struct LimitsForAll {
    /// Another one for other limits; never [`u64::MAX`].
    pub number: u64,
    /// The limits.
    pub limits: Arc<[Arc<Limit>]>,
}

impl Default for LimitsForAll {
    fn default() -> Self {
        Self { number: 0, limits: Arc::from([]) }
    }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The rules leave it open: somebody has to be asked.
    Ask,
}

/// A verdict, and how long it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The answer.
    pub verdict: Verdict,
    /// A hook wants to see this PUBLISH, if it is allowed.
    pub hooked: bool,
    /// The generation it was given by: the same question has the same answer while
    /// [`Policy::generation`] is this number. `None` where finding it again costs no more than
    /// remembering it.
    pub generation: Option<u64>,
}

impl Judged {
    /// Denied, and not to be remembered.
    pub const fn denied() -> Self {
        Self { verdict: Verdict::Deny, hooked: false, generation: None }
    }
}

/// Decides what clients that were let in may do.
pub trait Policy: Send + Sync {
    /// The number of the live generation.
    fn generation(&self) -> u64;

    /// The number of the limits for everybody; see [`LimitsForAll::number`]. On the message path.
    fn limits_number(&self) -> u64 {
        0
    }

    /// The limits for everybody.
    fn limits(&self) -> LimitsForAll {
        LimitsForAll::default()
    }

    /// True if somebody is to be told what happens to clients: then a shard keeps it for
    /// [`Shard::poll_happened`](crate::Shard::poll_happened).
    fn watches(&self) -> bool {
        false
    }

    /// Judges one publish or subscribe. On the message path: it must not block.
    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Judged;
}
