//! Retained messages: who gets them, when, and never an old one after a newer one.

use theseus_core::Limits;
use theseus_mqtt::{QoS, RetainHandling, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, Hello, Post, V3, V5};
use crate::shell::Server;

fn publisher(bench: &mut Bench, topics: &[&str]) -> usize {
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    for topic in topics {
        bench.publish(publisher, &Post::retained(topic, topic, QoS::AtMostOnce), 0);
    }
    publisher
}

#[test]
fn a_new_subscription_gets_every_matching_retained_message_once() {
    let mut bench = Bench::new();
    let topics: Vec<String> = (0..300).map(|number| format!("many/{number}")).collect();
    publisher(&mut bench, &topics.iter().map(String::as_str).collect::<Vec<_>>());
    for filter in ["many/+", "many/#", "#", "many/7"] {
        let (socket, _) = bench.connect(&Hello::clean(V5, "reader"));
        bench.subscribe_as(socket, filter, SubscribeOptions::new(QoS::AtLeastOnce), 3);
        let copies = bench.messages(socket);
        assert!(copies.iter().all(|copy| copy.retain && copy.identifiers == [3]));
        let mut texts: Vec<_> = copies.iter().map(|copy| copy.text().to_owned()).collect();
        texts.sort();
        let mut expected = topics.clone();
        expected.retain(|topic| filter != "many/7" || topic == "many/7");
        expected.sort();
        assert_eq!(texts, expected, "{filter}");
    }
}

#[test]
fn retain_handling_says_when() {
    let mut bench = Bench::new();
    publisher(&mut bench, &["kept"]);
    for (handling, counts) in [
        (RetainHandling::Send, [1, 1]),
        (RetainHandling::SendIfNew, [1, 0]),
        (RetainHandling::DoNotSend, [0, 0]),
    ] {
        let (socket, _) = bench.connect(&Hello::clean(V5, "reader"));
        for count in counts {
            let mut options = SubscribeOptions::new(QoS::AtMostOnce);
            options.retain_handling = handling;
            bench.subscribe_as(socket, "kept", options, 0);
            assert_eq!(bench.messages(socket).len(), count, "{handling:?}");
        }
    }
}

#[test]
fn a_filter_subscribed_to_twice_in_one_breath_gets_its_message() {
    let mut bench = Bench::new();
    publisher(&mut bench, &["kept"]);
    let (socket, _) = bench.connect(&Hello::clean(V3, "reader"));
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    let twice = [("kept", options), ("kept", options)];
    bench.say(socket, packets::subscribe(V3, 1, &twice, 0));
    assert_eq!(bench.hear(socket).len(), 2, "SUBACK and the message");
}

#[test]
fn an_empty_message_clears_the_topic_and_is_delivered_live() {
    let mut bench = Bench::new();
    let publisher = publisher(&mut bench, &["kept"]);
    let (watcher, _) = bench.connect(&Hello::clean(V3, "watcher"));
    bench.subscribe(watcher, "kept", QoS::AtMostOnce);
    bench.hear(watcher);
    bench.publish(publisher, &Post::retained("kept", "", QoS::AtMostOnce), 0);
    let [copy] = &bench.messages(watcher)[..] else { panic!() };
    assert!(copy.payload.is_empty() && !copy.retain);
    assert_eq!(bench.shell.broker.retained(), 0);
    let (late, _) = bench.connect(&Hello::clean(V3, "late"));
    bench.subscribe(late, "kept", QoS::AtMostOnce);
    assert!(bench.messages(late).is_empty());
}

#[test]
fn retain_as_published_keeps_the_flag_of_live_messages() {
    let mut bench = Bench::new();
    let publisher = publisher(&mut bench, &[]);
    for (as_published, retain) in [(true, true), (false, false)] {
        let (socket, _) = bench.connect(&Hello::clean(V5, "reader"));
        let mut options = SubscribeOptions::new(QoS::AtMostOnce);
        options.retain_as_published = as_published;
        options.retain_handling = RetainHandling::DoNotSend;
        bench.subscribe_as(socket, "flag", options, 0);
        bench.publish(publisher, &Post::retained("flag", "x", QoS::AtMostOnce), 0);
        let [copy] = &bench.messages(socket)[..] else { panic!() };
        assert_eq!(copy.retain, retain);
    }
}

/// The value is read for the subscriber, replaced, and only then would be queued.
#[test]
fn a_value_replaced_during_the_replay_is_left_out() {
    let mut bench = Bench::new();
    let far = bench.name(0, "far");
    let near = bench.name(1, "near");
    let (publisher, _) = bench.connect(&Hello::clean(V3, &far));
    let (reader, _) = bench.connect(&Hello::clean(V3, &near));
    bench.publish(publisher, &Post::retained("t", "old", QoS::AtMostOnce), 0);
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    bench.shell.send(reader, packets::subscribe(V3, 1, &[("t", options)], 0));
    bench.shell.arrive(reader, usize::MAX, usize::MAX);
    bench.shell.work(1);
    bench.shell.send(publisher, Post::retained("t", "new", QoS::AtMostOnce).bytes(V3, 0, false));
    bench.shell.arrive(publisher, usize::MAX, usize::MAX);
    bench.shell.work(1);
    bench.settle();
    let heard = bench.hear(reader);
    let texts: Vec<_> = heard
        .iter()
        .filter_map(|got| match got {
            packets::Got::Publish(copy) => Some((copy.text(), copy.retain)),
            _ => None,
        })
        .collect();
    assert_eq!(texts, [("new", false)]);
}

