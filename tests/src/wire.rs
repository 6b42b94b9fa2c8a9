//! Just enough MQTT to write and read packets byte by byte: no validation, no theseus-mqtt.

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1 (`MQIsdp`).
    V31,
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

impl Version {
    /// Protocol level in CONNECT.
    #[must_use]
    pub fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// The code of a CONNACK for a reason of MQTT 5: older versions know five of them.
    #[must_use]
    pub fn code(self, reason: u8) -> u8 {
        match (self, reason) {
            (Self::V5, _) => reason,
            (_, 0x86) => 4,
            (_, 0x87) => 5,
            _ => 3,
        }
    }
}

/// A will message.
#[derive(Clone, Debug)]
pub struct Will {
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether it stays.
    pub retain: bool,
}

/// A CONNECT packet. `new` gives a clean session without a keep-alive.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the standard")]
pub struct Connect {
    pub version: Version,
    pub id: String,
    pub clean: bool,
    pub keep_alive: u16,
    /// Seconds; MQTT 5 only.
    pub session_expiry: u32,
    /// MQTT 5 only.
    pub receive_maximum: Option<u16>,
    pub will: Option<Will>,
    pub user_name: Option<String>,
    pub password: Option<Vec<u8>>,
    /// Authentication Method and Authentication Data; MQTT 5 only.
    pub authentication: Option<(String, Vec<u8>)>,
}

impl Connect {
    /// A clean session, no keep-alive, no will.
    #[must_use]
    pub fn new(version: Version, id: &str) -> Self {
        Self {
            version,
            id: id.to_owned(),
            clean: true,
            keep_alive: 0,
            session_expiry: 0,
            receive_maximum: None,
            will: None,
            user_name: None,
            password: None,
            authentication: None,
        }
    }

    /// With a user name and a password.
    #[must_use]
    pub fn login(mut self, user_name: &str, password: &str) -> Self {
        self.user_name = Some(user_name.to_owned());
        self.password = Some(password.as_bytes().to_vec());
        self
    }

    /// With an Authentication Method and its data.
    #[must_use]
    pub fn method(mut self, method: &str, data: &[u8]) -> Self {
        self.authentication = Some((method.to_owned(), data.to_vec()));
        self
    }

    /// A session that outlives the connection (MQTT 5: by an hour).
    #[must_use]
    pub fn persistent(mut self) -> Self {
        self.clean = false;
        self.session_expiry = 3600;
        self
    }

    /// With a keep-alive in seconds.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    /// With a QoS 1 will, not retained.
    #[must_use]
    pub fn will(mut self, topic: &str, payload: &str) -> Self {
        let (topic, payload) = (topic.to_owned(), payload.to_owned());
        self.will = Some(Will { topic, payload, qos: 1, retain: false });
        self
    }

    /// The packet.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let name = if self.version == Version::V31 { "MQIsdp" } else { "MQTT" };
        string(&mut body, name.as_bytes());
        body.push(self.version.level());
        body.push(self.flags());
        body.extend(self.keep_alive.to_be_bytes());
        if self.version == Version::V5 {
            self.properties(&mut body);
        }
        string(&mut body, self.id.as_bytes());
        if let Some(will) = &self.will {
            if self.version == Version::V5 {
                body.push(0);
            }
            string(&mut body, will.topic.as_bytes());
            string(&mut body, will.payload.as_bytes());
        }
        if let Some(user_name) = &self.user_name {
            string(&mut body, user_name.as_bytes());
        }
        if let Some(password) = &self.password {
            string(&mut body, password);
        }
        frame(0x10, &body)
    }

    fn flags(&self) -> u8 {
        let will = self
            .will
            .as_ref()
            .map_or(0, |will| 0x04 | will.qos << 3 | if will.retain { 0x20 } else { 0 });
        let user_name = if self.user_name.is_some() { 0x80 } else { 0 };
        let password = if self.password.is_some() { 0x40 } else { 0 };
        will | user_name | password | if self.clean { 0x02 } else { 0 }
    }

    fn properties(&self, body: &mut Vec<u8>) {
        let mut all = Vec::new();
        if self.session_expiry > 0 {
            all.push(0x11);
            all.extend(self.session_expiry.to_be_bytes());
        }
        if let Some(maximum) = self.receive_maximum {
            all.push(0x21);
            all.extend(maximum.to_be_bytes());
        }
        if let Some((method, data)) = &self.authentication {
            all.push(0x15);
            string(&mut all, method.as_bytes());
            all.push(0x16);
            string(&mut all, data);
        }
        body.push(u8::try_from(all.len()).unwrap());
        body.extend(all);
    }
}

