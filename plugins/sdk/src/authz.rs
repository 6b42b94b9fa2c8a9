//! The slot `authz`: who may publish and subscribe to what.

pub use crate::bindings::interface::authz::{Answer, Request, RuleSet, Verdict};

use crate::bindings::interface::authz::Guest;
use crate::export::{Exported, ask};
use crate::{Client, Plugin, Rule};

/// Publishes rules, which the broker applies by itself from then on.
pub trait Authz: Plugin {
    /// The rules of this version; asked once, after `init`. In all sets at most 100000 rules.
    ///
    /// # Errors
    /// Why there are none; the version does not go live.
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String>;

    /// Answers a request that met a rule with [`Effect::Ask`](crate::Effect::Ask) of this plugin.
    fn authorize(&self, _who: &Client, _request: &Request) -> Answer {
        Answer::once(Verdict::Next)
    }
}

impl RuleSet {
    /// Rules under a name for operators.
    #[must_use]
    pub fn new(name: &str, rules: Vec<Rule>) -> Self {
        Self { name: name.to_owned(), rules }
    }
}

impl Answer {
    /// This verdict, for this one request.
    #[must_use]
    pub fn once(verdict: Verdict) -> Self {
        Self { verdict, cache_seconds: 0 }
    }

    /// This verdict, also for the same request of the same client within so many seconds.
    #[must_use]
    pub fn cached(verdict: Verdict, seconds: u32) -> Self {
        Self { verdict, cache_seconds: seconds }
    }
}

impl<E: Exported<Plugin: Authz>> Guest for E {
    fn rule_sets() -> Result<Vec<RuleSet>, String> {
        ask::<E, _>(Authz::rule_sets)
    }

    fn authorize(who: Client, request: Request) -> Answer {
        ask::<E, _>(|plugin| plugin.authorize(&who, &request))
    }
}
