//! What must hold of everything a server sends one client, whatever that client does.

use std::collections::{BTreeSet, HashMap};

use theseus_mqtt::{Cut, Packet, ProtocolVersion, QoS, cut};

use crate::noise::Hello;

/// One connection as its client sees it.
pub(crate) struct Watch {
    pub(crate) version: ProtocolVersion,
    receive_maximum: usize,
    packet_size_max: usize,
    alias_maximum: u16,
    stream: Vec<u8>,
    /// CONNACK has come.
    greeted: bool,
    /// DISCONNECT, or a CONNACK that refuses, has come.
    over: bool,
    /// Packet ids of QoS 1 and 2 messages that the client has not finished.
    unfinished: BTreeSet<u16>,
    aliases: HashMap<u16, String>,
}

impl Watch {
    pub(crate) fn new(hello: &Hello) -> Self {
        let version = hello.version();
        let is_v5 = version.is_v5();
        let stated = |size: u32| size as usize;
        Self {
            version,
            receive_maximum: hello.receive_maximum().filter(|_| is_v5).map_or(65_535, usize::from),
            packet_size_max: hello.packet_size_max().filter(|_| is_v5).map_or(usize::MAX, stated),
            alias_maximum: hello.alias_maximum().filter(|_| is_v5).unwrap_or(0),
            stream: Vec::new(),
            greeted: false,
            over: false,
            unfinished: BTreeSet::new(),
            aliases: HashMap::new(),
        }
    }

    /// The client sends these bytes. Only what the server may take for an acknowledgement matters.
    pub(crate) fn said(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Ok(Cut::Frame { frame, consumed }) = cut(rest, usize::MAX) {
            match Packet::decode(frame, self.version) {
                Ok(Packet::PubAck(ack) | Packet::PubComp(ack)) => {
                    self.unfinished.remove(&ack.packet_id.get());
                }
                Ok(Packet::PubRec(ack)) if ack.reason.is_error() => {
                    self.unfinished.remove(&ack.packet_id.get());
                }
                _ => {}
            }
            rest = &rest[consumed..];
        }
        // Cut anywhere, later bytes may complete a packet: then nothing is known of what is open.
        if !rest.is_empty() {
            self.receive_maximum = usize::MAX;
        }
    }

    /// The server has sent these.
    pub(crate) fn heard(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
        loop {
            let stream = std::mem::take(&mut self.stream);
            let Cut::Frame { frame, consumed } = cut(&stream, usize::MAX).expect("a packet") else {
                self.stream = stream;
                return;
            };
            assert!(consumed <= self.packet_size_max, "{consumed} bytes [MQTT-3.1.2-24]");
            assert!(!self.over, "a packet after the last one [MQTT-3.14.4-1]");
            let packet = Packet::decode(frame, self.version).expect("what a client can read");
            self.check(&packet);
            self.stream = stream[consumed..].to_vec();
        }
    }

    fn check(&mut self, packet: &Packet<'_>) {
        if let Packet::ConnAck(connack) = packet {
            assert!(!std::mem::replace(&mut self.greeted, true), "[MQTT-3.2.0-2]");
            assert!(!connack.session_present || !connack.reason.is_error(), "[MQTT-3.2.2-6]");
            self.over = connack.reason.is_error();
            return;
        }
        // A client that cannot take its own CONNACK is told nothing but the end.
        let ends = matches!(packet, Packet::Disconnect(_));
        assert!(self.greeted || ends, "{packet:?} before CONNACK [MQTT-3.2.0-1]");
        match packet {
            Packet::Publish(publish) => {
                if let Some(id) = publish.packet_id {
                    self.unfinished.insert(id.get());
                    assert!(self.unfinished.len() <= self.receive_maximum, "[MQTT-3.3.4-9]");
                }
                assert!(!publish.dup || publish.qos > QoS::AtMostOnce, "[MQTT-3.3.1-2]");
                self.check_alias(publish.topic, publish.properties.topic_alias());
            }
            Packet::Disconnect(_) => {
                assert!(self.version.is_v5(), "3.x servers say no DISCONNECT");
                self.over = true;
            }
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => {}
            Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp | Packet::Auth(_) => {}
            other => panic!("no server sends {other:?}"),
        }
    }

    fn check_alias(&mut self, topic: &str, alias: Option<u16>) {
        let Some(alias) = alias else { return assert!(!topic.is_empty()) };
        assert!((1..=self.alias_maximum).contains(&alias), "[MQTT-3.1.2-26]");
        if topic.is_empty() {
            assert!(self.aliases.contains_key(&alias), "an alias that stands for nothing");
        } else {
            self.aliases.insert(alias, topic.to_owned());
        }
    }
}
