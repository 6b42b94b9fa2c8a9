//! What the certificate of a client says of it, once it is believed.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

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
    /// The whole subject (RFC 4514).
    Subject,
    /// The serial number, in hexadecimal.
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
}

impl Peer {
    /// `None` where it cannot be read, which whoever verified it has excluded.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let fields = Field::ALL.map(|field| read(der, &certificate, field).and_then(usable));
        Some(Self { der: der.into(), fields })
    }

    /// The whole of it, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
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
        Field::Subject => Ok(certificate.subject().to_string()),
        Field::Serial => Ok(hexadecimal(certificate.raw_serial())),
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
    let mut names = certificate.subject().iter_common_name();
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

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
