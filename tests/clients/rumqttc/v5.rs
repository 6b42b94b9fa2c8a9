//! rumqttc's MQTT 5 client behind `Connection`.

use crate::Options;
use crate::session::{Connection, Happening, Sender};
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, DisconnectReasonCode, LastWill, Packet, SubscribeReasonCode,
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
            Ok(Event::Outgoing(Outgoing::Publish(0))) => Happening::Published,
            Ok(Event::Outgoing(Outgoing::Disconnect)) => Happening::Leaving,
            Ok(Event::Outgoing(_)) => Happening::Quiet,
            Err(ConnectionError::ConnectionRefused(code)) => Happening::Refused(code as u8),
            Err(ConnectionError::MqttState(StateError::ServerDisconnect {
                reason_code, ..
            })) => Happening::Ended(Some(code(reason_code))),
            Err(_) => Happening::Ended(self.reason),
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
        Packet::PubAck(_) | Packet::PubComp(_) => Happening::Published,
        Packet::Publish(publish) => Happening::Event(json!({
            "event": "message",
            "topic": String::from_utf8_lossy(&publish.topic),
            "payload": String::from_utf8_lossy(&publish.payload),
            "qos": publish.qos as u8,
            "retain": publish.retain,
        })),
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

/// The two reasons the tests ask about; any other is 0x80.
fn code(reason: DisconnectReasonCode) -> u8 {
    match reason {
        DisconnectReasonCode::SessionTakenOver => 0x8E,
        DisconnectReasonCode::ServerShuttingDown => 0x8B,
        _ => 0x80,
    }
}
