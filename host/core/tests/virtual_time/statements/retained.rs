//! The RETAIN flag, on the way in and on the way out.

use theseus_mqtt::{QoS, RetainHandling, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{Copy, Hello, Post, V3, V5};

/// What somebody who subscribes now is sent of the topic.
fn kept(bench: &mut Bench, topic: &str) -> Vec<Copy> {
    let (late, _) = bench.connect(&Hello::clean(V3, "late"));
    bench.subscribe(late, topic, QoS::ExactlyOnce);
    bench.messages(late)
}

/// [MQTT-3.3.1-5]; 3.1.1 [MQTT-3.3.1-5] to -8: one message per topic, with its own QoS, and RETAIN
/// on the way out.
#[test]
fn the_last_retained_message_is_kept_with_its_qos_whatever_that_is() {
    let mut bench = Bench::new();
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    let all = [QoS::ExactlyOnce, QoS::AtMostOnce, QoS::AtLeastOnce, QoS::AtMostOnce];
    for (number, qos) in all.into_iter().enumerate() {
        let text = number.to_string();
        bench.publish(publisher, &Post::retained("kept", &text, qos), 1 + number as u16);
        let copies = kept(&mut bench, "kept");
        let [copy] = &copies[..] else { panic!("{copies:?}") };
        assert_eq!((copy.text(), copy.qos, copy.retain), (&text[..], qos, true));
    }
}

/// [MQTT-3.3.1-8], 3.1.1 [MQTT-3.3.1-12]
#[test]
fn a_message_without_retain_neither_stores_nor_replaces_nor_clears() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (publisher, _) = bench.connect(&Hello::clean(version, "publisher"));
        for text in ["live", ""] {
            bench.publish(publisher, &Post::new("never", text, QoS::AtLeastOnce), 1);
        }
        assert_eq!(kept(&mut bench, "never"), []);
        bench.publish(publisher, &Post::retained("kept", "old", QoS::AtLeastOnce), 2);
        for text in ["live", ""] {
            bench.publish(publisher, &Post::new("kept", text, QoS::AtLeastOnce), 3);
        }
        let copies = kept(&mut bench, "kept");
        assert_eq!(copies.iter().map(Copy::text).collect::<Vec<_>>(), ["old"]);
    }
}

/// [MQTT-3.3.1-6], [MQTT-3.3.1-7]; 3.1.1 [MQTT-3.3.1-10], [MQTT-3.3.1-11].
#[test]
fn an_empty_retained_message_is_delivered_and_leaves_the_topic_without_one() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut bench = Bench::new();
        let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
        let (watcher, _) = bench.connect(&Hello::clean(V3, "watcher"));
        bench.subscribe(watcher, "kept", QoS::AtMostOnce);
        bench.publish(publisher, &Post::retained("kept", "x", qos), 1);
        for id in 2..4 {
            bench.publish(publisher, &Post::retained("kept", "", qos), id);
            assert_eq!(kept(&mut bench, "kept"), []);
            assert_eq!(bench.shell.broker.retained(), 0);
        }
        assert_eq!(bench.texts(watcher), ["x", "", ""]);
    }
}

/// [MQTT-3.3.1-12], 3.1.1 [MQTT-3.3.1-9]: the flag of a live message is 0.
#[test]
fn an_established_subscription_sees_no_retain_flag() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let (watcher, _) = bench.connect(&Hello::resumed(version, "watcher"));
        bench.subscribe(watcher, "kept", QoS::AtLeastOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
        bench.publish(publisher, &Post::retained("kept", "1", QoS::AtLeastOnce), 1);
        assert!(bench.messages(watcher).iter().all(|copy| !copy.retain));
        bench.cut(watcher);
        bench.publish(publisher, &Post::retained("kept", "2", QoS::AtLeastOnce), 2);
        let (watcher, _) = bench.connect(&Hello::resumed(version, "watcher"));
        let flags: Vec<_> = bench.messages(watcher).iter().map(|copy| copy.retain).collect();
        assert_eq!(flags, [false, false], "sent again, and from the queue");
    }
}

/// [MQTT-3.3.1-13]: as it was, whichever that is.
#[test]
fn retain_as_published_forwards_either_value() {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V5, "watcher"));
    let mut options = SubscribeOptions::new(QoS::AtMostOnce);
    options.retain_as_published = true;
    options.retain_handling = RetainHandling::DoNotSend;
    bench.subscribe_as(watcher, "kept", options, 0);
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    bench.publish(publisher, &Post::retained("kept", "1", QoS::AtMostOnce), 0);
    bench.publish(publisher, &Post::new("kept", "2", QoS::AtMostOnce), 0);
    let flags: Vec<_> = bench.messages(watcher).iter().map(|copy| copy.retain).collect();
    assert_eq!(flags, [true, false]);
}

/// [MQTT-3.3.4-5]: copies of several subscriptions, each with its own identifier. A retained
/// message goes out once for each new subscription.
#[test]
fn each_copy_of_a_retained_message_has_the_identifier_of_its_subscription() {
    let mut bench = Bench::new();
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    bench.publish(publisher, &Post::retained("a/b", "x", QoS::AtMostOnce), 0);
    let (reader, _) = bench.connect(&Hello::clean(V5, "reader"));
    for (filter, identifier) in [("a/b", 4), ("a/+", 5), ("#", 0)] {
        let options = SubscribeOptions::new(QoS::AtMostOnce);
        bench.subscribe_as(reader, filter, options, identifier);
        let copies = bench.messages(reader);
        let [copy] = &copies[..] else { panic!("{copies:?}") };
        let expected: Vec<u32> = Some(identifier).filter(|id| *id > 0).into_iter().collect();
        assert_eq!(copy.identifiers, expected);
    }
}
