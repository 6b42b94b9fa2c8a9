//! What answers say beside their codes: no user properties, and never more than their receiver takes.

use theseus_core::{Answer, Challenge, Reauthentication};
use theseus_mqtt::{Auth, Cut, Packet, Properties, PropertiesBuf, Property, QoS, ReasonCode, cut};

use super::{frames, subscribe_all};
use crate::bench::Bench;
use crate::packets::{self, AckType, Hello, Post, V5};

const OWN: &[Property<'static>] = &[Property::UserProperty("own", "value")];

/// Everything that a client of this Maximum Packet Size is sent which says and does what is answered
/// with each kind of packet, with user properties of its own wherever they may stand.
fn conversation(packet_size_max: Option<u32>) -> Vec<Vec<u8>> {
    let mut bench = Bench::new();
    let hello = Hello { packet_size_max, extra: OWN, ..Hello::clean(V5, "client") };
    let client = bench.knock(&hello);
    let mut sent = frames(&mut bench, client);
    let forbidden =
        |qos, id| Post { extra: OWN, ..Post::new("forbidden", "x", qos) }.bytes(V5, id, false);
    for bytes in [
        subscribe_all(V5, &[("forbidden", QoS::AtMostOnce), ("a", QoS::AtMostOnce)]),
        packets::unsubscribe(V5, 8, &["x", "a"]),
        forbidden(QoS::AtLeastOnce, 1),
        forbidden(QoS::ExactlyOnce, 2),
        AckType::Rel.bytes(V5, 3),
        AckType::Rec.bytes(V5, 4),
        hello.bytes(),
    ] {
        bench.say(client, bytes);
        sent.extend(frames(&mut bench, client));
    }
    let kinds: Vec<u8> = sent.iter().map(|bytes| bytes[0] >> 4).collect();
    assert_eq!(kinds, [2, 9, 11, 4, 5, 7, 6, 14], "one of each");
    sent
}

fn properties(bytes: &[u8]) -> Properties<'_> {
    let Ok(Cut::Frame { frame, .. }) = cut(bytes, usize::MAX) else { panic!("{bytes:02x?}") };
    match Packet::decode(frame, V5).expect("our own packet") {
        Packet::ConnAck(it) => it.properties,
        Packet::PubAck(it) | Packet::PubRec(it) | Packet::PubRel(it) | Packet::PubComp(it) => {
            it.properties
        }
        Packet::SubAck(it) => it.properties,
        Packet::UnsubAck(it) => it.properties,
        Packet::Disconnect(it) => it.properties,
        Packet::Auth(it) => it.properties,
        other => panic!("{other:?}"),
    }
}

/// [MQTT-3.2.2-20], [MQTT-3.4.2-3], [MQTT-3.5.2-3], [MQTT-3.6.2-3], [MQTT-3.7.2-3], [MQTT-3.9.2-2],
/// [MQTT-3.11.2-2], [MQTT-3.14.2-4]: there are none, so that none can be too large.
#[test]
fn no_answer_has_user_properties() {
    for bytes in conversation(None) {
        assert_eq!(properties(&bytes).user_properties().count(), 0, "{bytes:02x?}");
    }
}

/// [MQTT-3.11.2-1], and all the others: what they say is left out where it does not fit.
#[test]
fn no_answer_is_larger_than_its_receiver_takes() {
    let explained = |sent: &[Vec<u8>]| {
        sent.iter().filter(|bytes| properties(bytes).reason_string().is_some()).count()
    };
    let all = conversation(None);
    assert!(explained(&all) >= 5);
    let largest = all.iter().map(Vec::len).max().unwrap_or(0);
    // CONNACK itself cannot be shortened.
    for size in all[0].len()..=largest {
        let sent = conversation(Some(size as u32));
        assert!(sent.iter().all(|bytes| bytes.len() <= size), "{size}");
        assert!(explained(&sent) <= explained(&all));
    }
    assert_eq!(explained(&conversation(Some(all[0].len() as u32))), 0);
}

/// [MQTT-3.15.2-2], [MQTT-3.15.2-3], [MQTT-4.12.0-5]: method and data, and nothing beside them.
#[test]
fn an_auth_of_ours_has_a_method_and_data_and_nothing_else() {
    let mut bench = Bench::new();
    let name = bench.name(0, "client");
    let hello = Hello { method: Some("M".into()), extra: OWN, ..Hello::clean(V5, &name) };
    let (client, _) = bench.connect(&hello);
    let mut list = PropertiesBuf::new();
    for property in [Property::AuthenticationMethod("M"), OWN[0]] {
        list.push(property).unwrap();
    }
    let begin = Auth { reason: ReasonCode::ReAuthenticate, properties: list.as_properties() };
    bench.say(client, packets::encode(V5, &Packet::Auth(begin)));
    let asker = bench.shell.questions()[0].asker;
    let challenge = Challenge { by: "plugin".into(), state: Box::default(), steps: 1 };
    let answer = Reauthentication::Challenged { challenge, data: b"more".as_slice().into() };
    let now = bench.shell.now;
    bench.shell.shards[0].handle_answer(now, asker, Answer::Authentication(answer));
    bench.settle();
    let sent = frames(&mut bench, client);
    let only = [Property::AuthenticationMethod("M"), Property::AuthenticationData(b"more")];
    assert_eq!(sent[0][..3], [0xF0, sent[0].len() as u8 - 2, 0x18]);
    assert_eq!(properties(&sent[0]).iter().collect::<Vec<_>>(), only);
}
