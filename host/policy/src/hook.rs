//! A message as plugins of the slot hook see it, and what they make of it.

use theseus_core::{Message, Time};
use theseus_mqtt::{PropertiesBuf, Property, Publish, QoS};

/// All that an MQTT 5 PUBLISH can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookMessage {
    /// The topic name.
    pub topic: Box<str>,
    /// Application data.
    pub payload: Box<[u8]>,
    /// The quality of service.
    pub qos: QoS,
    /// The RETAIN flag.
    pub retain: bool,
    /// The payload is said to be UTF-8.
    pub payload_is_text: bool,
    /// Seconds.
    pub message_expiry: Option<u32>,
    /// Where an answer is expected.
    pub response_topic: Option<Box<str>>,
    /// What the answer is to carry.
    pub correlation_data: Option<Box<[u8]>>,
    /// What the payload is.
    pub content_type: Option<Box<str>>,
    /// Names and values, in order.
    pub user_properties: Vec<(Box<str>, Box<str>)>,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hooked {
    /// It goes on as it is.
    Keep,
    /// Nobody gets it; the publisher is answered as if somebody did.
    Drop,
    /// The publisher is refused: 0x87 Not authorized.
    Deny,
    /// This goes on instead.
    Replace(Box<HookMessage>),
}

impl HookMessage {
    /// What a PUBLISH, or a will, says.
    pub fn of(message: &Message) -> Self {
        let properties = message.properties();
        let user_properties = properties.user_properties();
        Self {
            topic: message.topic().into(),
            payload: message.payload().into(),
            qos: message.qos(),
            retain: message.retain(),
            payload_is_text: properties.payload_format_indicator() == Some(true),
            message_expiry: properties.message_expiry_interval(),
            response_topic: properties.response_topic().map(Into::into),
            correlation_data: properties.correlation_data().map(Into::into),
            content_type: properties.content_type().map(Into::into),
            user_properties: user_properties.map(|(n, v)| (n.into(), v.into())).collect(),
        }
    }

    /// The message that says this; its expiry counts from when it is published. `None` if its
    /// properties do not fit a PUBLISH.
    pub fn to_message(&self) -> Option<Message> {
        let properties = self.properties()?;
        let publish = Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: None,
            properties: properties.as_properties(),
            payload: &self.payload,
        };
        Some(Message::from_parts(&publish, Time::NEVER))
    }

    fn properties(&self) -> Option<PropertiesBuf> {
        let stated = [
            self.payload_is_text.then_some(Property::PayloadFormatIndicator(true)),
            self.message_expiry.map(Property::MessageExpiryInterval),
            self.content_type.as_deref().map(Property::ContentType),
            self.response_topic.as_deref().map(Property::ResponseTopic),
            self.correlation_data.as_deref().map(Property::CorrelationData),
        ];
        let of_users = self.user_properties.iter().map(|(n, v)| Property::UserProperty(n, v));
        let mut properties = PropertiesBuf::new();
        for property in stated.into_iter().flatten().chain(of_users) {
            properties.push(property).ok()?;
        }
        Some(properties)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_there_and_back_as_it_is() {
        let written = HookMessage {
            topic: "a/b".into(),
            payload: b"1".as_slice().into(),
            qos: QoS::ExactlyOnce,
            retain: true,
            payload_is_text: true,
            message_expiry: Some(7),
            response_topic: Some("r".into()),
            correlation_data: Some(b"2".as_slice().into()),
            content_type: Some("t".into()),
            user_properties: vec![("n".into(), "v".into()), ("n".into(), "w".into())],
        };
        assert_eq!(HookMessage::of(&written.to_message().unwrap()), written);
        let long = |n: usize| vec![("n".into(), "v".repeat(60_000).into()); n];
        let fits = HookMessage { user_properties: long(100), ..written };
        assert!(fits.to_message().is_some());
    }
}
