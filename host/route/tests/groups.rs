//! Groups of shared subscriptions against an oracle, beside ordinary subscriptions, and with many
//! threads.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

mod naive;

use std::collections::BTreeMap;

use naive::{Naive, filter, found, matches, subscriber, subscription, topic};
use proptest::prelude::*;
use theseus_route::{Cache, Group, Matches, Member, Router, Subscriber, Subscription};

#[derive(Clone, Debug)]
enum Step {
    Join(String, Member, bool),
    Leave(String, Subscriber),
    SetOnline(String, Subscriber, bool),
    Subscribe(String, Subscriber, Subscription),
    Match(String),
}

fn shared() -> impl Strategy<Value = String> {
    (prop_oneof![Just("one"), Just("two")], filter())
        .prop_map(|(name, filter)| format!("$share/{name}/{filter}"))
}

fn member() -> impl Strategy<Value = Member> {
    (subscriber(), subscription())
        .prop_map(|(subscriber, subscription)| Member { subscriber, subscription })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (shared(), member(), any::<bool>()).prop_map(|(f, m, on)| Step::Join(f, m, on)),
        3 => (shared(), subscriber()).prop_map(|(f, who)| Step::Leave(f, who)),
        2 => (shared(), subscriber(), any::<bool>()).prop_map(|(f, w, on)| Step::SetOnline(f, w, on)),
        1 => (filter(), subscriber(), subscription()).prop_map(|(f, w, h)| Step::Subscribe(f, w, h)),
        6 => topic().prop_map(Step::Match),
    ]
}

/// Members and whether they are online, by the whole text of the filter.
type Oracle = BTreeMap<String, Vec<(Member, bool)>>;

struct Trial {
    router: Router,
    cache: Cache,
    groups: Oracle,
    ordinary: Naive,
}

