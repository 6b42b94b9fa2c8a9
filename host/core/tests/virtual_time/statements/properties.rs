//! The properties of a message, which are the publisher's and the receiver's affair.

use theseus_mqtt::{Cut, Packet, Property, QoS, cut};

use super::{frames, publish_with};
use crate::bench::Bench;
use crate::packets::{Hello, V5};

/// All that goes along with a message, in an order of its own.
const STATED: [Property<'static>; 8] = [
    Property::UserProperty("b", "1"),
    Property::CorrelationData(b"\0\xFF"),
    Property::UserProperty("a", "2"),
    Property::ContentType("text/\u{FEFF}plain"),
    Property::PayloadFormatIndicator(true),
    Property::UserProperty("", ""),
    Property::ResponseTopic("answers/here"),
    Property::UserProperty("b", "1"),
];

/// The properties of the one message that a client has been sent.
fn received(bench: &mut Bench, socket: usize, expected: &[Property<'_>]) {
    let sent = frames(bench, socket);
    let Ok(Cut::Frame { frame, .. }) = cut(&sent[0], usize::MAX) else { panic!("{sent:?}") };
    let Ok(Packet::Publish(publish)) = Packet::decode(frame, V5) else { panic!("{sent:?}") };
    assert_eq!(publish.properties.iter().collect::<Vec<_>>(), expected);
    assert_eq!(sent.len(), 1);
}

/// [MQTT-3.3.2-4], [MQTT-3.3.2-15] to -18, [MQTT-3.3.2-20]: live, after a wait, and sent again.
#[test]
fn the_properties_of_a_message_arrive_as_they_were_and_in_their_order() {
    let mut bench = Bench::new();
    let hello = Hello::resumed(V5, "reader");
    let (reader, _) = bench.connect(&hello);
    bench.subscribe(reader, "a", QoS::AtLeastOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.say(publisher, publish_with("a", (QoS::AtLeastOnce, 1), &STATED));
    received(&mut bench, reader, &STATED);
    bench.cut(reader);
    let socket = bench.knock(&hello);
    frame(&mut bench, socket);
    received(&mut bench, socket, &STATED);
}

/// A false Payload Format Indicator is not the same as none.
#[test]
fn a_payload_format_of_no_text_is_forwarded_too() {
    let mut bench = Bench::new();
    let (reader, _) = bench.connect(&Hello::clean(V5, "reader"));
    bench.subscribe(reader, "a", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for stated in [&[Property::PayloadFormatIndicator(false)][..], &[]] {
        bench.say(publisher, publish_with("a", (QoS::AtMostOnce, 0), stated));
        received(&mut bench, reader, stated);
    }
}

/// A message with an expiry is written anew for each receiver: only the expiry changes.
#[test]
fn an_expiry_that_is_counted_down_leaves_the_other_properties_alone() {
    let mut bench = Bench::new();
    let hello = Hello::resumed(V5, "reader");
    let (reader, _) = bench.connect(&hello);
    bench.subscribe(reader, "a", QoS::AtLeastOnce);
    bench.cut(reader);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    let with = |seconds| {
        let (front, back) = STATED.split_at(3);
        [front, &[Property::MessageExpiryInterval(seconds)], back].concat()
    };
    bench.say(publisher, publish_with("a", (QoS::AtLeastOnce, 1), &with(100)));
    bench.seconds(40);
    let reader = bench.knock(&hello);
    frame(&mut bench, reader);
    received(&mut bench, reader, &with(60));
}

/// Drops CONNACK off the front of what a client has been sent.
fn frame(bench: &mut Bench, socket: usize) {
    let sent = frames(bench, socket);
    assert_eq!(sent[0][0], 0x20, "CONNACK");
    bench.shell.sockets[socket].to_client.extend(sent[1..].concat());
}
