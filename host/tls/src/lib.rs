//! TLS for listeners: what a listener shows its clients and whom it trusts ([`Acceptor`]), and the state
//! of one connection ([`Session`]). Sans-IO but for the time of day, which rustls reads; where the bytes
//! come from and go to is the host's. Below it rustls with aws-lc-rs.
#![forbid(unsafe_code)]

mod acceptor;
mod authorities;
mod by_name;
mod certificates;
mod client_certificates;
mod der;
mod ocsp;
mod ocsp_answer;
mod ocsp_newest;
mod peer;
mod revocation;
mod revocation_index;
mod revocation_list;
mod session;
mod settings;
mod signed;
mod subject;
mod suites;
mod tickets;
mod unverified;

pub use acceptor::Acceptor;
pub use authorities::Authority;
pub use certificates::{Certificate, Pair};
pub use ocsp::{Inquiry, Ocsp, Refused, Staple};
pub use ocsp_newest::Newest;
pub use peer::{Field, Peer, Unnamed};
pub use revocation::Revocation;
pub use revocation_list::RevocationList;
pub use session::{Session, Taken};
pub use settings::{Clients, Settings, Unfit};
pub use suites::{SUITES, Suite, Version};
pub use tickets::{TicketKey, TicketKeys};
pub use unverified::Unverified;
