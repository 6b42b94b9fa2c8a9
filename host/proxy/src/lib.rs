//! The PROXY protocol, versions 1 and 2, as a broker receives it: a load balancer says in a header, before
//! everything else, whom it speaks for, and what TLS it has taken off.
//!
//! Sans-IO: bytes go in, split anywhere, and out comes how many of them are the header's. It knows neither the
//! socket nor the time, nor whom to trust: whoever reads a header must know that a balancer sent it.
//! Source: `doc/proxy-protocol.txt` of HAProxy, revision of 2020-03-05.
#![forbid(unsafe_code)]

mod checksum;
mod fields;
mod header;
mod malformed;
mod reader;
mod tls;
mod v1;
mod v2;

pub use header::{Certificate, Header, Tls};
pub use malformed::Malformed;
pub use reader::{BODY_MAX, Found, LINE_MAX, Reader};
