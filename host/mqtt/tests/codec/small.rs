//! The small types: versions, QoS, packet identifiers, packet types, reason codes.

use theseus_mqtt::{
    PacketId, PacketType, ProtocolVersion, QoS, ReasonCode, UnknownValue, put_fixed_header,
    put_string,
};

#[test]
fn versions() {
    let levels = [ProtocolVersion::V3_1, ProtocolVersion::V3_1_1, ProtocolVersion::V5];
    assert_eq!(levels.map(ProtocolVersion::level), [3, 4, 5]);
    assert!(levels.is_sorted());
}

#[test]
fn qos() {
    for value in 0..3 {
        assert_eq!(QoS::try_from(value).map(QoS::value), Ok(value));
    }
    assert_eq!(QoS::try_from(3), Err(UnknownValue(3)));
    assert!(QoS::AtMostOnce < QoS::AtLeastOnce && QoS::AtLeastOnce < QoS::ExactlyOnce);
}

#[test]
fn packet_ids() {
    assert_eq!(PacketId::new(0), None);
    assert_eq!(PacketId::new(7).map(PacketId::get), Some(7));
    assert_eq!((PacketId::MIN.get(), PacketId::MAX.get()), (1, 65_535));
}

#[test]
fn packet_types() {
    for packet in PacketType::ALL {
        assert_eq!(PacketType::from_header(packet.header()), Some(packet));
    }
    assert_eq!(PacketType::from_header(0x0F), None);
}

#[test]
fn reason_codes() {
    let known = (0..=255).filter(|value| ReasonCode::try_from(*value).is_ok()).count();
    assert_eq!(known, 43);
    assert_eq!(ReasonCode::ALL.len(), 43);
    for code in ReasonCode::ALL {
        assert_eq!(ReasonCode::try_from(code.value()), Ok(*code));
        assert_eq!(code.is_error(), code.value() >= 128);
        assert!(!code.to_string().is_empty());
    }
    assert_eq!(ReasonCode::try_from(0x03), Err(UnknownValue(3)));
}

/// 3.1.1 `[MQTT-3.2.2-6]`, `[MQTT-3.1.4-1]`
#[test]
fn return_codes_of_3_x() {
    for code in 0..=5 {
        let reason = ReasonCode::from_connack_v3(code).unwrap();
        assert_eq!(reason.connack_v3(), Some(code));
    }
    assert_eq!(ReasonCode::from_connack_v3(6), None);
    for (reason, code) in [
        (ReasonCode::ServerBusy, Some(3)),
        (ReasonCode::QuotaExceeded, Some(3)),
        (ReasonCode::UseAnotherServer, Some(3)),
        (ReasonCode::Banned, Some(5)),
        (ReasonCode::BadAuthenticationMethod, Some(5)),
        (ReasonCode::MalformedPacket, None),
        (ReasonCode::ProtocolError, None),
        (ReasonCode::PacketTooLarge, None),
        (ReasonCode::GrantedQoS1, None),
    ] {
        assert_eq!(reason.connack_v3(), code, "{reason}");
    }
}

#[test]
fn heads_and_strings() {
    let mut out = Vec::new();
    put_fixed_header(&mut out, 0x30, 321);
    put_string(&mut out, "é").unwrap();
    assert_eq!(out, b"\x30\xC1\x02\0\x02\xC3\xA9");
    assert!(put_string(&mut out, &"x".repeat(65_536)).is_err());
    assert_eq!(out.len(), 7);
}
