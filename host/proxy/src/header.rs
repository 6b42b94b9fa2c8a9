//! What a header says.

use core::net::SocketAddr;

/// What a balancer says of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Whom it speaks for. `None`: for itself, as when it looks whether the broker is well, or it does not know;
    /// then the address of the socket counts.
    pub source: Option<SocketAddr>,
    /// The name that the client has asked for (server name of TLS).
    pub server_name: Option<String>,
    /// The TLS that it has taken off.
    pub tls: Option<Tls>,
}

/// TLS between the client and the balancer. No text here is empty or holds a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// As OpenSSL names it: `TLSv1.3`.
    pub version: Option<String>,
    /// As OpenSSL names it.
    pub cipher: Option<String>,
    /// What the client has shown.
    pub certificate: Certificate,
}

/// The certificate that a client has shown to the balancer, in this connection or in the one whose session it
/// goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// None.
    Missing,
    /// One that the balancer did not verify, or did not look at.
    Unverified,
    /// One that it verified.
    Verified {
        /// The common name of its subject, if the balancer tells it.
        common_name: Option<String>,
    },
}
