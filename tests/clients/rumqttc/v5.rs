//! rumqttc's MQTT 5 client behind `Connection`.

use crate::session::{Connection, Happening, Message, Publication, Sender, Subscription};
use crate::{Options, properties};
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectProperties, ConnectReturnCode, DisconnectReasonCode, Filter, LastWill, Packet,
    PubAckReason, PubRecReason, Publish, PublishProperties, RetainForwardRule, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use serde_json::{Value, json};
use std::collections::HashMap;

const PERSISTENT_SECONDS: u32 = 3600;

pub(crate) struct V5 {
    client: AsyncClient,
    events: EventLoop,
    reason: Option<u8>,
    /// What the server's aliases stand for: rumqttc reports messages as they came.
    topics: HashMap<u16, String>,
}

pub(crate) fn connect(options: &Options) -> V5 {
    let mut mqtt = MqttOptions::new(&options.id, "127.0.0.1", options.port);
    let given = properties::connect(&options.properties);
    let kept = options.persistent.then_some(PERSISTENT_SECONDS);
    let properties = ConnectProperties {
        session_expiry_interval: given.session_expiry_interval.or(kept),
        max_packet_size: given.max_packet_size.or(Some(16 << 20)),
        ..given
    };
    mqtt.set_keep_alive(options.keep_alive)
        .set_clean_start(!options.persistent)
        .set_connect_properties(properties);
    if options.fleet > 0 {
        // The table of what is under way holds 65,536 places for each client otherwise.
        mqtt.set_outgoing_inflight_upper_limit(100);
    }
    if let Some(user) = &options.user {
        mqtt.set_credentials(user, &options.password);
    }
    if let Some(topic) = &options.will {
        let payload = options.will_payload.clone();
        let properties = Some(properties::will(&options.will_properties));
        let level = qos(options.will_qos);
        let will = LastWill::new(topic, payload, level, options.will_retain, properties);
        mqtt.set_last_will(will);
    }
    let (client, events) = AsyncClient::new(mqtt, 100);
    V5 { client, events, reason: None, topics: HashMap::new() }
}

impl Connection for V5 {
    type Sender = AsyncClient;

    fn sender(&self) -> AsyncClient {
        self.client.clone()
    }

