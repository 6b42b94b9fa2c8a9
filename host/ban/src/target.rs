//! Whom a ban hits.

use std::fmt;

use theseus_acl::Network;

/// The longest client id or user name that can be banned, bytes: MQTT has none that are longer.
pub const TARGET_MAX: usize = 65_535;

/// Whom a ban hits. An address is a network of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Who comes with this client id.
    ClientId(Box<str>),
    /// Who comes with this user name.
    UserName(Box<str>),
    /// Who comes from there.
    Network(Network),
}

/// How an operator writes a client id: `client-id:sensor7`.
const CLIENT_ID: &str = "client-id:";
/// How an operator writes a user name.
const USER_NAME: &str = "username:";

impl Target {
    /// A client id.
    ///
    /// # Errors
    /// It is empty, which no client id is, or longer than [`TARGET_MAX`].
    pub fn client_id(id: &str) -> Result<Self, String> {
        match id.is_empty() {
            true => Err("no client id is empty".to_owned()),
            false => bounded(id).map(Self::ClientId),
        }
    }

    /// A user name.
    ///
    /// # Errors
    /// It is longer than [`TARGET_MAX`].
    pub fn user_name(name: &str) -> Result<Self, String> {
        bounded(name).map(Self::UserName)
    }

    /// An address, such as `192.0.2.7` or `2001:db8::7`.
    ///
    /// # Errors
    /// It is none.
    pub fn address(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(address) => Ok(Self::Network(Network::single(address))),
            Err(_) => Err(format!("`{}` is no address such as `192.0.2.7`", shown(text))),
        }
    }

    /// A prefix, such as `10.0.0.0/8`; also an address.
    ///
    /// # Errors
    /// It is none.
    pub fn prefix(text: &str) -> Result<Self, String> {
        let network = Network::parse(text).map_err(|why| format!("`{}` {why}", shown(text)))?;
        Ok(Self::Network(network))
    }

    /// Reads what [`Display`](fmt::Display) writes: `client-id:sensor7`, `username:anna`, an address or
    /// a prefix.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(id) = text.strip_prefix(CLIENT_ID) {
            return Self::client_id(id);
        }
        if let Some(name) = text.strip_prefix(USER_NAME) {
            return Self::user_name(name);
        }
        Self::prefix(text)
            .map_err(|why| format!("{why}; nor does it begin with {CLIENT_ID} or {USER_NAME}"))
    }

    /// Bytes it holds beside itself.
    pub(crate) fn text_len(&self) -> usize {
        match self {
            Self::ClientId(text) | Self::UserName(text) => text.len(),
            Self::Network(_) => 0,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientId(id) => write!(f, "{CLIENT_ID}{id}"),
            Self::UserName(name) => write!(f, "{USER_NAME}{name}"),
            Self::Network(network) => network.fmt(f),
        }
    }
}

fn bounded(text: &str) -> Result<Box<str>, String> {
    match text.len() <= TARGET_MAX {
        true => Ok(text.into()),
        false => Err(format!("it is longer than {TARGET_MAX} bytes")),
    }
}

/// A text that somebody else has made, for an error: in one line, and short.
fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    text.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_as_it_is_written() {
        for text in [
            "client-id:sensor 7",
            "client-id:10.0.0.1",
            "username:anna",
            "username:",
            "10.0.0.0/16",
            "::1",
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), text);
        }
        for (text, same) in [("::ffff:192.0.2.7", "192.0.2.7"), ("192.0.2.7/32", "192.0.2.7")] {
            assert_eq!(Target::parse(text), Target::parse(same), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_a_sentence() {
        let of = |text: &str| Target::parse(text).unwrap_err();
        assert_eq!(of("client-id:"), "no client id is empty");
        assert!(of("sensor7").starts_with("`sensor7` is no address"), "{}", of("sensor7"));
        assert!(of("10.0.0.1/8").contains("did you mean `10.0.0.0/8`?"));
        assert!(Target::address("10.0.0.0/8").is_err(), "a prefix is no address");
        assert!(Target::user_name(&"x".repeat(TARGET_MAX + 1)).is_err());
    }
}
