//! rumqttc's properties as the JSON objects of ../README.md, and back.

use rumqttc::v5::mqttbytes::v5::{
    ConnAckProperties, ConnectProperties, LastWillProperties, PublishProperties,
    SubscribeProperties,
};
use serde_json::{Map, Value, json};

pub(crate) fn connect(given: &Value) -> ConnectProperties {
    ConnectProperties {
        session_expiry_interval: number(given, "session_expiry_interval"),
        receive_maximum: number(given, "receive_maximum"),
        max_packet_size: number(given, "maximum_packet_size"),
        topic_alias_max: number(given, "topic_alias_maximum"),
        request_response_info: number(given, "request_response_information"),
        request_problem_info: number(given, "request_problem_information"),
        user_properties: pairs(given),
        authentication_method: None,
        authentication_data: None,
    }
}

pub(crate) fn will(given: &Value) -> LastWillProperties {
    LastWillProperties {
        delay_interval: number(given, "will_delay_interval"),
        payload_format_indicator: number(given, "payload_format_indicator"),
        message_expiry_interval: number(given, "message_expiry_interval"),
        content_type: text(given, "content_type"),
        response_topic: text(given, "response_topic"),
        correlation_data: bytes(given, "correlation_data").map(Into::into),
        user_properties: pairs(given),
    }
}

pub(crate) fn publish(given: &Value) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: number(given, "payload_format_indicator"),
        message_expiry_interval: number(given, "message_expiry_interval"),
        topic_alias: number(given, "topic_alias"),
        response_topic: text(given, "response_topic"),
        correlation_data: bytes(given, "correlation_data").map(Into::into),
        user_properties: pairs(given),
        subscription_identifiers: Vec::new(),
        content_type: text(given, "content_type"),
    }
}

pub(crate) fn subscribe(given: &Value) -> SubscribeProperties {
    let id = number(given, "subscription_identifier");
    SubscribeProperties { id, user_properties: pairs(given) }
}

pub(crate) fn of_message(found: &PublishProperties) -> Value {
    let correlation_data = found.correlation_data.as_ref().map(|data| hex(data));
    let ids = &found.subscription_identifiers;
    present([
        ("payload_format_indicator", json!(found.payload_format_indicator)),
        ("message_expiry_interval", json!(found.message_expiry_interval)),
        ("topic_alias", json!(found.topic_alias)),
        ("response_topic", json!(found.response_topic)),
        ("correlation_data", json!(correlation_data)),
        ("user_properties", json!(some(&found.user_properties))),
        ("subscription_identifiers", json!(some(ids))),
        ("content_type", json!(found.content_type)),
    ])
}

pub(crate) fn of_connack(found: &ConnAckProperties) -> Value {
    present([
        ("session_expiry_interval", json!(found.session_expiry_interval)),
        ("receive_maximum", json!(found.receive_max)),
        ("maximum_qos", json!(found.max_qos)),
        ("retain_available", json!(found.retain_available)),
        ("maximum_packet_size", json!(found.max_packet_size)),
        ("assigned_client_identifier", json!(found.assigned_client_identifier)),
        ("topic_alias_maximum", json!(found.topic_alias_max)),
        ("reason_string", json!(found.reason_string)),
        ("user_properties", json!(some(&found.user_properties))),
        ("wildcard_subscription_available", json!(found.wildcard_subscription_available)),
        ("subscription_identifier_available", json!(found.subscription_identifiers_available)),
        ("shared_subscription_available", json!(found.shared_subscription_available)),
        ("server_keep_alive", json!(found.server_keep_alive)),
        ("response_information", json!(found.response_information)),
        ("server_reference", json!(found.server_reference)),
    ])
}

fn present<const N: usize>(all: [(&str, Value); N]) -> Value {
    let there = all.into_iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

fn some<T>(all: &[T]) -> Option<&[T]> {
    (!all.is_empty()).then_some(all)
}

fn number<T: TryFrom<u64>>(given: &Value, name: &str) -> Option<T> {
    T::try_from(given[name].as_u64()?).ok()
}

fn text(given: &Value, name: &str) -> Option<String> {
    given[name].as_str().map(str::to_owned)
}

fn bytes(given: &Value, name: &str) -> Option<Vec<u8>> {
    let digits = given[name].as_str()?;
    let at = (0..digits.len()).step_by(2);
    Some(at.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect())
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pairs(given: &Value) -> Vec<(String, String)> {
    let all = given["user_properties"].as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter().map(|pair| (one(&pair[0]), one(&pair[1]))).collect()
}
