//! Messages in the guest's words, and what guests make of them, checked.

use theseus_mqtt::QoS;
use theseus_policy::{HookMessage, Hooked};

use crate::bindings::interface::hook as wit_hook;
use crate::bindings::interface::types as wit;
use crate::mqtt_text::mqtt_text;
use crate::opinion::qos;

/// Bytes of Correlation Data, as two bytes of MQTT count them.
const CORRELATION_MAX: usize = 65_535;

pub(crate) fn message(message: &HookMessage) -> wit_hook::Message {
    wit_hook::Message {
        topic: message.topic.to_string(),
        payload: message.payload.to_vec(),
        qos: qos(message.qos),
        retain: message.retain,
        payload_is_text: message.payload_is_text,
        message_expiry: message.message_expiry,
        response_topic: message.response_topic.as_deref().map(str::to_owned),
        correlation_data: message.correlation_data.as_deref().map(<[u8]>::to_vec),
        content_type: message.content_type.as_deref().map(str::to_owned),
        user_properties: message.user_properties.iter().map(user_property).collect(),
    }
}

fn user_property((name, value): &(Box<str>, Box<str>)) -> wit::UserProperty {
    wit::UserProperty { name: name.to_string(), value: value.to_string() }
}

/// What becomes of the message, or what is wrong with the answer.
pub(crate) fn hooked(said: wit_hook::Verdict) -> Result<Hooked, String> {
    Ok(match said {
        wit_hook::Verdict::Keep => Hooked::Keep,
        wit_hook::Verdict::Drop => Hooked::Drop,
        wit_hook::Verdict::Deny => Hooked::Deny,
        wit_hook::Verdict::Replace(message) => Hooked::Replace(Box::new(replacement(message)?)),
    })
}

fn replacement(said: wit_hook::Message) -> Result<HookMessage, String> {
    let topic = mqtt_text("topic", Some(said.topic))?.unwrap_or_default();
    if topic.is_empty() || topic.contains(['+', '#']) {
        return Err("topic is no topic name".to_owned());
    }
    let correlation_data = said.correlation_data.map(Vec::into_boxed_slice);
    if correlation_data.as_ref().is_some_and(|data| data.len() > CORRELATION_MAX) {
        return Err(format!("correlation-data has more than {CORRELATION_MAX} bytes"));
    }
    let response_topic = mqtt_text("response-topic", said.response_topic)?;
    if response_topic.as_deref().is_some_and(|topic| topic.is_empty() || topic.contains(['+', '#']))
    {
        return Err("response-topic is no topic name".to_owned());
    }
    Ok(HookMessage {
        topic,
        payload: said.payload.into_boxed_slice(),
        qos: match said.qos {
            wit::Qos::AtMostOnce => QoS::AtMostOnce,
            wit::Qos::AtLeastOnce => QoS::AtLeastOnce,
            wit::Qos::ExactlyOnce => QoS::ExactlyOnce,
        },
        retain: said.retain,
        payload_is_text: said.payload_is_text,
        message_expiry: said.message_expiry,
        response_topic,
        correlation_data,
        content_type: mqtt_text("content-type", said.content_type)?,
        user_properties: user_properties(said.user_properties)?,
    })
}

/// As a message holds them: name and value.
type UserProperties = Vec<(Box<str>, Box<str>)>;

fn user_properties(said: Vec<wit::UserProperty>) -> Result<UserProperties, String> {
    said.into_iter().map(|it| Ok((part(it.name)?, part(it.value)?))).collect()
}

fn part(text: String) -> Result<Box<str>, String> {
    mqtt_text("a user property", Some(text)).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> HookMessage {
        HookMessage {
            topic: "a/b".into(),
            payload: b"1".as_slice().into(),
            qos: QoS::ExactlyOnce,
            retain: true,
            payload_is_text: true,
            message_expiry: Some(7),
            response_topic: Some("r".into()),
            correlation_data: Some(b"2".as_slice().into()),
            content_type: Some("t".into()),
            user_properties: vec![("n".into(), "v".into())],
        }
    }

    fn replace(change: impl FnOnce(&mut wit_hook::Message)) -> Result<Hooked, String> {
        let mut said = message(&written());
        change(&mut said);
        hooked(wit_hook::Verdict::Replace(said))
    }

    #[test]
    fn a_message_goes_there_and_back_as_it_is() {
        assert_eq!(replace(|_| ()), Ok(Hooked::Replace(Box::new(written()))));
    }

    #[test]
    fn what_no_publish_can_say_is_no_replacement() {
        let topic = |topic: &str| replace(|said| said.topic = topic.to_owned()).unwrap_err();
        assert_eq!(topic(""), "topic is no topic name");
        assert_eq!(topic("a/+"), "topic is no topic name");
        assert!(topic("a\0").starts_with("topic is no text of MQTT"));
        let why = replace(|said| said.response_topic = Some("#".to_owned())).unwrap_err();
        assert_eq!(why, "response-topic is no topic name");
        let why = replace(|said| said.correlation_data = Some(vec![0; 65_536])).unwrap_err();
        assert!(why.starts_with("correlation-data"), "{why}");
    }
}
