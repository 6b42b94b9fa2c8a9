//! What judging costs in allocations: none.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use theseus_acl::Effect::{Allow, Ask, Deny};
use theseus_acl::{Condition, RuleSet, Subject, Written, first_match};

use crate::rules::{
    attributes, client, exactly, glob, matching, publish, rule, same, subscribe, written,
};

mod rules;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TOPICS: [&str; 6] = ["dev/c-7/up", "dev/c-8", "$SYS/x", "a/b/c/d/e/f", "+/b/#", "$share/g/#"];

#[test]
fn judging_allocates_nothing() {
    let conditions = [
        Condition::ClientId(same("c-7")),
        Condition::UserName(same("ann")),
        Condition::ClientId(glob("c-*7*")),
        Condition::Address("10.0.0.0/8".into()),
        Condition::Listener(glob("tcp:*")),
        Condition::Attribute("group".into(), same("pumps")),
    ];
    let topics = [
        matching("dev/${clientid}/${username}/x"),
        matching("x-${clientid}-${attribute.group}/#"),
        exactly("dev/${username}"),
        matching("+/+/never"),
    ]
    .concat();
    let rules: Vec<_> = conditions
        .iter()
        .flat_map(|condition| [Allow, Deny, Ask].map(|effect| (condition.clone(), effect)))
        .map(|(condition, effect)| (vec![condition], written(effect, topics.clone())))
        .map(|(conditions, written)| rule(&Written { conditions, ..written }))
        .collect();
    let set = RuleSet::new("s", rules.clone());
    let attributes = attributes(&[("group", "pumps")]);
    let address = Some([10, 0, 0, 1].into());
    let named = Subject { address, attributes: &attributes, ..client("c-7") };
    let subjects = [named, Subject { user_name: Some("ann"), ..named }, client("#")];

    let mut found = 0;
    let region = Region::new(ALLOCATOR);
    for who in &subjects {
        for request in TOPICS.map(publish).iter().chain(&TOPICS.map(subscribe)) {
            found += usize::from(set.judge(who, request).is_some());
            found += usize::from(first_match(&rules, who, request).is_some());
        }
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    assert!(found > 0 && found < 2 * 3 * 12, "both outcomes were judged: {found}");
}
