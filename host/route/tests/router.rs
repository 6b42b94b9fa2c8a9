//! The router and its cache against the oracle, and at their limits.

mod naive;

use naive::{Naive, filter, found, subscriber, subscription, topic};
use proptest::prelude::*;
use theseus_route::{Audience, Cache, Delivery, Router, Subscriber, Subscription};

const QOS_0: Subscription =
    Subscription { qos: 0, no_local: false, retain_as_published: false, identifier: 0 };

const ME: Subscriber = Subscriber { session: 1, shard: 0 };

/// The greatest length of a topic or filter in bytes.
const LONGEST: usize = 65_535;

#[derive(Clone, Debug)]
enum Step {
    Subscribe(String, Subscriber, Subscription),
    Unsubscribe(String, Subscriber),
    /// Unsubscribes one that is there, by its place among those that are.
    UnsubscribeHeld(prop::sample::Index),
    Match(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => change(),
        1 => (filter(), subscriber()).prop_map(|(f, w)| Step::Unsubscribe(f, w)),
        6 => topic().prop_map(Step::Match),
    ]
}

fn change() -> impl Strategy<Value = Step> {
    prop_oneof![
        (filter(), subscriber(), subscription()).prop_map(|(f, w, h)| Step::Subscribe(f, w, h)),
        any::<prop::sample::Index>().prop_map(Step::UnsubscribeHeld),
    ]
}

/// The system under test and the oracle, taking the same steps.
struct Pair {
    router: Router,
    caches: [Cache; 2],
    naive: Naive,
}

