//! Conditions, kinds of packets, bounds, error texts and the serialized form of one rule.

use theseus_acl::Effect::{Allow, Ask, Deny};
use theseus_acl::{
    Actions, Condition, QosSet, Request, Retained, Rule, Subject, Topics, Written, first_match,
};

use crate::rules::{
    attributes, client, exactly, glob, holds, matching, publish, rule, same, written,
};

mod rules;

#[test]
fn a_condition_is_about_its_part_of_the_client() {
    let attributes = attributes(&[("group", "pumps"), ("group", "valves"), ("site", "north")]);
    let who = Subject {
        user_name: Some("ann"),
        address: Some([10, 1, 2, 3].into()),
        listener: "tls:outside",
        attributes: &attributes,
        ..client("dev-7")
    };
    let attribute = |name: &str, text| Condition::Attribute(name.into(), text);
    for (condition, expected) in [
        (Condition::ClientId(same("dev-7")), true),
        (Condition::ClientId(same("ann")), false),
        (Condition::ClientId(glob("dev-*")), true),
        (Condition::UserName(same("ann")), true),
        (Condition::UserName(glob("b*")), false),
        (Condition::Address("10.0.0.0/8".into()), true),
        (Condition::Address("::ffff:10.1.2.3".into()), true),
        (Condition::Address("10.1.2.4".into()), false),
        (Condition::Listener(same("tls:outside")), true),
        (Condition::Listener(glob("tcp:*")), false),
        (attribute("group", same("pumps")), true),
        (attribute("group", same("valves")), true),
        (attribute("group", same("north")), false),
        (attribute("site", glob("n*h")), true),
        (attribute("Site", glob("*")), false),
    ] {
        for effect in [Allow, Deny, Ask] {
            assert_eq!(holds(effect, condition.clone(), &who), expected, "{condition:?}");
        }
    }
}

#[test]
fn what_a_client_does_not_have_matches_nothing() {
    for condition in [
        Condition::UserName(glob("*")),
        Condition::UserName(same("")),
        Condition::Address("0.0.0.0/0".into()),
        Condition::Address("::/0".into()),
        Condition::Attribute("group".into(), glob("*")),
    ] {
        for effect in [Allow, Deny, Ask] {
            assert!(!holds(effect, condition.clone(), &client("c")), "{condition:?}");
        }
    }
}

#[test]
fn all_conditions_must_hold() {
    let conditions = vec![Condition::ClientId(glob("d*")), Condition::UserName(same("ann"))];
    let rules = [rule(&Written { conditions, ..written(Allow, matching("#")) })];
    let found = |client_id, user_name| {
        let who = Subject { user_name: Some(user_name), ..client(client_id) };
        first_match(&rules, &who, &publish("a")).is_some()
    };
    assert!(found("d", "ann"));
    assert!(!found("d", "bob") && !found("e", "ann"));
}

#[test]
fn a_rule_speaks_of_its_kinds_of_packets() {
    let publishes = |qos, retain| Request::Publish { topic: "a", qos, retain };
    let subscribes = |qos| Request::Subscribe { filter: "a", qos };
    let (publish_only, subscribe_only) =
        (Actions { publish: true, subscribe: false }, Actions { publish: false, subscribe: true });
    let high = QosSet::EMPTY.with(1).with(2);
    for (actions, qos, retained, request, expected) in [
        (Actions::ALL, QosSet::ALL, Retained::Any, publishes(0, false), true),
        (Actions::ALL, QosSet::ALL, Retained::Any, subscribes(2), true),
        (publish_only, QosSet::ALL, Retained::Any, publishes(1, true), true),
        (publish_only, QosSet::ALL, Retained::Any, subscribes(1), false),
        (subscribe_only, QosSet::ALL, Retained::Any, publishes(1, true), false),
        (subscribe_only, QosSet::ALL, Retained::Any, subscribes(1), true),
        (Actions::ALL, high, Retained::Any, publishes(0, false), false),
        (Actions::ALL, high, Retained::Any, publishes(1, false), true),
        (Actions::ALL, high, Retained::Any, subscribes(0), false),
        (Actions::ALL, high, Retained::Any, subscribes(2), true),
        (Actions::ALL, QosSet::ALL, Retained::Only, publishes(0, true), true),
        (Actions::ALL, QosSet::ALL, Retained::Only, publishes(0, false), false),
        (Actions::ALL, QosSet::ALL, Retained::Only, subscribes(0), true),
        (Actions::ALL, QosSet::ALL, Retained::Never, publishes(0, true), false),
        (Actions::ALL, QosSet::ALL, Retained::Never, publishes(0, false), true),
        (Actions::ALL, QosSet::ALL, Retained::Never, subscribes(0), true),
    ] {
        for effect in [Allow, Deny, Ask] {
            let rules =
                [rule(&Written { actions, qos, retained, ..written(effect, matching("a")) })];
            let found = first_match(&rules, &client("c"), &request);
            let wanted = expected.then_some((effect, 0));
            assert_eq!(found, wanted, "{actions:?} {qos:?} {retained:?} {request:?}");
        }
    }
}

