//! What the certificate of a client says of it, once it is trusted.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

use crate::subject::{distinguished_name, is_whole};

/// Bytes of one field, as much as a user name can have (MQTT 5.0, 1.5.4).
const FIELD_MAX: usize = 65_535;

/// A part of a certificate that can name a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The common name of the subject.
    CommonName,
    /// The first DNS name among the alternative names (RFC 5280, 4.2.1.6).
    SanDns,
    /// The first URI among them.
    SanUri,
    /// The first mail address among them.
    SanEmail,
    /// The whole subject, as RFC 4514 writes it: the last part first.
    Subject,
    /// The serial number, in hexadecimal; unique within one authority.
    Serial,
    /// SHA-256 of the certificate, in hexadecimal.
    Sha256,
}

impl Field {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::CommonName,
        Self::SanDns,
        Self::SanUri,
        Self::SanEmail,
        Self::Subject,
        Self::Serial,
        Self::Sha256,
    ];

    /// As configurations name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::CommonName => "cn",
            Self::SanDns => "san_dns",
            Self::SanUri => "san_uri",
            Self::SanEmail => "san_email",
            Self::Subject => "dn",
            Self::Serial => "serial",
            Self::Sha256 => "sha256",
        }
    }
}

/// Why a field cannot name a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// The certificate has none.
    Missing,
    /// It has more than one common name: which was meant, nobody knows.
    Several,
    /// It holds a control character, or is longer than 65,535 bytes: it could forge a line of a log, a header.
    Unusable,
}

/// The certificate that a client has proved to be its own.
#[derive(Clone, Debug)]
pub struct Peer {
    der: Box<[u8]>,
    /// In the order of [`Field::ALL`].
    fields: [Result<String, Unnamed>; 7],
    /// When it begins and ends to be in force, in seconds since 1970.
    in_force: (i64, i64),
}

impl Peer {
    /// One that cannot be read, which whoever verified it should have excluded, names nobody and is never in
    /// force.
    pub(crate) fn of(der: &[u8]) -> Self {
        let (fields, in_force) = match X509Certificate::from_der(der) {
            Err(_) => (Field::ALL.map(|_| Err(Unnamed::Unusable)), (0, 0)),
            Ok((_, certificate)) => {
                let read = |field| read(der, &certificate, field).and_then(usable);
                let dates = certificate.validity();
                (Field::ALL.map(read), (dates.not_before.timestamp(), dates.not_after.timestamp()))
            }
        };
        Self { der: der.into(), fields, in_force }
    }

    /// The whole of it, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether it is in force at `now`, in seconds since 1970. A session that is resumed was verified when it
    /// was begun, hours ago.
    pub fn is_in_force(&self, now: i64) -> bool {
        let (from, until) = self.in_force;
        (from..=until).contains(&now)
    }

    /// One field, if it can name a client.
    ///
    /// # Errors
    /// [`Unnamed`].
    pub fn field(&self, field: Field) -> Result<&str, Unnamed> {
        self.fields[field as usize].as_deref().map_err(|why| *why)
    }
}

fn read(der: &[u8], certificate: &X509Certificate<'_>, field: Field) -> Result<String, Unnamed> {
    match field {
        Field::CommonName => common_name(certificate),
        Field::Subject => distinguished_name(certificate.subject()),
        Field::Serial => Ok(serial(certificate)),
        Field::Sha256 => Ok(hexadecimal(&Sha256::digest(der))),
        Field::SanDns | Field::SanUri | Field::SanEmail => {
            alternative(certificate, field).ok_or(Unnamed::Missing)
        }
    }
}

fn usable(text: String) -> Result<String, Unnamed> {
    match text.len() {
        0 => Err(Unnamed::Missing),
        1..=FIELD_MAX if !text.chars().any(char::is_control) => Ok(text),
        _ => Err(Unnamed::Unusable),
    }
}

fn common_name(certificate: &X509Certificate<'_>) -> Result<String, Unnamed> {
    let subject = certificate.subject();
    is_whole(subject)?;
    let mut names = subject.iter_common_name();
    let first = names.next().ok_or(Unnamed::Missing)?;
    if names.next().is_some() {
        return Err(Unnamed::Several);
    }
    first.as_str().map(str::to_owned).map_err(|_| Unnamed::Unusable)
}

fn alternative(certificate: &X509Certificate<'_>, field: Field) -> Option<String> {
    let names = certificate.extensions().iter().find_map(|it| match it.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    })?;
    names.iter().find_map(|name| match (field, name) {
        (Field::SanDns, GeneralName::DNSName(name))
        | (Field::SanUri, GeneralName::URI(name))
        | (Field::SanEmail, GeneralName::RFC822Name(name)) => Some((*name).to_owned()),
        _ => None,
    })
}

/// A serial number, without the zero that DER puts before a first bit that is set.
pub(crate) fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = certificate.raw_serial();
    hexadecimal(bytes.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
