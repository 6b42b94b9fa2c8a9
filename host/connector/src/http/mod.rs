//! Connectors of kind `http`: HTTP/1.1 to one address, plain or over TLS. Redirects are answers like
//! any other: nobody is sent where the operator did not send them. What bounds an answer is there for others too.

mod answer;
mod bounded;
mod check;
mod client;
mod dial;
mod headers;
mod idle;
mod message;
mod settings;
mod target;
mod tls;

pub use bounded::{BodyError, HeadBounds, Sender, handshake, read_body, reason};
pub use client::Http;
pub use message::{Request, Response};
pub use settings::Settings;