#[test]
fn the_first_match_decides() {
    let rules = [(Deny, "a/b"), (Ask, "a/#"), (Allow, "#")]
        .map(|(effect, pattern)| rule(&written(effect, matching(pattern))));
    let found = |topic| first_match(&rules, &client("c"), &publish(topic));
    assert_eq!(found("a/b"), Some((Deny, 0)));
    assert_eq!(found("a/c"), Some((Ask, 1)));
    assert_eq!(found("c"), Some((Allow, 2)));
    assert_eq!(found("$SYS"), None);
    assert_eq!(rules[1].effect(), Ask);
}

#[test]
fn an_error_names_the_part_and_the_fault() {
    let share = "a shared subscription is judged by the filter behind `$share/GROUP/`, write that, \
                 or use the exact form";
    for (pattern, problem) in [
        ("a/#/b", "`a/#/b`: `#` must be the last level"),
        ("a#", "`a#`: `#` must stand alone in its level"),
        ("a/b+/c", "`a/b+/c`: `+` must stand alone in its level"),
        ("${clientid}#", "`${clientid}#`: `#` must stand alone in its level"),
        ("+${clientid}", "`+${clientid}`: `+` must stand alone in its level"),
        ("", "``: is empty"),
        ("a\0", "`a\\u{0}`: holds the character U+0000"),
        ("a/${clientid", "`a/${clientid`: `${clientid` has no `}` within its level"),
        ("${client/id}", "`${client/id}`: `${client` has no `}` within its level"),
        ("x/${user}", "`x/${user}`: `${user}` is no placeholder, did you mean `${username}`?"),
        ("$share/g/a", &format!("`$share/g/a`: {share}")),
    ] {
        let topics = [exactly("fine"), matching(pattern)].concat();
        let error = Rule::compile(&written(Allow, topics)).unwrap_err();
        assert_eq!(error.to_string(), format!("topics[1]: {problem}"));
    }
    let conditions = vec![Condition::Address("10.0.0.0/40".into())];
    let error = Rule::compile(&Written { conditions, ..written(Allow, matching("#")) });
    let expected = "conditions[0]: `10.0.0.0/40`: behind `/` must stand 0 to 32";
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn bounds_are_kept() {
    let fails = |written: Written| Rule::compile(&written).err().map(|error| error.to_string());
    let levels = |count: usize| matching(&vec!["a"; count].join("/"));
    let conditions = |count| vec![Condition::ClientId(same("c")); count];
    let of = |topics: Vec<Topics>| written(Allow, topics);
    for accepted in [
        of(levels(128)),
        of(matching(&"x".repeat(65_535))),
        of(vec![Topics::Exactly("a".into()); 256]),
        Written { conditions: conditions(32), ..of(matching("a")) },
    ] {
        assert_eq!(fails(accepted), None);
    }
    let never = "none is given, so that the rule could match nothing";
    let long = format!("topics[0]: `{}…`: is longer than 65535 bytes", "x".repeat(80));
    for (refused, problem) in [
        (of(matching(&"x".repeat(65_536))), long),
        (of(vec![Topics::Exactly("a".into()); 257]), "topics: are 257, 256 are allowed".into()),
        (
            Written { conditions: conditions(33), ..of(matching("a")) },
            "conditions: are 33, 32 are allowed".into(),
        ),
        (of(Vec::new()), format!("topics: {never}")),
        (Written { actions: Actions::default(), ..of(matching("a")) }, format!("actions: {never}")),
        (Written { qos: QosSet::EMPTY, ..of(matching("a")) }, format!("qos: {never}")),
    ] {
        assert_eq!(fails(refused), Some(problem));
    }
    let problem = fails(of(levels(129))).unwrap();
    assert!(problem.ends_with("has 129 levels, 128 are allowed"), "{problem}");
}
