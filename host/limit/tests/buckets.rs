//! The store: who meets which bucket, what is forgotten, and that nothing drifts under threads.
#![allow(clippy::unwrap_used, reason = "a failed step is the failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use theseus_limit::{Buckets, Flow, Limit, Meter, Named, OverLimit, Scope, Whom};

const DAY: u64 = 86_400_000;

fn limit(scope: Scope, burst: u64) -> Limit {
    Limit {
        plugin: Box::default(),
        name: "l".into(),
        meter: Meter::MessagesIn,
        scope,
        amount: 1,
        period_ms: DAY,
        burst,
        over: OverLimit::Drop,
    }
}

fn client(client_id: &str) -> Whom<'_> {
    Whom { client_id, ..Whom::default() }
}

#[test]
fn a_limit_finds_its_bucket_again_and_another_client_another() {
    let buckets = Buckets::new(100);
    let limit = limit(Scope::Client, 3);
    assert!(buckets.of(0, &limit, &client("a")).take(0, 2));
    assert_eq!(buckets.of(0, &limit, &client("a")).level(0), 1);
    assert_eq!(buckets.of(0, &limit, &client("b")).level(0), 3);
    let other = Limit { meter: Meter::MessagesOut, ..limit.clone() };
    assert_eq!(buckets.of(0, &other, &client("a")).level(0), 3);
    let renamed = Limit { name: "m".into(), ..limit.clone() };
    assert_eq!(buckets.of(0, &renamed, &client("a")).level(0), 3);
    // Whoever else calls a limit so, has another bucket.
    let others = limit.clone().by("other");
    assert_eq!(buckets.of(0, &others, &client("a")).level(0), 3);
    assert!(others.is_same_as(&Limit { burst: 9, ..others.clone() }) && !others.is_same_as(&limit));
}

#[test]
fn other_numbers_change_the_bucket_for_those_who_hold_it_and_keep_its_level() {
    let buckets = Buckets::new(100);
    let held = buckets.of(0, &limit(Scope::Node, 10), &Whom::default());
    assert!(held.take(0, 4));
    let again = buckets.of(0, &limit(Scope::Node, 5), &Whom::default());
    assert!(Arc::ptr_eq(&held, &again));
    assert_eq!(held.level(0), 5);
    let faster = Limit { amount: 1, period_ms: 1, ..limit(Scope::Node, 100) };
    buckets.of(0, &faster, &Whom::default());
    assert_eq!((held.level(0), held.level(95), held.level(1000)), (5, 100, 100));
}

/// The heart of it: while threads take, versions with other numbers come and go, and what is taken in
/// all is what was there.
#[test]
fn nothing_is_lost_or_won_while_versions_come_and_go_under_load() {
    const BURST: u64 = 20_000;
    let buckets = Buckets::new(100);
    let taken = AtomicU64::new(0);
    let running = AtomicUsize::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..BURST {
                    let limit = limit(Scope::Shared("s".into()), BURST);
                    let bucket = buckets.of(0, &limit, &Whom::default());
                    taken.fetch_add(u64::from(bucket.take(0, 1)), Ordering::Relaxed);
                }
                running.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let mut version = 0;
        while running.load(Ordering::Relaxed) > 0 {
            version += 1;
            let numbers = limit(Scope::Shared("s".into()), BURST + version % 7);
            let limit = Limit { amount: 1 + version % 5, period_ms: 1 + version % 1000, ..numbers };
            buckets.of(0, &limit, &Whom::default());
            buckets.forget_idle(0);
        }
    });
    assert_eq!(taken.load(Ordering::Relaxed), BURST);
}

#[test]
fn idle_full_buckets_are_forgotten_and_others_are_not() {
    let buckets = Buckets::new(10_000);
    let quick =
        |name: &str| Limit { name: name.into(), period_ms: 1000, ..limit(Scope::Client, 2) };
    for number in 0..1000 {
        let client_id = number.to_string();
        assert!(buckets.of(0, &quick("idle"), &client(&client_id)).take(0, 1));
    }
    let held = buckets.of(0, &quick("held"), &client("x"));
    assert!(buckets.of(0, &limit(Scope::Client, 9), &client("empty")).take(0, 1));
    let look = |now| (0..256).for_each(|_| buckets.forget_idle(now));
    look(999);
    assert_eq!(buckets.len(), 1002);
    look(1000);
    assert_eq!(buckets.len(), 2);
    assert!(Arc::ptr_eq(&held, &buckets.of(1000, &quick("held"), &client("x"))));
    assert_eq!(buckets.of(1000, &limit(Scope::Client, 9), &client("empty")).level(1000), 8);
}

#[test]
fn a_crowd_that_comes_and_goes_is_forgotten_as_the_next_comes() {
    let buckets = Buckets::new(1_000_000);
    let quick = Limit { period_ms: 1, ..limit(Scope::Client, 2) };
    for number in 0..200_000_u64 {
        let client_id = number.to_string();
        assert!(buckets.of(number, &quick, &client(&client_id)).take(number, 1));
    }
    assert!(buckets.len() < 20_000, "{}", buckets.len());
}

#[test]
fn the_store_has_a_bound_that_is_counted() {
    let buckets = Buckets::new(50);
    let held: Vec<_> = (0..20)
        .map(|number| buckets.of(0, &limit(Scope::Client, 5), &client(&format!("held{number}"))))
        .collect();
    held.iter().for_each(|bucket| assert!(bucket.take(0, 3)));
    for number in 0..10_000 {
        let client_id = number.to_string();
        let bucket = buckets.of(0, &limit(Scope::Client, 2), &client(&client_id));
        assert!(bucket.take(0, 1) && bucket.take(0, 1) && !bucket.take(0, 1));
        assert!(buckets.len() <= 50);
    }
    assert!(buckets.times_full() > 0);
    for (number, bucket) in held.iter().enumerate() {
        let again = buckets.of(0, &limit(Scope::Client, 5), &client(&format!("held{number}")));
        assert!(Arc::ptr_eq(bucket, &again), "held{number} was forgotten");
    }
}

#[test]
fn a_plugin_has_buckets_of_its_own() {
    let buckets = Buckets::new(100);
    let flow = Flow { amount: 1, period_ms: 1000, burst: 2 };
    let mine = Named { plugin: "p", name: "n", key: "k" };
    assert!(buckets.take(0, mine, 2, flow));
    assert!(!buckets.take(0, mine, 1, flow));
    assert_eq!(buckets.level(0, mine), Some(0));
    for other in
        [Named { plugin: "q", ..mine }, Named { name: "m", ..mine }, Named { key: "", ..mine }]
    {
        assert!(buckets.take(0, other, 2, flow), "{other:?}");
    }
    assert!(!buckets.take(1000, mine, 3, flow), "more than it ever holds");
    assert!(buckets.take(1000, mine, 1, flow));
    assert!(!buckets.take(0, mine, 1, Flow { amount: 0, period_ms: 0, burst: 0 }));
    assert_eq!(buckets.level(1_000_000, Named { key: "new", ..mine }), None);
}
