//! What becomes of a packet that authorization denies, in every version and quality of service, and
//! how long a verdict and a grant hold.

use std::sync::atomic::Ordering;
use std::time::Duration;

use theseus_core::Verdict;
use theseus_mqtt::{QoS, ReasonCode, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5, WillSpec};

#[test]
fn a_change_holds_for_the_next_publish_of_a_live_connection() {
    let mut bench = Bench::new();
    let (subscriber, _) = bench.connect(&Hello::clean(V5, "s"));
    bench.subscribe(subscriber, "#", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "p"));
    let say = |bench: &mut Bench, text: &str| {
        bench.publish(publisher, &Post::new("a/b", text, QoS::AtMostOnce), 0);
    };
    say(&mut bench, "1");
    bench.shell.policy.forbid("a/", Verdict::Deny);
    say(&mut bench, "2");
    say(&mut bench, "3");
    bench.shell.policy.forbid("b/", Verdict::Deny);
    say(&mut bench, "4");
    assert_eq!(bench.texts(subscriber), ["1", "4"]);
    assert!(!bench.is_over(publisher));
}

#[test]
fn a_verdict_is_asked_for_once_in_a_generation() {
    let mut bench = Bench::new();
    let (publisher, _) = bench.connect(&Hello::clean(V3, "p"));
    let asked = |bench: &Bench| bench.shell.policy.asked.load(Ordering::Relaxed);
    for generation in 1..=3 {
        for _ in 0..5 {
            bench.publish(publisher, &Post::new("a/b", "x", QoS::AtMostOnce), 0);
        }
        assert_eq!(asked(&bench), generation);
        bench.shell.policy.forbid("nothing", Verdict::Deny);
    }
    // Another quality of service is another question.
    bench.publish(publisher, &Post::new("a/b", "x", QoS::AtLeastOnce), 1);
    assert_eq!(asked(&bench), 4);
}

/// A disconnecting deny ends the connection with 0x87 where the version can say it; a will goes out.
#[test]
fn a_denied_publish_may_end_the_connection() {
    for (version, qos) in [(V3, QoS::AtMostOnce), (V5, QoS::AtLeastOnce), (V5, QoS::ExactlyOnce)] {
        let mut bench = Bench::new();
        bench.shell.policy.forbid("closed", Verdict::Disconnect);
        let (watcher, _) = bench.connect(&Hello::clean(V5, "w"));
        bench.subscribe(watcher, "#", QoS::AtMostOnce);
        let will = WillSpec::new("gone", "will", QoS::AtMostOnce);
        let (publisher, _) = bench.connect(&Hello::clean(version, "p").with_will(will));
        bench.publish(publisher, &Post::new("closed/x", "x", qos), 1);
        let heard = bench.hear(publisher);
        let told = vec![Got::Disconnect(ReasonCode::NotAuthorized)];
        assert_eq!(heard, if version == V5 { told } else { vec![] });
        assert!(bench.is_over(publisher));
        assert_eq!(bench.texts(watcher), ["will"]);
    }
}

#[test]
fn a_denied_subscribe_may_end_the_connection() {
    let mut bench = Bench::new();
    bench.shell.policy.forbid("closed", Verdict::Disconnect);
    let (client, _) = bench.connect(&Hello::clean(V5, "c"));
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    bench.say(client, packets::subscribe(V5, 1, &[("a", options), ("closed/#", options)], 0));
    assert_eq!(bench.hear(client), [Got::Disconnect(ReasonCode::NotAuthorized)]);
    assert!(bench.is_over(client));
}

