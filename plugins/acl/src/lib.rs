//! Authorization by rules in a file. The file is read and checked here, once; the rules are applied
//! by the broker, which asks no more. What a rule may say stands in `etc/acl.toml`.
#![forbid(unsafe_code)]

mod address;
mod parts;
mod problem;
mod read;
mod topic;
mod value;
mod words;

use std::cell::Cell;

use theseus_plugin::authz::{Authz, RuleSet};
use theseus_plugin::{Description, Plugin, Rule, Setting, files, log};

const RULES: &str = "rules_file";

/// The rules of the file.
struct Acl {
    /// Until the broker asks for them: it does so once, and holds them from then on.
    rules: Cell<Option<Vec<Rule>>>,
}

impl Plugin for Acl {
    fn describe() -> Description {
        Description::new("acl", env!("CARGO_PKG_VERSION"))
            .summary("rules in a file say who may publish and subscribe to what")
            .setting(Setting::text_file(RULES).required("tables `[[rules]]`, the first match wins"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self { rules: Cell::new(Some(read()?)) })
    }
}

impl Authz for Acl {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        let rules = self.rules.take().map_or_else(read, Ok)?;
        log::debug!("{} rules", rules.len());
        Ok(vec![RuleSet::new("rules", rules)])
    }
}

fn read() -> Result<Vec<Rule>, String> {
    let text = files::read(RULES).ok_or_else(|| format!("{RULES}: cannot be read"))?;
    read::rules(&text).map_err(|problems| problem::report(RULES, &problems))
}

theseus_plugin::export!(Acl: authz);

#[cfg(test)]
mod tests;