impl Trial {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Join(filter, member, is_online) => {
                let members = self.groups.entry(filter.clone()).or_default();
                let before = members.len();
                members.retain(|(known, _)| known.subscriber != member.subscriber);
                let is_new = members.len() == before;
                members.push((*member, *is_online));
                assert_eq!(self.router.subscribe_shared(filter, *member, *is_online), is_new);
            }
            Step::Leave(filter, who) => self.leave(filter, *who),
            Step::SetOnline(filter, who, is_online) => {
                for (member, online) in self.groups.get_mut(filter).into_iter().flatten() {
                    if member.subscriber == *who {
                        *online = *is_online;
                    }
                }
                if let Some(group) = self.router.group(filter) {
                    group.set_online(*who, *is_online);
                }
            }
            Step::Subscribe(filter, who, how) => {
                self.ordinary.subscribe(filter, *who, *how);
                self.router.subscribe(filter, *who, *how);
            }
            Step::Match(topic) => self.check(topic),
        }
        assert_eq!(self.router.groups(), self.groups.len());
    }

    fn leave(&mut self, filter: &str, who: Subscriber) {
        let members = self.groups.get_mut(filter);
        let found = members.is_some_and(|members| {
            let before = members.len();
            members.retain(|(member, _)| member.subscriber != who);
            members.len() < before
        });
        self.groups.retain(|_, members| !members.is_empty());
        assert_eq!(self.router.unsubscribe_shared(filter, who), found);
    }

    fn check(&mut self, topic: &str) {
        let cached = self.cache.matches(&self.router, topic).clone();
        for answer in [&cached, &self.router.matches(topic)] {
            assert_eq!(found(answer), self.ordinary.matches(topic), "{topic}");
            let mut filters: Vec<_> = answer.groups().iter().map(|group| group.filter()).collect();
            filters.sort_unstable();
            let inner = |shared: &str| shared.splitn(3, '/').nth(2).unwrap().to_owned();
            let expected = self.groups.keys().filter(|shared| matches(&inner(shared), topic));
            assert_eq!(filters, expected.collect::<Vec<_>>(), "{topic}");
        }
        cached.groups().iter().for_each(|group| self.check_turns(group));
    }

    /// In as many picks as there are candidates each has its turn once.
    fn check_turns(&self, group: &Group) {
        let members = &self.groups[group.filter()];
        let any_online = members.iter().any(|(_, online)| *online);
        assert_eq!(group.is_online(), any_online);
        let candidates = members.iter().filter(|(_, online)| *online || !any_online);
        let mut expected: Vec<_> = candidates.map(|(member, _)| *member).collect();
        let mut picked: Vec<_> = expected.iter().map(|_| group.pick().unwrap()).collect();
        expected.sort_by_key(|member| member.subscriber);
        picked.sort_by_key(|member| member.subscriber);
        assert_eq!(picked, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_the_oracle_through_any_sequence(steps in prop::collection::vec(step(), 1..150)) {
        let (router, cache) = (Router::new(), Cache::new(10_000));
        let mut trial =
            Trial { router, cache, groups: Oracle::new(), ordinary: Naive::default() };
        steps.iter().for_each(|step| trial.take(step));
        while let Some((filter, members)) = trial.groups.first_key_value() {
            let (filter, who) = (filter.clone(), members[0].0.subscriber);
            trial.leave(&filter, who);
        }
        for (filter, who, _) in trial.ordinary.subscriptions() {
            trial.router.unsubscribe(filter, *who);
        }
        prop_assert_eq!((trial.router.filters(), trial.router.nodes()), (0, 0));
    }
}

fn member_of(session: u64, shard: u16) -> Member {
    let subscription =
        Subscription { qos: 1, no_local: false, retain_as_published: false, identifier: 0 };
    Member { subscriber: Subscriber { session, shard }, subscription }
}

/// Members that come and go are no change of who gets what: only the first and the last are.
#[test]
fn members_between_the_first_and_the_last_leave_cached_matches_alone() {
    let (router, mut cache) = (Router::new(), Cache::new(100));
    assert!(router.subscribe_shared("$share/g/a/+", member_of(1, 0), true));
    let first = std::sync::Arc::as_ptr(cache.matches(&router, "a/b"));
    for session in 2..50 {
        assert!(router.subscribe_shared("$share/g/a/+", member_of(session, 1), false));
        assert_eq!(std::sync::Arc::as_ptr(cache.matches(&router, "a/b")), first);
    }
    for session in 1..49 {
        assert!(router.unsubscribe_shared(
            "$share/g/a/+",
            member_of(session, session.min(2) as u16 - 1).subscriber
        ));
        assert_eq!(std::sync::Arc::as_ptr(cache.matches(&router, "a/b")), first);
    }
    assert!(router.unsubscribe_shared("$share/g/a/+", member_of(49, 1).subscriber));
    assert!(cache.matches(&router, "a/b").is_empty());
}

fn is_in(matches: &Matches, filter: &str) -> bool {
    matches.groups().iter().any(|group| group.filter() == filter)
}

/// A group that begins and ends all the time: who is in it always finds it, nothing is left of it.
#[test]
fn who_has_joined_is_found_whatever_other_threads_do() {
    const FILTERS: [(&str, &str); 4] = [
        ("$share/g/a/b", "a/b"),
        ("$share/g/a/+", "a/b"),
        ("$share/g/#", "a/b"),
        ("$share/h/a/b/#", "a/b"),
    ];
    let router = Router::new();
    std::thread::scope(|scope| {
        for shard in 0..3_u16 {
            let router = &router;
            scope.spawn(move || {
                let mut cache = Cache::new(16);
                for round in 0..20_000_u64 {
                    let (filter, topic) = FILTERS[(round as usize + usize::from(shard)) % 4];
                    let member = member_of(round % 3, shard);
                    assert!(router.subscribe_shared(filter, member, round % 2 == 0));
                    let matches = cache.matches(router, topic);
                    assert!(is_in(matches, filter), "{filter}");
                    let group = matches.groups().iter().find(|group| group.filter() == filter);
                    assert!(group.unwrap().pick().is_some());
                    assert!(router.unsubscribe_shared(filter, member.subscriber));
                }
            });
        }
    });
    assert_eq!((router.groups(), router.filters(), router.nodes()), (0, 0, 0));
    assert!(router.matches("a/b").is_empty());
}
