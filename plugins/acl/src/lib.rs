//! Authorization by rules in a file. The file is read and checked here, once; the rules are applied
//! by the broker, which asks no more. What a rule may say stands in `etc/acl.toml`.
#![forbid(unsafe_code)]

mod problem;
mod read;
mod topic;
mod value;
mod words;

use theseus_plugin::authz::{Authz, RuleSet};
use theseus_plugin::{Description, Plugin, Rule, Setting, files, log};

const RULES: &str = "rules_file";

/// The rules of the file.
struct Acl {
    rules: Vec<Rule>,
}

impl Plugin for Acl {
    fn describe() -> Description {
        Description::new("acl", env!("CARGO_PKG_VERSION"))
            .summary("rules in a file say who may publish and subscribe to what")
            .setting(Setting::text_file(RULES).required("tables `[[rules]]`, the first match wins"))
    }

    fn init() -> Result<Self, String> {
        let text = files::read(RULES).ok_or_else(|| format!("{RULES}: cannot be read"))?;
        let rules = read::rules(&text).map_err(|problems| problem::report(RULES, &problems))?;
        Ok(Self { rules })
    }

    /// A file without rules is no error, but rarely meant.
    fn self_test(&self) -> Result<(), String> {
        if self.rules.is_empty() {
            log::warn!("{RULES}: has no rules, so it decides nothing");
        }
        Ok(())
    }
}

impl Authz for Acl {
    fn rule_sets(&self) -> Result<Vec<RuleSet>, String> {
        log::debug!("{} rules", self.rules.len());
        Ok(vec![RuleSet::new("rules", self.rules.clone())])
    }
}

theseus_plugin::export!(Acl: authz);

#[cfg(test)]
mod tests;
