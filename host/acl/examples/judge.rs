//! What judging one request costs, in nanoseconds: `cargo run --release --example judge`.
//!
//! A measurement for a person, on one thread with warm caches; it asserts nothing.
#![allow(clippy::expect_used, reason = "a measurement that cannot begin is none")]

use std::hint::black_box;
use std::time::Instant;

use theseus_acl::{
    Actions, Condition, Effect, QosSet, Request, Retained, Rule, RuleSet, Subject, TextMatch,
    Topics, Written,
};

const USERS: usize = 100_000;
const ROUNDS: usize = 1_000_000;

fn main() {
    let of_users = (0..USERS).map(|user| {
        let name = Condition::UserName(TextMatch::Exactly(format!("user-{user}")));
        rule(vec![name], &format!("site/{user}/#"))
    });
    let began = Instant::now();
    let users = RuleSet::new("100,000 rules, one per user", of_users.collect());
    println!("{:>10.1} ms to compile {}", began.elapsed().as_secs_f64() * 1e3, users.name());
    let one = RuleSet::new("one rule, placeholder", vec![rule(vec![], "site/${clientid}/#")]);
    let last = (0..10).map(|n| rule(vec![], &format!("other/{n}/#")));
    let tenth = last.chain([rule(vec![], "site/+/pump/#")]).collect();
    let tenth = RuleSet::new("ten general rules, then one", tenth);

    for set in [&one, &tenth, &users] {
        let publish = |topic| Request::Publish { topic, qos: 1, retain: false };
        measure(set, "publish", |_| publish("site/77777/pump/3/temperature"));
        measure(set, "subscribe", |_| Request::Subscribe { filter: "site/77777/pump/+/x", qos: 1 });
    }
}

fn rule(conditions: Vec<Condition>, pattern: &str) -> Rule {
    let written = Written {
        conditions,
        effect: Effect::Allow,
        actions: Actions::ALL,
        qos: QosSet::ALL,
        retained: Retained::Any,
        topics: vec![Topics::Matching(pattern.to_owned())],
    };
    Rule::compile(&written).expect("the rules of this file are rules")
}

fn measure<'a>(set: &RuleSet, action: &str, request: impl Fn(usize) -> Request<'a>) {
    let who = Subject {
        client_id: "77777",
        user_name: Some("user-77777"),
        address: None,
        listener: "tcp:default",
        attributes: &[],
    };
    let began = Instant::now();
    for round in 0..ROUNDS {
        black_box(set.judge(black_box(&who), &black_box(request(round))));
    }
    let nanoseconds = began.elapsed().as_nanos() as f64 / ROUNDS as f64;
    let found = set.judge(&who, &request(0)).map(|(_, position)| position);
    println!("{nanoseconds:>10.1} ns {action:<10} {} (found: {found:?})", set.name());
}
