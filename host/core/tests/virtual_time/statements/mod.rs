//! Statements of the standard that no other theme shows, one theme per file. Which test stands for
//! which statement is in docs/statements.

mod answers;
mod connect;
mod end;
mod exchange;
mod flow;
mod form;
mod order;
mod properties;
mod publish;
mod retained;
mod session;
mod subscribe;
mod topics;
mod unsubscribe;
mod will;

use theseus_mqtt::{
    Packet, PacketId, PropertiesBuf, Property, ProtocolVersion, Publish, QoS, ReasonCode,
    SubscribeOptions,
};

use crate::bench::Bench;
use crate::packets::{self, AckType, Frames, Got};

/// What a client has been sent and not looked at, packet by packet, as bytes.
fn frames(bench: &mut Bench, socket: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::default();
    frames.push(&bench.shell.take(socket, usize::MAX));
    std::iter::from_fn(|| frames.next()).collect()
}

/// A PUBLISH with properties.
fn publish_with(topic: &str, (qos, id): (QoS, u16), properties: &[Property<'_>]) -> Vec<u8> {
    let mut list = PropertiesBuf::new();
    properties.iter().for_each(|property| list.push(*property).unwrap());
    let packet_id = PacketId::new(id).filter(|_| qos != QoS::AtMostOnce);
    let publish = Publish {
        dup: false,
        qos,
        retain: false,
        topic,
        packet_id,
        properties: list.as_properties(),
        payload: b"x",
    };
    packets::encode(ProtocolVersion::V5, &Packet::Publish(publish))
}

/// SUBSCRIBE with packet id 9 and plain options.
fn subscribe_all(version: ProtocolVersion, filters: &[(&str, QoS)]) -> Vec<u8> {
    let filters: Vec<_> =
        filters.iter().map(|(filter, qos)| (*filter, SubscribeOptions::new(*qos))).collect();
    packets::subscribe(version, 9, &filters, 0)
}

/// An acknowledgement without an error.
fn fine(kind: AckType, id: u16) -> Got {
    Got::Ack(kind, id, ReasonCode::Success)
}