impl Pair {
    fn new() -> Self {
        let caches = [Cache::new(6), Cache::new(10_000)];
        Self { router: Router::new(), caches, naive: Naive::default() }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Subscribe(filter, who, how) => {
                let new = self.router.subscribe(filter, *who, *how);
                assert_eq!(new, self.naive.subscribe(filter, *who, *how));
            }
            Step::Unsubscribe(filter, who) => self.unsubscribe(filter, *who),
            Step::UnsubscribeHeld(index) => {
                let held = self.naive.subscriptions();
                if !held.is_empty() {
                    let (filter, who, _) = index.get(held).clone();
                    self.unsubscribe(&filter, who);
                }
            }
            Step::Match(topic) => self.check(topic),
        }
        assert_eq!(self.router.filters(), self.naive.filters());
    }

    fn unsubscribe(&mut self, filter: &str, who: Subscriber) {
        let existed = self.router.unsubscribe(filter, who);
        assert_eq!(existed, self.naive.unsubscribe(filter, who));
    }

    fn check(&mut self, topic: &str) {
        let expected = self.naive.matches(topic);
        assert_eq!(found(&self.router.matches(topic)), expected, "{topic}");
        for cache in &mut self.caches {
            assert_eq!(found(cache.matches(&self.router, topic)), expected, "cached {topic}");
        }
    }

    fn unsubscribe_all(&mut self) {
        while let Some((filter, who, _)) = self.naive.subscriptions().first().cloned() {
            self.unsubscribe(&filter, who);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_the_oracle_through_any_sequence(steps in prop::collection::vec(step(), 1..150)) {
        let mut pair = Pair::new();
        steps.iter().for_each(|step| pair.take(step));
        pair.unsubscribe_all();
        prop_assert_eq!((pair.router.filters(), pair.router.nodes()), (0, 0));
    }

    /// Every topic is asked again after every change, so a stale cache cannot hide.
    #[test]
    fn caches_see_every_change(
        changes in prop::collection::vec(change(), 1..40),
        topics in prop::collection::vec(topic(), 1..8),
    ) {
        let mut pair = Pair::new();
        for change in changes {
            pair.take(&change);
            topics.iter().for_each(|topic| pair.check(topic));
        }
    }
}

/// (audience, QoS, Retain As Published, identifiers) of each delivery, in order.
fn shares(deliveries: &[Delivery]) -> Vec<(Audience, u8, bool, &[u32])> {
    let shares = deliveries.iter();
    shares.map(|d| (d.audience, d.qos, d.retain_as_published, d.identifiers())).collect()
}

/// [MQTT-3.8.3-3]: the subscription with No Local lends nothing to the session's own messages.
#[test]
fn a_session_with_no_local_on_some_filters_appears_twice() {
    let router = Router::new();
    let muted = Subscription { qos: 2, no_local: true, retain_as_published: true, identifier: 7 };
    router.subscribe("n/a", ME, muted);
    router.subscribe("n/#", ME, Subscription { identifier: 9, ..QOS_0 });
    let matches = router.matches("n/a");
    let expected =
        [(Audience::Others, 2, true, &[7, 9][..]), (Audience::Publisher, 0, false, &[9][..])];
    assert_eq!(shares(matches.of_shard(0)), expected);
    assert_eq!(matches.len(), 2);
}

#[test]
fn a_session_whose_filters_agree_on_no_local_appears_once() {
    for (no_local, audience) in [(false, Audience::Everyone), (true, Audience::Others)] {
        let router = Router::new();
        let how = |identifier| Subscription { no_local, identifier, ..QOS_0 };
        router.subscribe("n/a", ME, how(7));
        router.subscribe("n/#", ME, how(9));
        let (two, one) = (router.matches("n/a"), router.matches("n/b"));
        assert_eq!(shares(two.of_shard(0)), [(audience, 0, false, &[7, 9][..])]);
        assert_eq!(shares(one.of_shard(0)), [(audience, 0, false, &[9][..])]);
    }
}

#[test]
fn a_hundred_thousand_subscribers_of_one_filter() {
    let router = Router::new();
    let who = |n: u64| Subscriber { session: n, shard: (n % 4) as u16 };
    for filter in ["all/+/of/them", "all/1/of/them"] {
        for n in 0..100_000 {
            assert!(router.subscribe(filter, who(n), Subscription { identifier: 5, ..QOS_0 }));
        }
    }
    let matches = router.matches("all/1/of/them");
    assert_eq!(matches.len(), 100_000);
    for shard in 0..4 {
        assert_eq!(matches.of_shard(shard).len(), 25_000);
        assert!(matches.of_shard(shard).iter().all(|d| d.identifiers() == [5, 5]));
    }
    assert!(matches.of_shard(4).is_empty());
    for n in (0..100_000).rev() {
        assert!(router.unsubscribe("all/+/of/them", who(n)));
        assert!(router.unsubscribe("all/1/of/them", who(n)));
    }
    assert_eq!((router.filters(), router.nodes()), (0, 0));
    assert!(router.matches("all/1/of/them").is_empty());
}

#[test]
fn the_deepest_filters_and_topics_need_no_stack() {
    let slashes = "/".repeat(LONGEST);
    let plusses = format!("{}+", "+/".repeat(LONGEST / 2));
    let multi = format!("{}#", "/".repeat(LONGEST - 1));
    let topic = "a/".repeat(LONGEST / 2);
    let run = move || {
        let router = Router::new();
        for filter in [&slashes, &plusses, &multi] {
            assert!(router.subscribe(filter, ME, QOS_0));
        }
        assert!(router.nodes() > LONGEST);
        assert_eq!(router.matches(&slashes).len(), 1);
        assert_eq!(router.matches(&topic).len(), 1);
        assert_eq!(Cache::new(10).matches(&router, &topic).len(), 1);
        assert!(router.matches("a/a").is_empty());
        assert!(router.unsubscribe(&plusses, ME));
        assert!(router.matches(&topic).is_empty());
        drop(router);
    };
    // A stack that recursion over the levels would overflow.
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_partly_known_path_leaves_no_nodes_behind() {
    let router = Router::new();
    router.subscribe("a/b/+/d", ME, QOS_0);
    let nodes = router.nodes();
    for filter in ["a/b/+/d/e/+", "a/b/+", "a/b/#", "a/b/+/d/#", "a/b/x/+"] {
        router.subscribe(filter, ME, QOS_0);
        assert!(router.unsubscribe(filter, ME));
        assert!(!router.unsubscribe(filter, ME));
        assert_eq!(router.nodes(), nodes, "{filter}");
    }
    assert!(router.unsubscribe("a/b/+/d", ME));
    assert_eq!(router.nodes(), 0);
}
