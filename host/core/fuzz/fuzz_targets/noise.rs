//! What clients do, made from noise: mostly packets of the right shape with any content, sometimes
//! bytes of no shape at all.

use arbitrary::Arbitrary;
use theseus_mqtt::{
    Connect, Packet, PropertiesBuf, Property, ProtocolVersion, QoS, Will, put_varint,
};

/// One deed.
#[derive(Debug, Arbitrary)]
pub(crate) enum Deed {
    Connect { client: u8, hello: Hello },
    Say { client: u8, word: Word },
    Cut { client: u8 },
    Pass { millis: u16 },
    Move { client: u8, to: u8 },
    Silence,
}

/// A CONNECT that is in order: what is not is for the codec's own target.
#[derive(Debug, Arbitrary)]
pub(crate) struct Hello {
    version: u8,
    clean: bool,
    keep_alive: u8,
    expiry: Option<u8>,
    receive_maximum: Option<u8>,
    packet_size_max: Option<u8>,
    alias_maximum: Option<u8>,
    will: Option<(u8, u8, bool, u8)>,
}

/// What a client sends after CONNECT.
#[derive(Debug, Arbitrary)]
pub(crate) enum Word {
    Publish { topic: u8, flags: u8, id: u8, alias: Option<u8>, expiry: Option<u8>, payload: u8 },
    Ack { kind: u8, id: u8, reason: Option<u8> },
    Subscribe { id: u8, filter: u8, options: u8, identifier: Option<u8> },
    Unsubscribe { id: u8, filter: u8 },
    Ping,
    Disconnect { reason: Option<u8>, expiry: Option<u8> },
    Auth { reason: u8 },
    Bytes(Vec<u8>),
}

const TOPICS: [&str; 8] = ["", "a", "a/b", "a/b/c", "long/enough/for/an/alias", "$x/y", "/", "b"];
const FILTERS: [&str; 12] = [
    "a",
    "a/b",
    "a/+",
    "a/#",
    "#",
    "+/b",
    "long/#",
    "$share/g/a/#",
    "$share/g/#",
    "$share/h/a",
    "$x/#",
    "a/#/b",
];

impl Hello {
    pub(crate) fn version(&self) -> ProtocolVersion {
        [ProtocolVersion::V5, ProtocolVersion::V3_1_1, ProtocolVersion::V5, ProtocolVersion::V3_1]
            [usize::from(self.version % 4)]
    }

    /// Small, so that it is met soon.
    pub(crate) fn receive_maximum(&self) -> Option<u16> {
        self.receive_maximum.map(|number| u16::from(number % 3) + 1)
    }

    /// Most often too small for something.
    pub(crate) fn packet_size_max(&self) -> Option<u32> {
        self.packet_size_max.map(|size| u32::from(size) + 20)
    }

    pub(crate) fn alias_maximum(&self) -> Option<u16> {
        self.alias_maximum.map(|number| u16::from(number % 4))
    }

    pub(crate) fn bytes(&self, client: usize) -> Vec<u8> {
        let mut properties = PropertiesBuf::new();
        let stated = [
            self.expiry.map(|seconds| Property::SessionExpiryInterval(seconds.into())),
            self.receive_maximum().map(Property::ReceiveMaximum),
            self.packet_size_max().map(Property::MaximumPacketSize),
            self.alias_maximum().map(Property::TopicAliasMaximum),
        ];
        stated.into_iter().flatten().for_each(|property| {
            let _ = properties.push(property);
        });
        let mut of_will = PropertiesBuf::new();
        if let Some((.., delay)) = self.will {
            let _ = of_will.push(Property::WillDelayInterval(delay.into()));
        }
        let will = self.will.map(|(topic, qos, retain, _)| Will {
            qos: QoS::try_from(qos % 3).unwrap_or(QoS::AtMostOnce),
            retain,
            properties: of_will.as_properties(),
            topic: TOPICS[1 + usize::from(topic) % (TOPICS.len() - 1)],
            payload: b"will",
        });
        let client_id = format!("client-{client}");
        let connect = Connect {
            version: self.version(),
            clean_start: self.clean,
            keep_alive: self.keep_alive.into(),
            properties: properties.as_properties(),
            client_id: &client_id,
            will,
            user_name: None,
            password: None,
        };
        let mut bytes = Vec::new();
        let _ = Packet::Connect(connect).encode(self.version(), &mut bytes);
        bytes
    }
}