    async fn next(&mut self) -> Happening {
        match self.events.poll().await {
            Ok(Event::Incoming(Packet::Disconnect(packet))) => {
                self.reason = Some(code(packet.reason_code));
                Happening::Quiet
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => self.message(publish),
            Ok(Event::Incoming(packet)) => incoming(packet),
            Ok(Event::Outgoing(Outgoing::Publish(0))) => Happening::Published(0),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => Happening::Leaving,
            Ok(Event::Outgoing(_)) => Happening::Quiet,
            Err(ConnectionError::ConnectionRefused(code)) => Happening::Refused(refusal(code)),
            Err(ConnectionError::MqttState(StateError::ServerDisconnect {
                reason_code, ..
            })) => Happening::Ended(Some(code(reason_code))),
            Err(error) => {
                eprintln!("{error:?}");
                Happening::Ended(self.reason)
            }
        }
    }
}

impl V5 {
    fn message(&mut self, publish: Publish) -> Happening {
        let given = publish.properties.unwrap_or_default();
        let mut topic = String::from_utf8_lossy(&publish.topic).into_owned();
        if let Some(alias) = given.topic_alias {
            if topic.is_empty() {
                topic.clone_from(&self.topics[&alias]);
            }
            self.topics.insert(alias, topic.clone());
        }
        Happening::Message(Message {
            topic,
            payload: String::from_utf8_lossy(&publish.payload).into_owned(),
            qos: publish.qos as u8,
            retain: publish.retain,
            dup: publish.dup,
            properties: properties::of_message(&given),
        })
    }
}

fn incoming(packet: Packet) -> Happening {
    match packet {
        Packet::ConnAck(ack) => Happening::Event(connected(&ack)),
        Packet::SubAck(ack) => {
            let granted = suback_code(ack.return_codes[0]);
            Happening::Event(json!({"event": "subscribed", "granted": granted}))
        }
        Packet::UnsubAck(_) => Happening::Event(json!({"event": "unsubscribed"})),
        Packet::PubAck(ack) => Happening::Published(puback_code(ack.reason)),
        Packet::PubRec(ack) if ack.reason == PubRecReason::NotAuthorized => {
            Happening::Published(0x87)
        }
        Packet::PubComp(_) => Happening::Published(0),
        _ => Happening::Quiet,
    }
}

fn connected(ack: &ConnAck) -> Value {
    let properties = ack.properties.as_ref().map_or(json!({}), properties::of_connack);
    let assigned = &properties["assigned_client_identifier"];
    json!({"event": "connected", "session_present": ack.session_present, "assigned": assigned,
        "properties": properties})
}

impl Sender for AsyncClient {
    async fn subscribe(&self, wanted: &Subscription) {
        let filter = Filter {
            nolocal: wanted.options["no_local"] == true,
            preserve_retain: wanted.options["retain_as_published"] == true,
            retain_forward_rule: match wanted.options["retain_handling"].as_u64() {
                Some(1) => RetainForwardRule::OnNewSubscribe,
                Some(2) => RetainForwardRule::Never,
                _ => RetainForwardRule::OnEverySubscribe,
            },
            ..Filter::new(&wanted.filter, qos(wanted.qos))
        };
        if wanted.properties.is_null() {
            return self.subscribe_many([filter]).await.unwrap();
        }
        let properties = properties::subscribe(&wanted.properties);
        self.subscribe_many_with_properties([filter], properties).await.unwrap();
    }

    async fn unsubscribe(&self, filter: &str) {
        Self::unsubscribe(self, filter).await.unwrap();
    }

    async fn publish(&self, message: &Publication) {
        let Publication { topic, qos: level, retain, payload, properties } = message;
        let (level, payload) = (qos(*level), payload.clone());
        match properties::publish(properties) {
            none if none == PublishProperties::default() => {
                Self::publish(self, topic, level, *retain, payload).await.unwrap();
            }
            some => {
                let sent = self.publish_with_properties(topic, level, *retain, payload, some);
                sent.await.unwrap();
            }
        }
    }

    async fn disconnect(&self) {
        Self::disconnect(self).await.unwrap();
    }
}

fn qos(level: u8) -> QoS {
    rumqttc::v5::mqttbytes::qos(level).unwrap()
}

/// The reasons of a refusal that the tests ask about; any other is 0x80.
fn refusal(reason: ConnectReturnCode) -> u8 {
    match reason {
        ConnectReturnCode::BadUserNamePassword => 0x86,
        ConnectReturnCode::NotAuthorized => 0x87,
        ConnectReturnCode::ServerUnavailable => 0x88,
        _ => 0x80,
    }
}

/// The two reasons the tests ask about; any other is 0x80.
fn code(reason: DisconnectReasonCode) -> u8 {
    match reason {
        DisconnectReasonCode::SessionTakenOver => 0x8E,
        DisconnectReasonCode::ServerShuttingDown => 0x8B,
        _ => 0x80,
    }
}

/// The same of a SUBACK.
fn suback_code(reason: SubscribeReasonCode) -> u8 {
    match reason {
        SubscribeReasonCode::Success(qos) => qos as u8,
        SubscribeReasonCode::NotAuthorized => 0x87,
        _ => 0x80,
    }
}

/// The same of a PUBACK.
fn puback_code(reason: PubAckReason) -> u8 {
    match reason {
        PubAckReason::Success => 0,
        PubAckReason::NoMatchingSubscribers => 0x10,
        PubAckReason::NotAuthorized => 0x87,
        _ => 0x80,
    }
}
