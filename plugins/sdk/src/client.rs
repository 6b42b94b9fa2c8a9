//! More about the client that the present call is about; nothing outside of such a call.

use std::net::IpAddr;

use crate::{Client, UserProperty, broker};

/// One fact by name: `node`, `server.address`, `keep-alive`, `clean-start`, `session-expiry`,
/// `auth-method`, `tls.version`, `tls.cipher`, `tls.sni`, `tls.cn`, `tls.serial`, `tls.sha256`.
/// `None` if there is no such fact.
#[must_use]
pub fn get(name: &str) -> Option<String> {
    broker::client::get(name)
}

/// One attribute of its grant.
#[must_use]
pub fn attribute(name: &str) -> Option<String> {
    get(&format!("attribute.{name}"))
}

/// The certificate it authenticated with, in DER.
#[must_use]
pub fn certificate() -> Option<Vec<u8>> {
    broker::client::certificate()
}

/// The User Properties of its CONNECT, in order.
#[must_use]
pub fn user_properties() -> Vec<UserProperty> {
    broker::client::user_properties()
}

impl Client {
    /// The address it comes from, as a number to calculate with.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}
