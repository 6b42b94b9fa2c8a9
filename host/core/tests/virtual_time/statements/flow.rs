//! Receive Maximum: what it bounds, and what it does not.

use theseus_mqtt::{Packet, QoS, ReasonCode};

use super::{fine, subscribe_all};
use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V5, encode};

/// [MQTT-3.3.4-10], [MQTT-4.9.0-3]: every other packet is handled and answered.
#[test]
fn a_full_window_delays_no_packet_but_publish() {
    let mut bench = Bench::new();
    let hello = Hello { receive_maximum: Some(1), ..Hello::clean(V5, "client") };
    let (client, _) = bench.connect(&hello);
    bench.subscribe(client, "a", QoS::ExactlyOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for id in 1..=3 {
        bench.publish(publisher, &Post::new("a", "x", QoS::ExactlyOnce), id);
    }
    assert_eq!(bench.messages(client).len(), 1, "the window is full");
    bench.say(client, encode(V5, &Packet::PingReq));
    assert_eq!(bench.hear(client), [Got::PingResp]);
    bench.say(client, subscribe_all(V5, &[("b", QoS::AtLeastOnce)]));
    assert_eq!(bench.hear(client), [Got::SubAck(9, vec![1])]);
    bench.publish(client, &Post::new("c", "x", QoS::AtLeastOnce), 1);
    let unheard = ReasonCode::NoMatchingSubscribers;
    assert_eq!(bench.hear(client), [Got::Ack(AckType::Ack, 1, unheard)]);
    bench.publish(client, &Post::new("c", "x", QoS::ExactlyOnce), 2);
    assert_eq!(bench.hear(client), [Got::Ack(AckType::Rec, 2, unheard)]);
    bench.ack(client, AckType::Rel, 2);
    assert_eq!(bench.hear(client), [fine(AckType::Comp, 2)]);
    bench.ack(client, AckType::Rec, 1);
    assert_eq!(bench.hear(client), [fine(AckType::Rel, 1)]);
    bench.say(client, packets::unsubscribe(V5, 3, &["b"]));
    assert_eq!(bench.hear(client), [Got::UnsubAck(3, vec![0])]);
    bench.connect(&hello);
    assert_eq!(bench.hear(client), [Got::Disconnect(ReasonCode::SessionTakenOver)]);
}

/// [MQTT-4.9.0-1], [MQTT-4.9.0-2], [MQTT-3.3.4-9]: a quota of N is N messages and not one more, and
/// each that is settled makes room for one.
#[test]
fn the_quota_is_the_receive_maximum_and_each_settled_message_gives_one_back() {
    for maximum in [1, 2, 7] {
        let mut bench = Bench::new();
        let hello = Hello { receive_maximum: Some(maximum), ..Hello::clean(V5, "client") };
        let (client, _) = bench.connect(&hello);
        bench.subscribe(client, "a", QoS::ExactlyOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        for id in 1..=20 {
            let qos = if id % 2 == 0 { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
            bench.publish(publisher, &Post::new("a", "x", qos), id);
        }
        let mut open = bench.messages(client);
        let mut seen = open.len();
        assert_eq!(seen, usize::from(maximum));
        while !open.is_empty() {
            let copy = open.remove(0);
            if copy.qos == QoS::ExactlyOnce {
                bench.ack(client, AckType::Rec, copy.packet_id);
                assert_eq!(bench.hear(client), [fine(AckType::Rel, copy.packet_id)]);
                bench.ack(client, AckType::Comp, copy.packet_id);
            } else {
                bench.ack(client, AckType::Ack, copy.packet_id);
            }
            let next = bench.messages(client);
            assert_eq!(next.len(), usize::from(seen < 20));
            seen += next.len();
            open.extend(next);
        }
        assert_eq!(seen, 20);
    }
}
