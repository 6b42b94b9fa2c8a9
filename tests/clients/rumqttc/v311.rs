//! rumqttc's MQTT 3.1.1 client behind `Connection`.

use crate::Options;
use crate::session::{Connection, Happening, Message, Publication, Sender, Subscription};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS,
    SubscribeReasonCode,
};
use serde_json::json;

pub(crate) struct V311(AsyncClient, EventLoop);

pub(crate) fn connect(options: &Options) -> V311 {
    let mut mqtt = MqttOptions::new(&options.id, "127.0.0.1", options.port);
    mqtt.set_keep_alive(options.keep_alive)
        .set_clean_session(!options.persistent)
        .set_max_packet_size(16 << 20, 16 << 20);
    if let Some(user) = &options.user {
        mqtt.set_credentials(user, &options.password);
    }
    if let Some(topic) = &options.will {
        let payload = options.will_payload.as_bytes();
        mqtt.set_last_will(LastWill::new(
            topic,
            payload,
            qos(options.will_qos),
            options.will_retain,
        ));
    }
    let (client, events) = AsyncClient::new(mqtt, 100);
    V311(client, events)
}

impl Connection for V311 {
    type Sender = AsyncClient;

    fn sender(&self) -> AsyncClient {
        self.0.clone()
    }

    async fn next(&mut self) -> Happening {
        match self.1.poll().await {
            Ok(Event::Incoming(packet)) => incoming(packet),
            Ok(Event::Outgoing(Outgoing::Publish(0))) => Happening::Published(0),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => Happening::Leaving,
            Ok(Event::Outgoing(_)) => Happening::Quiet,
            Err(ConnectionError::ConnectionRefused(code)) => Happening::Refused(code as u8),
            Err(_) => Happening::Ended(None),
        }
    }
}

fn incoming(packet: Packet) -> Happening {
    match packet {
        Packet::ConnAck(ack) => Happening::Event(
            json!({"event": "connected", "session_present": ack.session_present, "assigned": null,
                "properties": {}}),
        ),
        Packet::SubAck(ack) => {
            let granted = match ack.return_codes[0] {
                SubscribeReasonCode::Success(qos) => qos as u8,
                SubscribeReasonCode::Failure => 0x80,
            };
            Happening::Event(json!({"event": "subscribed", "granted": granted}))
        }
        Packet::UnsubAck(_) => Happening::Event(json!({"event": "unsubscribed"})),
        Packet::PubAck(_) | Packet::PubComp(_) => Happening::Published(0),
        Packet::Publish(publish) => Happening::Message(Message {
            topic: publish.topic,
            payload: String::from_utf8_lossy(&publish.payload).into_owned(),
            qos: publish.qos as u8,
            retain: publish.retain,
            dup: publish.dup,
            properties: json!({}),
        }),
        _ => Happening::Quiet,
    }
}

impl Sender for AsyncClient {
    async fn subscribe(&self, wanted: &Subscription) {
        Self::subscribe(self, &wanted.filter, qos(wanted.qos)).await.unwrap();
    }

    async fn unsubscribe(&self, filter: &str) {
        Self::unsubscribe(self, filter).await.unwrap();
    }

    async fn publish(&self, message: &Publication) {
        let Publication { topic, qos: level, retain, payload, .. } = message;
        Self::publish(self, topic, qos(*level), *retain, payload.clone()).await.unwrap();
    }

    async fn disconnect(&self) {
        Self::disconnect(self).await.unwrap();
    }
}

fn qos(level: u8) -> QoS {
    rumqttc::qos(level).unwrap()
}
