//! Short forms for rules, clients and requests.
//!
//! Used by the tests of this folder.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a failed step is the failed test")]

use theseus_acl::{
    Actions, Condition, Effect, QosSet, Request, Retained, Rule, Subject, TextMatch, Topics,
    Written, first_match,
};

/// A rule for everybody and every packet.
pub(crate) fn written(effect: Effect, topics: Vec<Topics>) -> Written {
    Written {
        conditions: Vec::new(),
        effect,
        actions: Actions::ALL,
        qos: QosSet::ALL,
        retained: Retained::Any,
        topics,
    }
}

pub(crate) fn matching(pattern: &str) -> Vec<Topics> {
    vec![Topics::Matching(pattern.into())]
}

pub(crate) fn exactly(text: &str) -> Vec<Topics> {
    vec![Topics::Exactly(text.into())]
}

pub(crate) fn rule(written: &Written) -> Rule {
    Rule::compile(written).unwrap()
}

pub(crate) fn client(client_id: &str) -> Subject<'_> {
    Subject { client_id, user_name: None, address: None, listener: "tcp:default", attributes: &[] }
}

pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Vec<(Box<str>, Box<str>)> {
    pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

pub(crate) fn publish(topic: &str) -> Request<'_> {
    Request::Publish { topic, qos: 0, retain: false }
}

pub(crate) fn subscribe(filter: &str) -> Request<'_> {
    Request::Subscribe { filter, qos: 0 }
}

/// Whether a rule with these topics, for everybody, matches.
pub(crate) fn speaks(
    effect: Effect,
    topics: Vec<Topics>,
    who: &Subject<'_>,
    request: &Request<'_>,
) -> bool {
    effect_of(effect, topics, who, request).is_some()
}

/// What such a rule says.
pub(crate) fn effect_of(
    effect: Effect,
    topics: Vec<Topics>,
    who: &Subject<'_>,
    request: &Request<'_>,
) -> Option<Effect> {
    first_match(&[rule(&written(effect, topics))], who, request).map(|(effect, _)| effect)
}

/// Whether a rule with this condition matches a client.
pub(crate) fn holds(effect: Effect, condition: Condition, who: &Subject<'_>) -> bool {
    let rule = rule(&Written { conditions: vec![condition], ..written(effect, matching("#")) });
    first_match(&[rule], who, &publish("a")).is_some()
}

pub(crate) fn same(text: &str) -> TextMatch {
    TextMatch::Exactly(text.into())
}

pub(crate) fn glob(text: &str) -> TextMatch {
    TextMatch::Glob(text.into())
}
