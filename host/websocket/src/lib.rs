//! The server side of WebSocket (RFC 6455) as far as MQTT over it needs it: the upgrade of an HTTP
//! request, and frames in both directions.
//!
//! Sans-IO: bytes in, bytes out, no socket and no clock. What a connection keeps, [`Decoder`] and
//! [`Encoder`], is plain data that can be serialized in the middle of a frame. Payloads are unmasked
//! where they lie and never copied: MQTT packets need not align with frames [MQTT-6.0.0-2], so none
//! is put together here.
#![forbid(unsafe_code)]

mod close;
mod decode;
mod encode;
mod header;
mod mask;
mod request;
mod response;
mod violation;

pub use close::CloseCode;
pub use decode::{Decoder, Event};
pub use encode::Encoder;
pub use request::{Progress, REQUEST_MAX, Rules, read_request};
pub use violation::Violation;

/// The longest payload of a control frame, bytes (RFC 6455, 5.5).
pub const CONTROL_MAX: usize = 125;
