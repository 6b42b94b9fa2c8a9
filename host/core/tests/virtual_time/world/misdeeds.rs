//! Clients that break a rule of the protocol. Each misdeed has the one answer it must get; what the
//! oracle does not know by itself it is told when the packet is sent.

use theseus_mqtt::{Packet, PropertiesBuf, Property, Publish, QoS, ReasonCode};

use super::World;
use super::authentication::{METHOD, auth};
use super::client::Exchange;
use crate::packets::{self, Post, V5};

/// What a client does that it must not.
#[derive(Clone, Copy, Debug)]
enum Misdeed {
    AliasAboveMaximum,
    AliasZero,
    AliasOfNothing,
    NoTopic,
    WildcardInTopic,
    SubscriptionIdentifier,
    SecondConnect,
    Auth,
    ExpiryRaisedFromZero,
    NoLocalShare,
    AuthOfOtherMethod,
    AuthOutOfTurn,
    TooManyUnreleased,
}

const OF_V5: [Misdeed; 15] = [
    Misdeed::AliasAboveMaximum,
    Misdeed::AliasZero,
    Misdeed::AliasOfNothing,
    Misdeed::NoTopic,
    Misdeed::WildcardInTopic,
    Misdeed::WildcardInTopic,
    Misdeed::SubscriptionIdentifier,
    Misdeed::SecondConnect,
    Misdeed::Auth,
    Misdeed::ExpiryRaisedFromZero,
    Misdeed::NoLocalShare,
    Misdeed::AuthOfOtherMethod,
    Misdeed::AuthOutOfTurn,
    Misdeed::TooManyUnreleased,
    Misdeed::TooManyUnreleased,
];
const OF_V3: [Misdeed; 2] = [Misdeed::WildcardInTopic, Misdeed::SecondConnect];

impl World {
    /// A client does something wrong, if it can now.
    pub(super) fn misbehave(&mut self, client: usize) {
        let is_v5 = self.clients[client].hello.version.is_v5();
        let misdeed = if is_v5 { *self.rng.pick(&OF_V5) } else { *self.rng.pick(&OF_V3) };
        if let Misdeed::TooManyUnreleased = misdeed {
            return self.flood(client);
        }
        let Some((bytes, answer)) = self.misdeed(client, misdeed) else { return };
        self.note(format!("client {client} breaks a rule: {misdeed:?}"));
        let socket = self.clients[client].socket.expect("it is connected");
        self.oracle.expect_misdeed(socket, bytes.clone(), answer);
        self.shell.send(socket, bytes);
    }

    fn misdeed(&mut self, client: usize, misdeed: Misdeed) -> Option<(Vec<u8>, ReasonCode)> {
        let it = &self.clients[client];
        let (version, aliases) = (it.hello.version, &it.aliases);
        Some(match misdeed {
            Misdeed::AliasAboveMaximum => {
                let alias = Property::TopicAlias(aliases.own_max + 1);
                (publish("alpha/bee", Some(alias)), ReasonCode::TopicAliasInvalid)
            }
            Misdeed::AliasZero => (ALIAS_ZERO.to_vec(), ReasonCode::TopicAliasInvalid),
            Misdeed::AliasOfNothing => {
                let alias = Property::TopicAlias(aliases.unused()?);
                (publish("", Some(alias)), ReasonCode::ProtocolError)
            }
            Misdeed::NoTopic => (NO_TOPIC.to_vec(), ReasonCode::ProtocolError),
            Misdeed::WildcardInTopic if version.is_v5() => {
                (WILDCARD_V5.to_vec(), ReasonCode::TopicNameInvalid)
            }
            Misdeed::WildcardInTopic => (WILDCARD_V3.to_vec(), ReasonCode::TopicNameInvalid),
            Misdeed::SubscriptionIdentifier => {
                let identifier = Property::SubscriptionIdentifier(1);
                (publish("alpha/bee", Some(identifier)), ReasonCode::ProtocolError)
            }
            Misdeed::SecondConnect => (it.hello.bytes(), ReasonCode::ProtocolError),
            Misdeed::Auth => (AUTH.to_vec(), ReasonCode::ProtocolError),
            Misdeed::ExpiryRaisedFromZero => {
                if it.hello.expiry.unwrap_or(0) > 0 {
                    return None;
                }
                let bytes = packets::disconnect(version, ReasonCode::Success, Some(5));
                (bytes, ReasonCode::ProtocolError)
            }
            Misdeed::NoLocalShare => (NO_LOCAL_SHARE.to_vec(), ReasonCode::ProtocolError),
            Misdeed::AuthOfOtherMethod => {
                (auth(ReasonCode::ReAuthenticate, "other"), ReasonCode::ProtocolError)
            }
            Misdeed::AuthOutOfTurn => {
                let reason = match it.exchange {
                    Exchange::None => ReasonCode::ContinueAuthentication,
                    Exchange::Challenged => ReasonCode::ReAuthenticate,
                    Exchange::Begun => return None,
                };
                (auth(reason, METHOD), ReasonCode::ProtocolError)
            }
            Misdeed::TooManyUnreleased => return None,
        })
    }

    /// One QoS 2 message more than CONNACK allows. The oracle counts by itself; the client will not
    /// come back to these exchanges. Where answers are withheld they count too, and the oracle does
    /// not know of them.
    fn flood(&mut self, client: usize) {
        if self.kind.pressed {
            return;
        }
        self.note(format!("client {client} sends more than the Receive Maximum"));
        let socket = self.clients[client].socket.expect("it is connected");
        for _ in 0..=self.kind.rules.receive_maximum {
            let payload = self.identity(client).payload(0);
            let text = str::from_utf8(&payload).expect("ours");
            let bytes =
                self.clients[client].publish(Post::new("b/cee", text, QoS::ExactlyOnce), None);
            self.shell.send(socket, bytes);
        }
        self.clients[client].must_clean = true;
    }
}

fn publish(topic: &str, property: Option<Property<'_>>) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    property.into_iter().for_each(|property| properties.push(property).unwrap());
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        properties: properties.as_properties(),
        payload: b"wrong",
    };
    packets::encode(V5, &Packet::Publish(publish))
}

/// What the codec does not write: a PUBLISH with alias 0, one without a topic, one to `a/+`.
const ALIAS_ZERO: &[u8] = &[0x30, 7, 0, 1, b'a', 3, 0x23, 0, 0];
const NO_TOPIC: &[u8] = &[0x30, 3, 0, 0, 0];
const WILDCARD_V5: &[u8] = &[0x30, 6, 0, 3, b'a', b'/', b'+', 0];
const WILDCARD_V3: &[u8] = &[0x30, 5, 0, 3, b'a', b'/', b'+'];
/// SUBSCRIBE to `$share/g/a` with No Local [MQTT-3.8.3-4].
const NO_LOCAL_SHARE: &[u8] =
    &[0x82, 16, 0, 1, 0, 0, 10, b'$', b's', b'h', b'a', b'r', b'e', b'/', b'g', b'/', b'a', 4];
/// AUTH with reason 0 and no properties.
const AUTH: &[u8] = &[0xF0, 0];
