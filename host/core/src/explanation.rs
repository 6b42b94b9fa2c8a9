//! Reason Strings: one sentence for the person who looks for what a reason code is about. Left out
//! where a client does not want them [MQTT-3.1.2-29] or where the packet would become too large for
//! it [MQTT-3.4.2-2], [MQTT-3.9.2-1], [MQTT-3.14.2-3]. Which code is sent is decided elsewhere.

use theseus_mqtt::{Packet, Properties, PropertiesBuf, Property, ReasonCode};

use crate::keys::ConnectionKey;
use crate::shard::Shard;

/// What a DISCONNECT says beside its code, where the code's name leaves a question.
pub(crate) fn of_disconnect(reason: ReasonCode) -> Option<&'static str> {
    Some(match reason {
        ReasonCode::KeepAliveTimeout => "nothing came for longer than the keep-alive allows",
        ReasonCode::SessionTakenOver => "another connection uses this client identifier",
        ReasonCode::ReceiveMaximumExceeded => {
            "more unacknowledged QoS 1 and 2 messages than the Receive Maximum in CONNACK"
        }
        ReasonCode::TopicAliasInvalid => {
            "the topic alias is 0 or above the Topic Alias Maximum in CONNACK"
        }
        ReasonCode::TopicNameInvalid => {
            "the topic name is not allowed here: more bytes or more levels than may be, or of $share"
        }
        ReasonCode::QoSNotSupported => "the QoS is above the Maximum QoS in CONNACK",
        ReasonCode::RetainNotSupported => "retained messages are not available, as CONNACK said",
        ReasonCode::MessageRateTooHigh => "more than a limit allows",
        ReasonCode::PacketTooLarge => "the packet is above the Maximum Packet Size in CONNACK",
        _ => return None,
    })
}

/// What a CONNACK says beside a code that refuses.
pub(crate) fn of_connack(reason: ReasonCode) -> Option<&'static str> {
    Some(match reason {
        ReasonCode::TopicNameInvalid => {
            "the will's topic name is not allowed here: more bytes or levels than may be, or of $share"
        }
        ReasonCode::QoSNotSupported => "the will's QoS is above what is allowed here",
        ReasonCode::RetainNotSupported => "retained messages are not available, also as a will",
        ReasonCode::PayloadFormatInvalid => {
            "the will is not UTF-8, though its Payload Format Indicator says so"
        }
        _ => return None,
    })
}

/// What a PUBACK, PUBREC, PUBREL or PUBCOMP says beside a code that refuses.
pub(crate) fn of_ack(reason: ReasonCode) -> Option<&'static str> {
    Some(match reason {
        ReasonCode::NotAuthorized => "not authorized to publish to this topic",
        ReasonCode::QuotaExceeded => "more messages or bytes than a limit allows",
        ReasonCode::PayloadFormatInvalid => {
            "the payload is not UTF-8, though its Payload Format Indicator says so"
        }
        ReasonCode::PacketIdentifierNotFound => {
            "no exchange with this packet identifier waits for this packet"
        }
        _ => return None,
    })
}

/// What a SUBACK or UNSUBACK says of the filters that failed, the first of them; nothing if none did.
pub(crate) fn of_filters(reasons: &[u8]) -> Option<String> {
    let named = |(place, reason): (usize, &u8)| {
        let reason = ReasonCode::try_from(*reason).ok().filter(|reason| reason.is_error())?;
        Some(format!("filter {}: {reason}", place + 1))
    };
    let mut failed = reasons.iter().enumerate().filter_map(named);
    let named: Vec<_> = failed.by_ref().take(FILTERS_NAMED).collect();
    let more = if failed.next().is_some() { ", and others" } else { "" };
    (!named.is_empty()).then(|| named.join(", ") + more)
}

/// Failed filters that are named one by one.
const FILTERS_NAMED: usize = 4;

/// The property that says so, or none.
pub(crate) fn property(why: Option<&str>) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    if let Some(why) = why {
        // One that is too long for a string is left out.
        let _ = properties.push(Property::ReasonString(why));
    }
    properties
}

impl Shard {
    /// The same for a packet that says why only to clients that want to know.
    pub(crate) fn explain(&self, key: ConnectionKey, why: Option<&str>) -> PropertiesBuf {
        // Most answers refuse nothing and have nothing to say.
        if why.is_none() {
            return PropertiesBuf::new();
        }
        let connection = self.connections.get(key).filter(|connection| connection.is_v5());
        let wants = connection.is_some_and(|connection| connection.protocol.problem_information);
        property(why.filter(|_| wants))
    }

    /// Writes a packet with an explanation, or without if it would be too large.
    pub(crate) fn write_explained<'a>(
        &mut self,
        key: ConnectionKey,
        why: &'a PropertiesBuf,
        packet: impl Fn(Properties<'a>) -> Packet<'a>,
    ) {
        let properties = why.as_properties();
        if !self.write_packet(key, &packet(properties)) && !properties.is_empty() {
            self.write_packet(key, &packet(Properties::default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_filters_are_named_by_their_place() {
        assert_eq!(of_filters(&[0, 1, 2]), None);
        let said = of_filters(&[0, 0x87, 2, 0x8F]).unwrap_or_default();
        assert_eq!(said, "filter 2: Not authorized, filter 4: Topic Filter invalid");
        let many = of_filters(&[0x87; 9]).unwrap_or_default();
        assert!(many.ends_with("filter 4: Not authorized, and others"), "{many}");
    }
}
