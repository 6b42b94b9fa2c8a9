//! A plugin for tests that does to the broker whatever a user name asks for, or the setting
//! `misbehave` from the beginning. Everybody else is let in with the password `good`.
#![forbid(unsafe_code)]

mod clocks;
mod exchange;
mod garbage;
mod misdeed;

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::authz::{Authz, RuleSet};
use theseus_plugin::{
    Actions, Client, Description, Grant, Plugin, RefusalReason, Rule, Setting, config,
};

/// The value of `misbehave`, or nothing.
struct Hostile {
    misbehave: String,
}

impl Plugin for Hostile {
    fn describe() -> Description {
        Description::new("hostile", env!("CARGO_PKG_VERSION"))
            .summary("misbehaves on request; for tests")
            .setting(Setting::text("misbehave").optional("init, init-trap, self-test, rules, …"))
    }

    fn init() -> Result<Self, String> {
        let misbehave = config::text("misbehave").unwrap_or_default();
        match misbehave.strip_prefix("init-") {
            Some(name) => misdeed::commit(name),
            None if misbehave == "init" => return Err("misbehave: init was to fail".to_owned()),
            None => {}
        }
        Ok(Self { misbehave })
    }

    fn self_test(&self) -> Result<(), String> {
        match self.misbehave.strip_prefix("self-test-") {
            Some(name) => misdeed::commit(name),
            None if self.misbehave == "self-test" => {
                return Err("misbehave: self-test was to fail".to_owned());
            }
            None => {}
        }
        Ok(())
    }
}

impl Authn for Hostile {
    fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision {
        let name = who.username.as_deref().unwrap_or_default();
        misdeed::commit(name);
        if name == "clocks" {
            return clocks::said();
        }
        if let Some(decision) = garbage::decision(name).or_else(|| exchange::begin(name)) {
            return decision;
        }
        if credentials.password.as_deref() == Some(b"good") {
            Decision::allow(Grant { username: who.username.clone(), ..Grant::new() })
        } else {
            Decision::deny(RefusalReason::BadCredentials)
        }
    }

    fn proceed(&self, who: &Client, state: &[u8], _data: &[u8]) -> Decision {
        exchange::go_on(who.username.as_deref().unwrap_or_default(), state)
    }
}

impl Authz for Hostile {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        match self.misbehave.strip_prefix("rules-") {
            Some("error") => return Err("misbehave: the rules were to fail".to_owned()),
            Some("many") => return Ok(vec![RuleSet::new("many", garbage::many_rules())]),
            Some(name) => misdeed::commit(name),
            None if self.misbehave == "rules" => {
                let rules = vec![Rule::allow(Actions::all()).on("fine/#"), garbage::rule()];
                return Ok(vec![RuleSet::new("broken", rules)]);
            }
            None => {}
        }
        Ok(vec![RuleSet::new("everything", vec![Rule::allow(Actions::all()).on("#")])])
    }
}

theseus_plugin::export!(Hostile: authn, authz);
