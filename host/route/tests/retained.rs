//! The retained messages against the oracle, at their bounds, and in order.

mod naive;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use naive::{filter, topic};
use proptest::prelude::*;
use theseus_route::{Retained, StoreOutcome};

const LONGEST: usize = 65_535;

/// All messages that match, stripe by stripe, sorted.
fn collect(retained: &Retained<String>, filter: &str) -> Vec<String> {
    let mut out = Vec::new();
    for stripe in retained.stripes_of(filter) {
        retained.collect(filter, stripe, &mut out, |_| ());
    }
    out.sort();
    out
}

fn store(retained: &Retained<String>, topic: &str, message: Option<String>) -> StoreOutcome {
    retained.publish(topic, message, || ()).0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_the_oracle_through_any_sequence(
        steps in prop::collection::vec((topic(), prop::option::weighted(0.7, 0..100)), 1..120),
        filters in prop::collection::vec(filter(), 1..12),
    ) {
        const MAX: usize = 30;
        let retained = Retained::new(MAX);
        let mut naive = BTreeMap::new();
        for (topic, number) in &steps {
            let message = number.map(|number| format!("{topic} {number}"));
            let expected = match &message {
                None => {
                    naive.remove(topic);
                    StoreOutcome::Removed
                }
                Some(_) if naive.len() == MAX && !naive.contains_key(topic) => StoreOutcome::Full,
                Some(message) => {
                    naive.insert(topic, message.clone());
                    StoreOutcome::Stored
                }
            };
            prop_assert_eq!(store(&retained, topic, message), expected);
            prop_assert_eq!(retained.current(topic), naive.get(topic).cloned());
            prop_assert_eq!(retained.len(), naive.len());
        }
        for filter in filters.iter().chain(naive.keys().copied()) {
            let matching = naive.iter().filter(|(topic, _)| naive::matches(filter, topic));
            let mut expected: Vec<_> = matching.map(|(_, message)| message.clone()).collect();
            expected.sort();
            prop_assert_eq!(collect(&retained, filter), expected, "{}", filter);
        }
        for topic in naive.into_keys() {
            store(&retained, topic, None);
        }
        prop_assert_eq!((retained.len(), retained.nodes()), (0, 0));
    }
}

#[test]
fn topics_are_bounded() {
    let retained = Retained::new(100);
    let topics: Vec<_> = (0..150).map(|n| format!("a/{n}")).collect();
    for (n, topic) in topics.iter().enumerate() {
        let expected = if n < 100 { StoreOutcome::Stored } else { StoreOutcome::Full };
        assert_eq!(store(&retained, topic, Some(topic.clone())), expected);
    }
    let (full, ran) = retained.publish("a/149", Some("x".into()), || true);
    assert_eq!((full, ran), (StoreOutcome::Full, true));
    assert_eq!(store(&retained, "a/0", Some("new".into())), StoreOutcome::Stored);
    assert_eq!(store(&retained, "a/1", None), StoreOutcome::Removed);
    assert_eq!(store(&retained, "a/149", Some("x".into())), StoreOutcome::Stored);
    assert_eq!((retained.len(), collect(&retained, "a/+").len()), (100, 100));
}

#[test]
fn levels_are_bounded_and_come_back() {
    let retained = Retained::new(3);
    for _ in 0..3 {
        let slashes = "/".repeat(LONGEST);
        assert_eq!(store(&retained, &slashes, Some("a".into())), StoreOutcome::Stored);
        let other = "x/".repeat(LONGEST / 2);
        assert_eq!(store(&retained, &other, Some("b".into())), StoreOutcome::Full);
        assert_eq!(store(&retained, "x/y/z", Some("c".into())), StoreOutcome::Stored);
        assert_eq!(retained.len(), 2);
        assert_eq!(store(&retained, &slashes, None), StoreOutcome::Removed);
        assert_eq!(store(&retained, &other, Some("b".into())), StoreOutcome::Stored);
        assert_eq!(store(&retained, &other, None), StoreOutcome::Removed);
        assert_eq!(store(&retained, "x/y/z", None), StoreOutcome::Removed);
        assert_eq!(retained.nodes(), 0);
    }
}

