//! Access rules as data: parsed once, matched against topics without allocating.
//!
//! Not where rules come from, nor what is done about a denied packet. Used by the core (a login's
//! own rules) and by the policy (rule sets of plugins).
#![forbid(unsafe_code)]

mod effect;
mod error;
mod level;
mod network;
mod pattern;
mod placeholder;
mod request;
mod requirement;
mod rule;
mod rule_set;
mod text;
mod written;

pub use effect::{Actions, Effect, QosSet, Retained};
pub use error::RuleError;
pub use network::Network;
pub use request::{Request, Subject};
pub use rule::{Rule, first_match};
pub use rule_set::RuleSet;
pub use written::{Condition, TextMatch, Topics, Written};
