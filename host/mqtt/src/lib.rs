//! The whole codec of MQTT 3.1, 3.1.1 and 5.0: bytes to packets and back, in both directions.
//!
//! It is sans-IO: no socket, no clock, no allocation while decoding (packets borrow from the frame).
//! It keeps no session state; what depends on earlier packets is judged by `theseus-core`.
#![forbid(unsafe_code)]

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod error;
mod frame;
mod packet;
mod packet_id;
mod packet_type;
mod properties;
mod properties_buf;
mod property;
mod publish;
mod qos;
mod read;
mod reason;
mod suback;
mod subscribe;
mod topic;
mod unsuback;
mod unsubscribe;
mod varint;
mod version;
mod write;

pub use ack::Ack;
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, Will};
pub use disconnect::Disconnect;
pub use error::{DecodeError, EncodeError, Fault, Problem, UnknownValue};
pub use frame::{Cut, Frame, cut};
pub use packet::Packet;
pub use packet_id::PacketId;
pub use packet_type::PacketType;
pub use properties::{Properties, PropertyIter};
pub use properties_buf::PropertiesBuf;
pub use property::{Property, PropertyHolder};
pub use publish::{Publish, encode_publish_head};
pub use qos::QoS;
pub use reason::ReasonCode;
pub use suback::SubAck;
pub use subscribe::{
    RetainHandling, Subscribe, SubscribeFilterIter, SubscribeFilters, SubscribeFiltersBuf,
    SubscribeOptions,
};
pub use topic::{SharedFilter, TopicError, check_filter, check_topic_name, filter_matches};
pub use unsuback::UnsubAck;
pub use unsubscribe::{
    Unsubscribe, UnsubscribeFilterIter, UnsubscribeFilters, UnsubscribeFiltersBuf,
};
pub use varint::{VARINT_MAX, put_varint, varint_len};
pub use version::ProtocolVersion;
pub use write::{put_fixed_header, put_string};
