//! TLS for listeners: what a listener shows its clients and whom it believes ([`Acceptor`]), and the state
//! of one connection ([`Session`]). Sans-IO but for the time of day, which rustls reads; where the bytes
//! come from and go to is the host's. Below it rustls with aws-lc-rs.
#![forbid(unsafe_code)]

mod acceptor;
mod certificates;
mod client_certificates;
mod peer;
mod session;
mod subject;
mod suites;

pub use acceptor::{Acceptor, Clients, Settings, Unfit};
pub use certificates::Certificate;
pub use peer::{Field, Peer, Unnamed};
pub use session::{Session, Taken};
pub use suites::{SUITES, Suite, Version};