#[test]
fn the_deepest_topic_needs_no_stack() {
    let run = || {
        let retained = Retained::new(10);
        let slashes = "/".repeat(LONGEST);
        store(&retained, &slashes, Some("deep".into()));
        assert_eq!(collect(&retained, "#"), ["deep"]);
        assert_eq!(collect(&retained, "/#"), ["deep"]);
        let plusses = format!("{}+", "+/".repeat(LONGEST / 2));
        assert_eq!(collect(&retained, &plusses), Vec::<String>::new());
        drop(retained);
    };
    let thread = thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn an_exact_filter_has_one_stripe_and_a_stranger_holds_nothing() {
    let retained = Retained::<String>::new(10);
    assert_eq!(retained.stripes_of("a/b").len(), 1);
    assert_eq!(retained.stripes_of("a/+"), 0..Retained::<String>::STRIPES);
    let ran = retained.collect("#", Retained::<String>::STRIPES, &mut Vec::new(), |out| out.len());
    assert_eq!(ran, 0);
}

/// Long enough for the other thread to come to the lock.
const PAUSE: Duration = Duration::from_millis(100);

/// A replay that begins while a publish hands on its live copies waits, and shows that publish.
#[test]
fn a_replay_waits_for_the_live_copies() {
    let retained = Retained::new(10);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        retained.publish("a/b", Some(1), || {
            let retained = &retained;
            scope.spawn(move || {
                let stripe = retained.stripes_of("a/b").start;
                retained
                    .collect("a/+", stripe, &mut Vec::new(), |out| send.send(out.clone()).unwrap());
            });
            assert_eq!(receive.recv_timeout(PAUSE), Err(RecvTimeoutError::Timeout));
        });
        assert_eq!(receive.recv(), Ok(vec![1]));
    });
}

/// A publish that begins while a replay is queued waits: its live copies come after.
#[test]
fn live_copies_wait_for_the_replay() {
    let retained = Retained::new(10);
    store(&retained, "a/b", Some("old".into()));
    let stripe = retained.stripes_of("a/b").start;
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        retained.collect("#", stripe, &mut Vec::new(), |out| {
            assert_eq!(*out, ["old"]);
            let retained = &retained;
            scope.spawn(move || {
                retained.publish("a/b", Some("new".into()), || send.send("live").unwrap());
            });
            assert_eq!(receive.recv_timeout(PAUSE), Err(RecvTimeoutError::Timeout));
        });
        assert_eq!(receive.recv(), Ok("live"));
    });
    assert_eq!(retained.current("a/b").as_deref(), Some("new"));
}

#[derive(Debug)]
enum Event {
    Live(u64),
    Replayed(Vec<u64>),
}

/// Publishers and replays on one topic write one log under the lock: each replay shows the message
/// that the live copies last showed, never an older or newer one.
#[test]
fn replays_and_live_copies_are_in_one_order() {
    let retained = Retained::new(10);
    let log = Mutex::new(Vec::new());
    let write = |event| {
        log.lock().unwrap().push(event);
        // Lets the others come to the lock.
        thread::yield_now();
    };
    thread::scope(|scope| {
        let (retained, write) = (&retained, &write);
        for publisher in 0..2 {
            scope.spawn(move || {
                for n in (0..5000).map(|n| n * 2 + publisher) {
                    retained.publish("a/b", Some(n), || write(Event::Live(n)));
                }
            });
        }
        for filter in ["a/b", "a/+"] {
            scope.spawn(move || {
                let stripe = retained.stripes_of("a/b").start;
                for _ in 0..5000 {
                    retained.collect(filter, stripe, &mut Vec::new(), |out| {
                        write(Event::Replayed(out.clone()));
                    });
                }
            });
        }
    });
    let mut last = vec![];
    for event in log.into_inner().unwrap() {
        match event {
            Event::Live(n) => last = vec![n],
            Event::Replayed(seen) => assert_eq!(seen, last),
        }
    }
}
