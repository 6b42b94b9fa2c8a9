//! The CONNACK for a client that is not let in: what its version can say, within what it takes.

use theseus_mqtt::{ConnAck, Connect, Packet, ProtocolVersion, ReasonCode};

use crate::explanation;

/// How a client without a connection is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The version it speaks.
    pub version: ProtocolVersion,
    /// The largest packet it takes, bytes.
    pub packet_size_max: u32,
}

/// The largest packet there can be: five bytes of header, and what they can count
/// (MQTT 5.0, 2.1.4).
const PACKET_SIZE_MAX: u32 = 5 + 268_435_455;

impl Recipient {
    /// The client that sent this CONNECT.
    pub fn of(connect: &Connect<'_>) -> Self {
        let stated = connect.properties.maximum_packet_size();
        let packet_size_max = stated.map_or(PACKET_SIZE_MAX, |size| size.min(PACKET_SIZE_MAX));
        Self { version: connect.version, packet_size_max }
    }

    /// A client of which only the version is known.
    pub fn speaking(version: ProtocolVersion) -> Self {
        Self { version, packet_size_max: PACKET_SIZE_MAX }
    }
}

/// The CONNACK that refuses a client; nothing where its version has none for `reason`
/// [MQTT-3.2.2-6] (3.1.1), or where it takes no packet so large [MQTT-3.1.2-24].
///
/// `message` is the Reason String of a v5 client, left out where the packet would become too large
/// for the client [MQTT-3.2.2-19]; without one, `reason` may have an explanation of its own.
pub fn refusal(to: Recipient, reason: ReasonCode, message: Option<&str>) -> Vec<u8> {
    if to.version != ProtocolVersion::V5 {
        return reason.connack_v3().map_or_else(Vec::new, |_| connack(to, reason, None));
    }
    let explained = connack(to, reason, message.or(explanation::of_connack(reason)));
    if explained.is_empty() { connack(to, reason, None) } else { explained }
}

/// The packet, or nothing if the client does not take it.
fn connack(to: Recipient, reason: ReasonCode, why: Option<&str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let properties = explanation::property(why);
    let properties = properties.as_properties();
    let connack = ConnAck { session_present: false, reason, properties };
    let written = Packet::ConnAck(connack).encode(to.version, &mut bytes);
    if written.is_err() || bytes.len() > to.packet_size_max as usize {
        bytes.clear();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v5(packet_size_max: u32) -> Recipient {
        Recipient { version: ProtocolVersion::V5, packet_size_max }
    }

    /// [MQTT-3.2.2-19], [MQTT-3.1.2-24].
    #[test]
    fn what_the_client_does_not_take_is_left_out() {
        let banned = |size| refusal(v5(size), ReasonCode::Banned, Some("until tomorrow"));
        let with = [&[0x20, 20, 0, 0x8A, 17, 0x1F, 0, 14][..], b"until tomorrow"].concat();
        assert_eq!(banned(22), with);
        assert_eq!(banned(21), [0x20, 3, 0, 0x8A, 0]);
        assert_eq!(banned(5), [0x20, 3, 0, 0x8A, 0]);
        assert_eq!(banned(4), [0u8; 0]);
    }

    #[test]
    fn a_version_is_told_what_it_knows() {
        let v3 = Recipient::speaking(ProtocolVersion::V3_1_1);
        assert_eq!(refusal(v3, ReasonCode::Banned, Some("not for you")), [0x20, 2, 0, 5]);
        assert_eq!(refusal(v3, ReasonCode::PayloadFormatInvalid, None), [0u8; 0]);
    }

    #[test]
    fn a_code_that_leaves_a_question_is_explained() {
        let said = refusal(v5(PACKET_SIZE_MAX), ReasonCode::QoSNotSupported, None);
        assert!(String::from_utf8_lossy(&said).contains("the will's QoS"), "{said:02x?}");
    }
}
