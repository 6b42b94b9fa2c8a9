//! Authorization: the order of superuser, own rules, sources and `no_match`.
#![expect(clippy::unwrap_used, reason = "a failed step is the failed test")]

use theseus_acl::{
    Actions, Condition, Effect, QosSet, Retained, Rule, RuleSet, TextMatch, Topics, Written,
};
use theseus_core::{Action, Grant, Identity, Policy as _, Verdict};
use theseus_mqtt::QoS;
use theseus_policy::{DenyAction, Door, Draft, Link, NoMatch, Policies, Source};

fn rule(effect: Effect, topic: &str, conditions: Vec<Condition>) -> Rule {
    let written = Written {
        conditions,
        effect,
        actions: Actions { publish: true, subscribe: true },
        qos: QosSet::ALL,
        retained: Retained::Any,
        topics: vec![Topics::Matching(topic.to_owned())],
    };
    Rule::compile(&written).unwrap()
}

fn link(plugin: &str) -> Link {
    Link { plugin: plugin.into(), version: "0.1.0".into(), asked: None }
}

fn source(plugin: &str, rules: Vec<Rule>) -> Source {
    Source { link: link(plugin), sets: Some([RuleSet::new("rules", rules)].into()) }
}

fn draft(sources: Vec<Source>) -> Draft {
    let door = |listener: &str, allow_anonymous| Door {
        listener: listener.into(),
        allow_anonymous,
        chain: Vec::new(),
    };
    Draft {
        doors: vec![door("tcp:open", true), door("tcp:closed", false)],
        sources,
        ..Draft::default()
    }
}

fn grant(listener: &str) -> Grant {
    Grant { listener: listener.into(), user_name: Some("ann".into()), ..Grant::default() }
}

fn publish(draft: &Draft, grant: &Grant, topic: &str) -> Verdict {
    let action = Action::Publish { topic, qos: QoS::AtMostOnce, retain: false };
    Policies::new(draft.clone()).authorize(Identity { client_id: "c", grant }, action).verdict
}

#[test]
fn superuser_then_own_rules_then_sources_in_order_then_no_match() {
    let first =
        source("first", vec![rule(Effect::Deny, "a", vec![]), rule(Effect::Allow, "b", vec![])]);
    let second =
        source("second", vec![rule(Effect::Allow, "a", vec![]), rule(Effect::Deny, "b", vec![])]);
    let draft = draft(vec![first, second]);
    let plain = grant("tcp:open");
    assert_eq!(publish(&draft, &plain, "a"), Verdict::Deny);
    assert_eq!(publish(&draft, &plain, "b"), Verdict::Allow);
    assert_eq!(publish(&draft, &plain, "c"), Verdict::Deny);
    let own = Grant {
        rules: vec![rule(Effect::Allow, "a", vec![]), rule(Effect::Deny, "b", vec![])],
        ..plain.clone()
    };
    assert_eq!(publish(&draft, &own, "a"), Verdict::Allow);
    assert_eq!(publish(&draft, &own, "b"), Verdict::Deny);
    assert_eq!(publish(&draft, &Grant { superuser: true, ..own }, "b"), Verdict::Allow);
    let lenient = Draft { no_match: NoMatch::Allow, ..draft };
    assert_eq!(publish(&lenient, &plain, "c"), Verdict::Allow);
}

#[test]
fn rules_see_what_the_grant_says() {
    let user = Condition::UserName(TextMatch::Exactly("ann".to_owned()));
    let tenant = Condition::Attribute("tenant".to_owned(), TextMatch::Exactly("acme".to_owned()));
    let inside = Condition::Address("10.0.0.0/8".to_owned());
    let listener = Condition::Listener(TextMatch::Exactly("tcp:open".to_owned()));
    let all = vec![user, tenant, inside, listener];
    let draft = draft(vec![source("acl", vec![rule(Effect::Allow, "dev/${clientid}/#", all)])]);
    let full = Grant {
        attributes: vec![("tenant".into(), "acme".into())],
        address: Some("10.1.2.3".parse().unwrap()),
        ..grant("tcp:open")
    };
    assert_eq!(publish(&draft, &full, "dev/c/x"), Verdict::Allow);
    assert_eq!(publish(&draft, &full, "dev/other/x"), Verdict::Deny);
    for lacking in [
        Grant { user_name: None, ..full.clone() },
        Grant { attributes: vec![], ..full.clone() },
        Grant { address: Some("11.1.2.3".parse().unwrap()), ..full.clone() },
        Grant { listener: "tcp:closed".into(), ..full },
    ] {
        assert_eq!(publish(&draft, &lacking, "dev/c/x"), Verdict::Deny);
    }
}

#[test]
fn without_a_source_the_door_says_what_is_allowed() {
    let draft = draft(vec![]);
    assert_eq!(publish(&draft, &grant("tcp:open"), "a"), Verdict::Allow);
    assert_eq!(publish(&draft, &grant("tcp:closed"), "a"), Verdict::Deny);
    assert_eq!(publish(&draft, &grant("tcp:unknown"), "a"), Verdict::Deny);
    let lenient = Draft { no_match: NoMatch::Allow, ..draft };
    assert_eq!(publish(&lenient, &grant("tcp:closed"), "a"), Verdict::Allow);
}

#[test]
fn rules_that_are_missing_deny() {
    let missing = Source { link: link("acl"), sets: None };
    let behind = source("second", vec![rule(Effect::Allow, "#", vec![])]);
    let mut draft = draft(vec![missing, behind]);
    draft.no_match = NoMatch::Allow;
    assert_eq!(publish(&draft, &grant("tcp:open"), "a"), Verdict::Deny);
    let own = Grant { rules: vec![rule(Effect::Allow, "a", vec![])], ..grant("tcp:open") };
    assert_eq!(publish(&draft, &own, "a"), Verdict::Allow);
}

#[test]
fn a_deny_may_disconnect() {
    let mut draft = draft(vec![source("acl", vec![rule(Effect::Deny, "a", vec![])])]);
    draft.deny_action = DenyAction::Disconnect;
    assert_eq!(publish(&draft, &grant("tcp:open"), "a"), Verdict::Disconnect);
    assert_eq!(publish(&draft, &grant("tcp:open"), "b"), Verdict::Disconnect);
}

#[test]
fn a_verdict_bears_the_generation_that_gave_it() {
    let policies = Policies::new(draft(vec![source("acl", vec![])]));
    let grant = grant("tcp:open");
    let action = Action::Publish { topic: "a", qos: QoS::AtMostOnce, retain: false };
    let who = Identity { client_id: "c", grant: &grant };
    assert_eq!(policies.authorize(who, action).generation, Some(1));
    policies.publish(draft(vec![source("acl", vec![rule(Effect::Allow, "a", vec![])])]));
    let judged = policies.authorize(who, action);
    assert_eq!((judged.generation, judged.verdict), (Some(2), Verdict::Allow));
    assert_eq!(policies.generation(), 2);
}
