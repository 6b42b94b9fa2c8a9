//! Connectors of kind `http`: HTTP/1.1 to one address, plain or over TLS. Redirects are answers like
//! any other: nobody is sent where the operator did not send them.

mod answer;
mod check;
mod client;
mod dial;
mod headers;
mod idle;
mod message;
mod settings;
mod target;
mod tls;

pub use client::Http;
pub use message::{Request, Response};
pub use settings::Settings;
