//! Many threads on one router.

mod naive;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use naive::{Naive, found};
use theseus_route::{Cache, Router, Subscriber, Subscription};

const FILTERS: [&str; 12] =
    ["#", "+/b", "+/b/#", "a", "a/#", "a/+", "a/b", "a/b/#", "a/b/+", "a/b/c", "$x/#", "a/b/c/d"];
const TOPICS: [&str; 7] = ["a", "a/b", "a/b/c", "a/b/c/d", "$x/b", "z/b", "z/b/c"];
const WRITERS: u16 = 3;
const ROUNDS: u64 = 20_000;

/// A stream of numbers that is the same in each run.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    }
}

/// Changes its own sessions' subscriptions, and after each sees in a cache exactly its own state:
/// what returned is in force for whoever asks later.
fn write(router: &Router, shard: u16) -> Naive {
    let mut number = numbers(u64::from(shard) + 1);
    let mut own = Naive::default();
    let mut cache = Cache::new(64);
    for _ in 0..ROUNDS {
        let who = Subscriber { session: number(4) as u64, shard };
        let filter = FILTERS[number(FILTERS.len())];
        if number(2) == 0 {
            let how = Subscription {
                qos: number(3) as u8,
                no_local: false,
                retain_as_published: false,
                identifier: number(3) as u32,
            };
            assert_eq!(router.subscribe(filter, who, how), own.subscribe(filter, who, how));
        } else {
            assert_eq!(router.unsubscribe(filter, who), own.unsubscribe(filter, who));
        }
        let topic = TOPICS[number(TOPICS.len())];
        let mut seen = found(cache.matches(router, topic));
        seen.retain(|delivery| delivery.0 == shard);
        assert_eq!(seen, own.matches(topic), "{topic}");
    }
    own
}

#[test]
fn each_thread_sees_what_has_returned_and_all_agree_at_the_end() {
    let router = Router::new();
    let done = AtomicBool::new(false);
    let (owned, mut caches) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|shard| {
                scope.spawn({
                    let router = &router;
                    move || write(router, shard)
                })
            })
            .collect();
        let readers: Vec<_> = (0..2)
            .map(|seed| {
                scope.spawn({
                    let (router, done) = (&router, &done);
                    move || {
                        let mut number = numbers(seed + 100);
                        let mut cache = Cache::new(64);
                        while !done.load(Ordering::Relaxed) {
                            cache.matches(router, TOPICS[number(TOPICS.len())]);
                        }
                        cache
                    }
                })
            })
            .collect();
        let owned: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        // Before anything is unwrapped: a failed writer must not leave the readers running.
        done.store(true, Ordering::Relaxed);
        let owned: Vec<_> = owned.into_iter().map(|own| own.unwrap()).collect();
        (owned, readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>())
    });
    for topic in TOPICS {
        let mut expected: Vec<_> = owned.iter().flat_map(|own| own.matches(topic)).collect();
        expected.sort();
        assert_eq!(found(&router.matches(topic)), expected, "{topic}");
        for cache in &mut caches {
            assert_eq!(found(cache.matches(&router, topic)), expected, "cached {topic}");
        }
    }
    for (shard, own) in owned.iter().enumerate() {
        for (filter, who, _) in own.subscriptions() {
            assert_eq!(usize::from(who.shard), shard);
            assert!(router.unsubscribe(filter, *who));
        }
    }
    assert_eq!((router.filters(), router.nodes()), (0, 0));
}

/// A look-up of many subscribers takes long after its locks are released, so changes fall into it:
/// the next look must see them. Fails if the count of changes is read after the look-up.
#[test]
fn a_change_during_a_look_up_is_not_missed() {
    const BEFORE: u64 = 1000;
    const DURING: u64 = 1000;
    let subscribe = |router: &Router, filter: &str, session| {
        let how =
            Subscription { qos: 0, no_local: false, retain_as_published: false, identifier: 0 };
        router.subscribe(filter, Subscriber { session, shard: 0 }, how)
    };
    for filter in ["a/b", "a/+", "+/b"] {
        let router = Router::new();
        (0..BEFORE).for_each(|session| assert!(subscribe(&router, filter, session)));
        let subscribed = AtomicU64::new(BEFORE);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for session in BEFORE..BEFORE + DURING {
                    subscribe(&router, filter, session);
                    subscribed.store(session + 1, Ordering::Release);
                    // Time to look twice: the second look is the one that would be wrong.
                    (0..20_000).for_each(|_| std::hint::spin_loop());
                }
            });
            let mut cache = Cache::new(16);
            loop {
                let at_least = subscribed.load(Ordering::Acquire);
                assert!(cache.matches(&router, "a/b").len() as u64 >= at_least, "{filter}");
                if at_least == BEFORE + DURING {
                    return;
                }
            }
        });
    }
}