impl Word {
    pub(crate) fn bytes(&self, version: ProtocolVersion) -> Vec<u8> {
        let mut body = Body { bytes: Vec::new(), v5: version.is_v5() };
        let first = match self {
            Self::Publish { topic, flags, id, alias, expiry, payload } => {
                body.text(TOPICS[usize::from(*topic) % TOPICS.len()]);
                let flags = shaped(*flags, (flags % 3) << 1 | flags & 0b1001 & flags >> 4);
                if flags & 0b110 != 0 {
                    body.bytes.extend(packet_id(*id));
                }
                body.properties(&[
                    alias.map(|alias| vec![0x23, 0, alias % 5]),
                    expiry.map(|seconds| vec![0x02, 0, 0, 0, seconds]),
                ]);
                body.bytes.extend(std::iter::repeat_n(b'x', usize::from(*payload) * 8));
                0x30 | flags & 0x0F
            }
            Self::Ack { kind, id, reason } => {
                body.bytes.extend(packet_id(*id));
                body.bytes.extend(reason.filter(|_| body.v5));
                [0x40, 0x50, 0x62, 0x70][usize::from(kind % 4)]
            }
            Self::Subscribe { id, filter, options, identifier } => {
                body.bytes.extend(packet_id(*id));
                body.properties(&[identifier.map(|identifier| vec![0x0B, identifier & 0x7F])]);
                body.text(FILTERS[usize::from(*filter) % FILTERS.len()]);
                let ours = if body.v5 { options % 3 | options & 0b0001_1100 } else { options % 3 };
                body.bytes.push(shaped(*options, ours));
                0x82
            }
            Self::Unsubscribe { id, filter } => {
                body.bytes.extend(packet_id(*id));
                body.properties(&[]);
                body.text(FILTERS[usize::from(*filter) % FILTERS.len()]);
                0xA2
            }
            Self::Ping => 0xC0,
            Self::Disconnect { reason, expiry } => {
                if let Some(reason) = reason.filter(|_| body.v5) {
                    body.bytes.push(reason);
                    body.properties(&[expiry.map(|seconds| vec![0x11, 0, 0, 0, seconds])]);
                }
                0xE0
            }
            Self::Auth { reason } => {
                body.bytes.push(*reason);
                body.properties(&[Some(vec![0x15, 0, 1, b'm'])]);
                0xF0
            }
            Self::Bytes(bytes) => return bytes.clone(),
        };
        let mut packet = vec![first];
        put_varint(&mut packet, body.bytes.len() as u32);
        packet.extend(body.bytes);
        packet
    }
}

/// Mostly what is allowed, now and then what is not.
fn shaped(noise: u8, allowed: u8) -> u8 {
    if noise > 247 { noise } else { allowed }
}

/// Few of them, so that they meet again.
fn packet_id(noise: u8) -> [u8; 2] {
    [0, shaped(noise, noise % 8 + 1) % 252]
}

/// What stands behind the fixed header.
struct Body {
    bytes: Vec<u8>,
    v5: bool,
}

impl Body {
    fn text(&mut self, text: &str) {
        self.bytes.extend((text.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn properties(&mut self, properties: &[Option<Vec<u8>>]) {
        if self.v5 {
            let all: Vec<u8> = properties.iter().flatten().flatten().copied().collect();
            put_varint(&mut self.bytes, all.len() as u32);
            self.bytes.extend(all);
        }
    }
}