/// Two values are stored and their live copies are not handed over by the end of the batch; a
/// subscriber of both asks for the retained one in between.
#[test]
fn live_copies_are_handed_over_with_the_store_and_not_after_it() {
    let mut bench = Bench::new();
    let (far, near) = (bench.name(0, "far"), bench.name(1, "near"));
    let (publisher, _) = bench.connect(&Hello::clean(V3, &far));
    let (reader, _) = bench.connect(&Hello::clean(V3, &near));
    bench.subscribe(reader, "t", QoS::AtMostOnce);
    for text in ["1", "2"] {
        bench.shell.send(publisher, Post::retained("t", text, QoS::AtMostOnce).bytes(V3, 0, false));
    }
    bench.shell.arrive(publisher, usize::MAX, usize::MAX);
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    bench.shell.send(reader, packets::subscribe(V3, 1, &[("t", options)], 0));
    bench.shell.arrive(reader, usize::MAX, usize::MAX);
    while bench.shell.work(1) {}
    bench.shell.collect_dirty(1);
    bench.shell.flush(reader, usize::MAX);
    bench.settle();
    let heard = bench.hear(reader);
    let texts: Vec<_> = heard
        .iter()
        .filter_map(|got| match got {
            packets::Got::Publish(copy) => Some(copy.text()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["1", "2", "2"], "live, live, retained");
}

/// What was read waits behind a full window while its successor is queued; then the session moves.
#[test]
fn a_move_does_not_put_a_replaced_value_behind_its_successor() {
    let mut bench = Bench::new();
    let publisher = publisher(&mut bench, &["t"]);
    let reader = bench.name(1, "reader");
    let hello = Hello { receive_maximum: Some(1), ..Hello::clean(V5, &reader) };
    let (socket, _) = bench.connect(&hello);
    bench.subscribe(socket, "q", QoS::AtLeastOnce);
    bench.set_deaf(socket, true);
    for number in 1..4 {
        bench.publish(publisher, &Post::new("q", "fill", QoS::AtLeastOnce), number);
    }
    let options = SubscribeOptions::new(QoS::AtLeastOnce);
    bench.say(socket, packets::subscribe(V5, 1, &[("t", options)], 0));
    bench.publish(publisher, &Post::retained("t", "newer", QoS::AtLeastOnce), 4);
    let Server::Open(from, _) = bench.shell.sockets[socket].server else { panic!() };
    assert!(bench.shell.migrate(socket, (from + 1) % 3));
    bench.set_deaf(socket, false);
    let mut texts = Vec::new();
    for _ in 0..20 {
        for got in bench.hear(socket) {
            let packets::Got::Publish(copy) = got else { continue };
            bench.ack(socket, packets::AckType::Ack, copy.packet_id);
            texts.push(copy.text().to_owned());
        }
    }
    assert_eq!(texts, ["fill", "fill", "fill", "newer"]);
}

#[test]
fn the_store_has_bounds() {
    let limits = Limits { retained_max: 2, retained_payload_max: 3, ..Limits::default() };
    let mut bench = Bench::with(limits);
    let publisher = publisher(&mut bench, &["a", "b", "c"]);
    assert_eq!(bench.shell.broker.retained(), 2);
    bench.publish(publisher, &Post::retained("a", "long", QoS::AtMostOnce), 0);
    assert_eq!(bench.shell.metric("retained_refused"), 2);
}

/// What has expired holds no place that somebody needs, and none once it was looked for.
#[test]
fn expired_messages_give_their_place_to_others() {
    let limits = Limits { retained_max: 5, ..Limits::default() };
    let mut bench = Bench::with(limits);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for number in 0..5 {
        let topic = format!("short/{number}");
        let post = Post { expiry: Some(1), ..Post::retained(&topic, "x", QoS::AtMostOnce) };
        bench.publish(publisher, &post, 0);
    }
    bench.publish(publisher, &Post::retained("early", "x", QoS::AtMostOnce), 0);
    assert_eq!(bench.shell.metric("retained_refused"), 1, "nothing has expired yet");
    bench.seconds(2);
    bench.publish(publisher, &Post::retained("late", "kept", QoS::AtMostOnce), 0);
    assert_eq!(bench.shell.metric("retained_refused"), 1);
    let (subscriber, _) = bench.connect(&Hello::clean(V5, "subscriber"));
    bench.subscribe(subscriber, "#", QoS::AtMostOnce);
    // Stripes of which nothing is sent leave the next one to the next turn.
    (0..10).for_each(|_| bench.settle());
    assert_eq!(bench.texts(subscriber), ["kept"]);
    (0..10).for_each(|_| bench.settle());
    assert_eq!(bench.shell.broker.retained(), 1, "the replay has cleared the rest");
}
