//! What a plugin of the slot authn decides.

use theseus_core::Grant;

use crate::login::Refusal;

/// What a plugin says about a login.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Let in.
    Allow(Admitted),
    /// Refused.
    Deny(Refusal),
    /// Not for this plugin.
    Next,
    /// The client is asked for more. Only of a login that names a method.
    Challenge(Step),
}

/// A login that was let in.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// What it was given.
    pub grant: Box<Grant>,
    /// Authentication Data for CONNACK or the last AUTH, at most 65,535 bytes. Only of a login that
    /// names a method.
    pub data: Option<Box<[u8]>>,
}

/// One more step of an exchange by AUTH (MQTT 5.0, 4.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Authentication Data for the client, at most 65,535 bytes.
    pub data: Box<[u8]>,
    /// What `proceed` is given with the client's answer, at most 4 KiB.
    pub state: Box<[u8]>,
}

/// What a plugin says about a connected client that it is asked about again.
#[derive(Clone, Debug, PartialEq)]
pub enum Revalidation {
    /// It stays as it is.
    Keep,
    /// It stays, with another grant.
    Renew(Box<Grant>),
    /// It is disconnected.
    Deny(Refusal),
    /// Not for this plugin to say.
    Next,
}
