//! `${clientid}`, `${username}`, `${attribute.NAME}`: what a topic takes from the client.
//!
//! A value must never become more than the text of a level, or part of it: a client chooses its
//! client id, and `#` would open everything.

use serde::{Deserialize, Serialize};

use crate::Subject;
use crate::error::shown;

/// Longest name of an attribute, in bytes.
const ATTRIBUTE_NAME_MAX: usize = 128;
const ATTRIBUTE: &str = "attribute.";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Placeholder {
    ClientId,
    UserName,
    Attribute(Box<str>),
}

impl Placeholder {
    /// Reads what stands between `${` and `}`.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        if let Some(attribute) = name.strip_prefix(ATTRIBUTE) {
            check_attribute_name(attribute)?;
            return Ok(Self::Attribute(attribute.into()));
        }
        match name {
            "clientid" => Ok(Self::ClientId),
            "username" => Ok(Self::UserName),
            unknown => {
                Err(format!("`${{{}}}` is no placeholder, {}", shown(unknown), hint(unknown)))
            }
        }
    }

    /// Its value, if that can stand in a level. An attribute given twice is none: which of the two
    /// was meant, nobody knows.
    pub(crate) fn value<'a>(&self, who: &Subject<'a>) -> Option<&'a str> {
        let value = match self {
            Self::ClientId => Some(who.client_id),
            Self::UserName => who.user_name,
            Self::Attribute(wanted) => {
                let mut named = who.attributes.iter().filter(|(name, _)| name == wanted);
                let value = named.next().map(|(_, value)| &**value);
                value.filter(|_| named.next().is_none())
            }
        };
        value.filter(|value| is_usable(value))
    }
}

/// Whether an attribute can have this name: 1 to 128 bytes.
pub(crate) fn check_attribute_name(name: &str) -> Result<(), String> {
    match name.len() {
        0 => Err("the name of the attribute is missing".to_owned()),
        1..=ATTRIBUTE_NAME_MAX => Ok(()),
        _ => Err(format!("the name of the attribute is longer than {ATTRIBUTE_NAME_MAX} bytes")),
    }
}

/// What begins with `$` could stand for a topic of the broker's own, such as `$SYS`.
fn is_usable(value: &str) -> bool {
    !value.starts_with('$')
        && !value.is_empty()
        && !value.bytes().any(|byte| matches!(byte, b'/' | b'+' | b'#' | 0))
}

/// What the unknown name is likely to mean; other brokers and older habits call it otherwise.
fn hint(unknown: &str) -> &'static str {
    let name = unknown.to_lowercase();
    if name.contains("cert") || name == "cn" {
        "did you mean `${attribute.tls.cn}`?"
    } else if name.contains("client") || name == "id" || name == "c" {
        "did you mean `${clientid}`?"
    } else if name.contains("user") || name == "name" || name == "u" {
        "did you mean `${username}`?"
    } else if name.contains("attr") {
        "did you mean `${attribute.NAME}`?"
    } else {
        "there are `${clientid}`, `${username}` and `${attribute.NAME}`"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_was_meant() {
        for (name, hint) in [
            ("clientId", "did you mean `${clientid}`?"),
            ("client_id", "did you mean `${clientid}`?"),
            ("user", "did you mean `${username}`?"),
            ("attr.tenant", "did you mean `${attribute.NAME}`?"),
            ("cert_common_name", "did you mean `${attribute.tls.cn}`?"),
            ("attribute", "did you mean `${attribute.NAME}`?"),
            ("", "there are `${clientid}`, `${username}` and `${attribute.NAME}`"),
            (" clientid", "did you mean `${clientid}`?"),
        ] {
            let error = Placeholder::parse(name).unwrap_err();
            assert_eq!(error, format!("`${{{name}}}` is no placeholder, {hint}"));
        }
        assert!(Placeholder::parse("attribute.").unwrap_err().contains("missing"));
        assert!(Placeholder::parse(&format!("attribute.{}", "x".repeat(129))).is_err());
        assert!(Placeholder::parse(&format!("attribute.{}", "x".repeat(128))).is_ok());
    }

    #[test]
    fn gives_only_what_can_stand_in_a_level() {
        let value = |client_id| {
            let who = Subject {
                client_id,
                user_name: None,
                address: None,
                listener: "tcp:default",
                attributes: &[],
            };
            Placeholder::ClientId.value(&who)
        };
        for smuggler in ["", "+", "#", "a/b", "/", "a+", "a#", "a\0", "../#", "$SYS", "${clientid}"]
        {
            assert_eq!(value(smuggler), None, "{smuggler:?}");
        }
        for honest in ["a", "a$", " ", "ü", "*"] {
            assert_eq!(value(honest), Some(honest));
        }
    }
}
