//! Rules as guests write them, checked and compiled.

use theseus_acl::{Actions, Condition, Effect, QosSet, Retained, Rule, RuleSet, TextMatch};
use theseus_acl::{Topics, Written};

use crate::bindings::interface::authz as wit_authz;
use crate::bindings::interface::types as wit;
use crate::bounds::LIST_MAX;

/// A set as a guest gives it.
pub(crate) type WrittenSet = wit_authz::RuleSet;

/// Rules in all sets of a plugin.
const RULES_MAX: usize = 100_000;
/// Bytes of the name of a set.
const NAME_MAX: usize = 128;

/// The rules of a grant. What is wrong is a sentence that names the rule. None may ask: a grant
/// outlives the version that gave it, so that nobody is there to answer for it.
pub(crate) fn compile_own(rules: Vec<wit::Rule>) -> Result<Vec<Rule>, String> {
    let asks = |rule: &wit::Rule| rule.effect == wit::Effect::Ask;
    match rules.iter().position(asks) {
        Some(at) => Err(format!("rule {}: a rule of a grant cannot ask", at + 1)),
        None => compile(rules),
    }
}

fn compile(rules: Vec<wit::Rule>) -> Result<Vec<Rule>, String> {
    let rule = |(n, rule)| written(rule).map_err(|why| format!("rule {n}: {why}"));
    (1_usize..).zip(rules).map(rule).collect()
}

/// The sets of an authz plugin.
pub(crate) fn compile_sets(sets: Vec<wit_authz::RuleSet>) -> Result<Vec<RuleSet>, String> {
    if sets.len() > LIST_MAX {
        return Err(format!("it has {} rule sets, more than {LIST_MAX}", sets.len()));
    }
    let all: usize = sets.iter().map(|set| set.rules.len()).sum();
    if all > RULES_MAX {
        return Err(format!("it has {all} rules, more than {RULES_MAX}"));
    }
    sets.into_iter().map(compile_set).collect()
}

fn compile_set(set: wit_authz::RuleSet) -> Result<RuleSet, String> {
    let name = set.name;
    if name.is_empty() || name.len() > NAME_MAX || name.contains(char::is_control) {
        return Err(format!("the name of a rule set is not 1 to {NAME_MAX} printable bytes"));
    }
    let rules = compile(set.rules).map_err(|why| format!("rule set `{name}`: {why}"))?;
    Ok(RuleSet::new(&name, rules))
}

fn written(rule: wit::Rule) -> Result<Rule, String> {
    let effect = match rule.effect {
        wit::Effect::Allow => Effect::Allow,
        wit::Effect::Deny => Effect::Deny,
        wit::Effect::Ask => Effect::Ask,
    };
    let written = Written {
        conditions: rule.conditions.into_iter().map(condition).collect(),
        effect,
        actions: Actions {
            publish: rule.actions.contains(wit::Actions::PUBLISH),
            subscribe: rule.actions.contains(wit::Actions::SUBSCRIBE),
        },
        qos: qos(rule.qos),
        retained: match rule.retained {
            wit::Retained::Any => Retained::Any,
            wit::Retained::Only => Retained::Only,
            wit::Retained::Never => Retained::Never,
        },
        topics: rule.topics.into_iter().map(topics).collect(),
    };
    Rule::compile(&written).map_err(|error| error.to_string())
}

fn qos(set: wit::QosSet) -> QosSet {
    let levels = [wit::QosSet::AT_MOST_ONCE, wit::QosSet::AT_LEAST_ONCE, wit::QosSet::EXACTLY_ONCE];
    (0_u8..).zip(levels).fold(
        QosSet::EMPTY,
        |all, (level, flag)| {
            if set.contains(flag) { all.with(level) } else { all }
        },
    )
}

fn condition(condition: wit::Condition) -> Condition {
    match condition {
        wit::Condition::ClientId(text) => Condition::ClientId(text_match(text)),
        wit::Condition::Username(text) => Condition::UserName(text_match(text)),
        wit::Condition::Address(address) => Condition::Address(address),
        wit::Condition::Listener(text) => Condition::Listener(text_match(text)),
        wit::Condition::Attribute((name, text)) => Condition::Attribute(name, text_match(text)),
    }
}

fn text_match(text: wit::TextMatch) -> TextMatch {
    match text {
        wit::TextMatch::Exactly(text) => TextMatch::Exactly(text),
        wit::TextMatch::Glob(glob) => TextMatch::Glob(glob),
    }
}

fn topics(topics: wit::Topics) -> Topics {
    match topics {
        wit::Topics::Matching(filter) => Topics::Matching(filter),
        wit::Topics::Exactly(text) => Topics::Exactly(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(topic: &str, effect: wit::Effect) -> wit::Rule {
        wit::Rule {
            conditions: vec![],
            effect,
            actions: wit::Actions::PUBLISH,
            qos: wit::QosSet::AT_MOST_ONCE | wit::QosSet::EXACTLY_ONCE,
            retained: wit::Retained::Any,
            topics: vec![wit::Topics::Matching(topic.into())],
        }
    }

    #[test]
    fn says_which_rule_is_wrong() {
        let rules = vec![rule("a/#", wit::Effect::Allow), rule("a/#/b", wit::Effect::Deny)];
        let set = wit_authz::RuleSet { name: "all".into(), rules };
        let why = compile_sets(vec![set]).unwrap_err();
        assert!(why.starts_with("rule set `all`: rule 2: topics[0]: `a/#/b`"), "{why}");
    }

    #[test]
    fn keeps_the_qos() {
        let asked = wit::QosSet::AT_MOST_ONCE | wit::QosSet::EXACTLY_ONCE;
        assert_eq!(qos(asked), QosSet::EMPTY.with(0).with(2));
    }

    #[test]
    fn ask_rules_of_a_grant_and_too_many_are_refused() {
        let rules = vec![rule("b", wit::Effect::Deny), rule("a", wit::Effect::Ask)];
        let why = compile_own(rules.clone()).unwrap_err();
        assert_eq!(why, "rule 2: a rule of a grant cannot ask");
        assert_eq!(compile(rules).unwrap()[1].effect(), Effect::Ask);
        let half = vec![rule("a", wit::Effect::Allow); RULES_MAX / 2 + 1];
        let set = wit_authz::RuleSet { name: "half".into(), rules: half };
        let why = compile_sets(vec![set.clone(), set]).unwrap_err();
        assert_eq!(why, "it has 100002 rules, more than 100000");
    }
}
