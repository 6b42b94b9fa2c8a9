//! rumqttc's MQTT 5 client behind `Connection`.

use crate::Options;
use crate::session::{Connection, Happening, Message, Sender};
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, DisconnectReasonCode, LastWill, Packet, PubAckReason,
    SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use serde_json::json;

const PERSISTENT_SECONDS: u32 = 3600;

pub(crate) struct V5 {
    client: AsyncClient,
    events: EventLoop,
    reason: Option<u8>,
}

pub(crate) fn connect(options: &Options) -> V5 {
    let mut mqtt = MqttOptions::new(&options.id, "127.0.0.1", options.port);
    let properties = ConnectProperties {
        session_expiry_interval: options.persistent.then_some(PERSISTENT_SECONDS),
        max_packet_size: Some(16 << 20),
        ..ConnectProperties::new()
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
        mqtt.set_last_will(LastWill::new(topic, payload, qos(options.will_qos), false, None));
    }
    let (client, events) = AsyncClient::new(mqtt, 100);
    V5 { client, events, reason: None }
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

fn incoming(packet: Packet) -> Happening {
    match packet {
        Packet::ConnAck(ack) => {
            let assigned = ack.properties.and_then(|all| all.assigned_client_identifier);
            let present = ack.session_present;
            Happening::Event(
                json!({"event": "connected", "session_present": present, "assigned": assigned}),
            )
        }
        Packet::SubAck(ack) => {
            let granted = match ack.return_codes[0] {
                SubscribeReasonCode::Success(qos) => qos as u8,
                _ => 0x80,
            };
            Happening::Event(json!({"event": "subscribed", "granted": granted}))
        }
        Packet::UnsubAck(_) => Happening::Event(json!({"event": "unsubscribed"})),
        Packet::PubAck(ack) => Happening::Published(puback_code(ack.reason)),
        Packet::PubComp(_) => Happening::Published(0),
        Packet::Publish(publish) => Happening::Message(Message {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: String::from_utf8_lossy(&publish.payload).into_owned(),
            qos: publish.qos as u8,
            retain: publish.retain,
            dup: publish.dup,
        }),
        _ => Happening::Quiet,
    }
}

impl Sender for AsyncClient {
    async fn subscribe(&self, filter: &str, level: u8) {
        Self::subscribe(self, filter, qos(level)).await.unwrap();
    }

    async fn unsubscribe(&self, filter: &str) {
        Self::unsubscribe(self, filter).await.unwrap();
    }

    async fn publish(&self, topic: &str, level: u8, retain: bool, payload: &str) {
        Self::publish(self, topic, qos(level), retain, payload.to_owned()).await.unwrap();
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

/// The same of a PUBACK.
fn puback_code(reason: PubAckReason) -> u8 {
    match reason {
        PubAckReason::Success => 0,
        PubAckReason::NoMatchingSubscribers => 0x10,
        PubAckReason::NotAuthorized => 0x87,
        _ => 0x80,
    }
}
