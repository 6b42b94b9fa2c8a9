//! A rule set finds what a plain list finds, and a rule is the same after a journey.

use proptest::prelude::*;
use proptest::sample::select;
use theseus_acl::Effect::{Allow, Ask, Deny};
use theseus_acl::{Condition, Rule, RuleSet, Subject, TextMatch, Topics, Written, first_match};

use crate::rules::{attributes, client, matching, publish, rule, same, subscribe, written};

mod rules;

#[test]
fn has_a_name_and_a_length() {
    let set = RuleSet::new("acl.toml", vec![rule(&written(Allow, matching("#")))]);
    assert_eq!((set.name(), set.len(), set.is_empty()), ("acl.toml", 1, false));
    assert!(RuleSet::new("", Vec::new()).is_empty());
    assert_eq!(RuleSet::new("", Vec::new()).judge(&client("c"), &publish("a")), None);
}

#[test]
fn goes_on_behind_an_ask_rule() {
    let of = |effect, conditions| rule(&Written { conditions, ..written(effect, matching("#")) });
    let for_c = || vec![Condition::ClientId(same("c"))];
    let set = RuleSet::new(
        "s",
        vec![of(Ask, Vec::new()), of(Deny, for_c()), of(Ask, for_c()), of(Allow, Vec::new())],
    );
    let found = |start| set.judge_from(start, &client("c"), &publish("a"));
    assert_eq!(set.judge(&client("c"), &publish("a")), Some((Ask, 0)));
    assert_eq!(
        [found(0), found(1), found(2), found(3), found(4)],
        [Some((Ask, 0)), Some((Deny, 1)), Some((Ask, 2)), Some((Allow, 3)), None]
    );
    assert_eq!(set.judge_from(1, &client("d"), &publish("a")), Some((Allow, 3)));
    assert_eq!(set.judge_from(usize::MAX, &client("d"), &publish("a")), None);
}

fn texts() -> impl Strategy<Value = TextMatch> {
    (select(&["a", "b", "*", "a*"][..]), any::<bool>()).prop_map(|(text, exactly)| {
        if exactly { TextMatch::Exactly(text.into()) } else { TextMatch::Glob(text.into()) }
    })
}

fn conditions() -> impl Strategy<Value = Condition> {
    prop_oneof![
        4 => texts().prop_map(Condition::ClientId),
        4 => texts().prop_map(Condition::UserName),
        1 => texts().prop_map(Condition::Listener),
        1 => texts().prop_map(|text| Condition::Attribute("group".into(), text)),
        1 => select(&["10.0.0.0/8", "::/0", "2001:db8::1"][..])
            .prop_map(|text| Condition::Address(text.into())),
    ]
}

fn rules_of_all_kinds() -> impl Strategy<Value = Rule> {
    let topics = select(&["t", "t/#", "t/${username}", "${clientid}x/${attribute.group}"][..]);
    (
        prop::collection::vec(conditions(), 0..3),
        select(&[Allow, Deny, Ask][..]),
        topics,
        any::<bool>(),
    )
        .prop_map(|(conditions, effect, text, exactly)| {
            let topics = if exactly { Topics::Exactly } else { Topics::Matching };
            rule(&Written { conditions, ..written(effect, vec![topics(text.into())]) })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn finds_what_a_plain_list_finds(
        rules in prop::collection::vec(rules_of_all_kinds(), 0..20),
        client_id in select(&["a", "b", "ab"][..]),
        user_name in select(&[None, Some("a"), Some("b"), Some("")][..]),
        text in select(&["t", "t/a", "t/b/c", "ax/a"][..]),
        start in 0..21_usize,
    ) {
        let attributes = attributes(&[("group", "a")]);
        let address = Some([10, 0, 0, 1].into());
        let who = Subject { user_name, address, attributes: &attributes, ..client(client_id) };
        let set = RuleSet::new("s", rules.clone());
        for request in [publish(text), subscribe(text)] {
            prop_assert_eq!(set.judge(&who, &request), first_match(&rules, &who, &request));
            let behind = rules.get(start..).unwrap_or_default();
            let expected = first_match(behind, &who, &request).map(|(e, at)| (e, at + start));
            prop_assert_eq!(set.judge_from(start, &who, &request), expected);
        }
    }

    #[test]
    fn a_rule_is_the_same_after_a_journey(rule in rules_of_all_kinds()) {
        let bytes = postcard::to_stdvec(&rule).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Rule>(&bytes).unwrap(), rule);
        prop_assert!(postcard::from_bytes::<Rule>(&bytes[..bytes.len() - 1]).is_err());
    }
}