/// A PUBLISH; `id` counts only above QoS 0.
#[must_use]
pub fn publish(
    version: Version,
    topic: &str,
    payload: &[u8],
    (qos, id): (u8, u16),
    retain: bool,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(payload.len() + topic.len() + 5);
    string(&mut body, topic.as_bytes());
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    if version == Version::V5 {
        body.push(0);
    }
    body.extend(payload);
    frame(0x30 | qos << 1 | u8::from(retain), &body)
}

/// A SUBSCRIBE with one filter.
#[must_use]
pub fn subscribe(version: Version, id: u16, filter: &str, qos: u8) -> Vec<u8> {
    subscribe_all(version, id, &[(filter, qos)])
}

/// A SUBSCRIBE with any number of filters.
#[must_use]
pub fn subscribe_all(version: Version, id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
    }
    for (filter, qos) in filters {
        string(&mut body, filter.as_bytes());
        body.push(*qos);
    }
    frame(0x82, &body)
}

/// A PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70).
#[must_use]
pub fn ack(first: u8, id: u16) -> Vec<u8> {
    frame(first, &id.to_be_bytes())
}

/// Any packet: first byte, remaining length, body.
#[must_use]
pub fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).unwrap();
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

fn string(body: &mut Vec<u8>, text: &[u8]) {
    body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    body.extend(text);
}

/// A packet that came from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Type and flags.
    pub first: u8,
    /// All behind the remaining length.
    pub body: Vec<u8>,
}

impl Packet {
    /// Takes one packet off the front of `bytes`, if it is whole.
    pub fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let mut length = 0_usize;
        let mut at = 1;
        loop {
            let byte = *bytes.get(at)?;
            length |= usize::from(byte & 0x7F) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if bytes.len() < at + length {
            return None;
        }
        let packet = Self { first: bytes[0], body: bytes[at..at + length].to_vec() };
        bytes.drain(..at + length);
        Some(packet)
    }

    /// Packet type: 1 CONNECT to 15 AUTH.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.first >> 4
    }

    /// The packet identifier of an acknowledgement.
    #[must_use]
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// The message of a PUBLISH.
    #[must_use]
    pub fn message(&self, version: Version) -> Message {
        assert_eq!(self.kind(), 3, "not a PUBLISH: {self:02x?}");
        let qos = self.first >> 1 & 3;
        let (topic, mut rest) = self.body[2..].split_at(usize::from(self.id()));
        let mut id = 0;
        if qos > 0 {
            id = u16::from_be_bytes([rest[0], rest[1]]);
            rest = &rest[2..];
        }
        if version == Version::V5 {
            rest = &rest[1 + usize::from(rest[0])..];
        }
        Message {
            topic: String::from_utf8(topic.to_vec()).unwrap(),
            payload: String::from_utf8(rest.to_vec()).unwrap(),
            qos,
            retain: self.first & 1 == 1,
            dup: self.first & 8 == 8,
            id,
        }
    }
}

/// A message as a client received it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the standard")]
pub struct Message {
    pub topic: String,
    pub payload: String,
    pub qos: u8,
    pub retain: bool,
    /// Known only to `Raw`.
    pub dup: bool,
    /// Packet identifier, 0 at QoS 0. Known only to `Raw`.
    pub id: u16,
}