/// A 3.1.1 client cannot be told: its message is acknowledged and goes nowhere [MQTT-3.3.5-2].
#[test]
fn a_client_that_cannot_be_told_is_answered_as_usual() {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V3, "w"));
    bench.subscribe(watcher, "#", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V3, "p"));
    bench.publish(publisher, &Post::new("forbidden/x", "x", QoS::AtLeastOnce), 1);
    bench.publish(publisher, &Post::new("forbidden/x", "x", QoS::ExactlyOnce), 2);
    bench.ack(publisher, AckType::Rel, 2);
    let success = ReasonCode::Success;
    let expected = [(AckType::Ack, 1), (AckType::Rec, 2), (AckType::Comp, 2)];
    let expected = expected.map(|(kind, id)| Got::Ack(kind, id, success));
    assert_eq!(bench.hear(publisher), expected);
    assert!(bench.texts(watcher).is_empty());
}

#[test]
fn a_denied_will_is_not_sent() {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V5, "w"));
    bench.subscribe(watcher, "#", QoS::AtMostOnce);
    for topic in ["forbidden/will", "open/will"] {
        let will = WillSpec::new(topic, topic, QoS::AtMostOnce);
        let (client, _) = bench.connect(&Hello::clean(V5, "c").with_will(will));
        bench.cut(client);
    }
    assert_eq!(bench.texts(watcher), ["open/will"]);
}

#[test]
fn a_connection_ends_with_its_grant() {
    let mut bench = Bench::new();
    bench.shell.grant.expires_in = Some(Duration::from_secs(60));
    let (client, _) = bench.connect(&Hello::clean(V5, "c"));
    bench.seconds(59);
    assert!(!bench.is_over(client));
    bench.seconds(2);
    assert_eq!(bench.hear(client), [Got::Disconnect(ReasonCode::NotAuthorized)]);
    assert!(bench.is_over(client));
}

#[test]
fn a_grant_that_ends_does_so_after_a_move_too() {
    let mut bench = Bench::new();
    bench.shell.grant.expires_in = Some(Duration::from_secs(60));
    let name = bench.name(0, "moves");
    let (client, _) = bench.connect(&Hello::clean(V5, &name));
    bench.seconds(30);
    assert!(bench.shell.migrate(client, 2));
    bench.seconds(29);
    assert!(!bench.is_over(client));
    bench.seconds(2);
    assert!(bench.is_over(client));
}

/// The client id alone opens nobody's session.
#[test]
fn a_session_is_resumed_by_its_own_user_only() {
    let mut bench = Bench::new();
    let user = |bench: &mut Bench, name: &str| bench.shell.grant.user_name = Some(name.into());
    user(&mut bench, "ann");
    let (client, _) = bench.connect(&Hello::resumed(V5, "c"));
    bench.subscribe(client, "a", QoS::AtLeastOnce);
    bench.cut(client);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "p"));
    bench.publish(publisher, &Post::new("a", "for ann", QoS::AtLeastOnce), 1);
    user(&mut bench, "bob");
    let (other, present) = bench.connect(&Hello::resumed(V5, "c"));
    assert!(!present);
    bench.publish(publisher, &Post::new("a", "more", QoS::AtLeastOnce), 2);
    assert!(bench.texts(other).is_empty());
    let (again, present) = bench.connect(&Hello::resumed(V5, "c"));
    assert!(present && bench.is_over(other) && !bench.is_over(again));
}

/// What was subscribed to under older rules is not served for ever.
#[test]
fn a_resumed_session_keeps_only_the_subscriptions_it_may_have() {
    let mut bench = Bench::new();
    let (client, _) = bench.connect(&Hello::resumed(V5, "c"));
    bench.subscribe(client, "a/1", QoS::AtLeastOnce);
    bench.subscribe(client, "b/1", QoS::AtLeastOnce);
    bench.cut(client);
    bench.shell.policy.forbid("a/", Verdict::Deny);
    let (again, present) = bench.connect(&Hello::resumed(V5, "c"));
    assert!(present);
    bench.shell.policy.forbid("nothing", Verdict::Deny);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "p"));
    for (id, topic) in [(1, "a/1"), (2, "b/1")] {
        bench.publish(publisher, &Post::new(topic, topic, QoS::AtLeastOnce), id);
    }
    assert_eq!(bench.texts(again), ["b/1"]);
}
