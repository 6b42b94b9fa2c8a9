//! One CONNECT as the chain sees it, and how it may be refused.

use std::net::SocketAddr;

use theseus_core::Grant;
use theseus_mqtt::{ProtocolVersion, ReasonCode};

/// What a client that connects says and brings, and what the broker knows of it.
#[derive(Clone, Default)]
pub struct Login {
    /// Never empty: the broker has chosen one where the client left it open.
    pub client_id: Box<str>,
    /// As in CONNECT.
    pub user_name: Option<Box<str>>,
    /// As in CONNECT.
    pub password: Option<Box<[u8]>>,
    /// Authentication Method.
    pub method: Option<Box<str>>,
    /// Authentication Data.
    pub data: Option<Box<[u8]>>,
    /// Where it comes from.
    pub address: Option<SocketAddr>,
    /// As `tcp:default`.
    pub listener: Box<str>,
    /// The version it speaks.
    pub protocol: Option<ProtocolVersion>,
    /// What else is known, by the names of `client.get`.
    pub facts: Vec<(&'static str, String)>,
    /// Its client id or its user name is taken from a certificate that was verified, and the user name, if it has
    /// one, is.
    pub vouched: bool,
    /// The certificate that it has proved to be its own, in DER.
    pub certificate: Option<Box<[u8]>>,
    /// User Properties of CONNECT, in order.
    pub user_properties: Vec<(Box<str>, Box<str>)>,
    /// The attributes of its grant, once it has one.
    pub attributes: Vec<(Box<str>, Box<str>)>,
}

impl Login {
    /// The client id for a log: in one line, and no longer than a person reads.
    pub fn shown_id(&self) -> String {
        shown(&self.client_id)
    }

    /// The client once it has been let in: with the names of its grant, and without what it proved
    /// itself by.
    #[must_use]
    pub fn let_in_with(&self, grant: &Grant) -> Self {
        Self {
            client_id: grant.client_id.as_ref().unwrap_or(&self.client_id).clone(),
            user_name: grant.user_name.clone(),
            password: None,
            data: None,
            attributes: grant.attributes.clone(),
            ..self.clone()
        }
    }

    /// True if it brings nothing that somebody would have to check.
    pub fn claims_nothing(&self) -> bool {
        self.user_name.is_none() && self.password.is_none() && self.method.is_none()
    }
}

/// A client's text for a log: in one line, and no longer than a person reads.
pub fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Secrets stay out of logs.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("address", &self.address)
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

/// Why a client is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason code of CONNACK.
    pub reason: ReasonCode,
    /// The Reason String for a v5 client, at most 256 bytes.
    pub message: Option<Box<str>>,
}

impl From<ReasonCode> for Refusal {
    fn from(reason: ReasonCode) -> Self {
        Self { reason, message: None }
    }
}
