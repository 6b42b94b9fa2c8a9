//! A checked condition: what must be true of a client for a rule to speak of it.
//!
//! What a client does not have matches nothing, whatever the rule's effect is.

use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::placeholder::check_attribute_name;
use crate::text::Text;
use crate::{Condition, Subject, TextMatch};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Requirement {
    ClientId(Text),
    UserName(Text),
    Address(Network),
    Listener(Text),
    Attribute(Box<str>, Text),
}

impl Requirement {
    pub(crate) fn compile(condition: &Condition) -> Result<Self, String> {
        Ok(match condition {
            Condition::ClientId(text) => Self::ClientId(Text::compile(text)?),
            Condition::UserName(text) => Self::UserName(Text::compile(text)?),
            Condition::Address(text) => Self::Address(Network::parse(text)?),
            Condition::Listener(text) => Self::Listener(Text::compile(text)?),
            Condition::Attribute(name, text) => {
                check_attribute_name(name)?;
                Self::Attribute(name.as_str().into(), Text::compile(text)?)
            }
        })
    }

    pub(crate) fn holds(&self, who: &Subject<'_>) -> bool {
        match self {
            Self::ClientId(text) => text.matches(who.client_id),
            Self::UserName(text) => who.user_name.is_some_and(|name| text.matches(name)),
            Self::Address(network) => who.address.is_some_and(|address| network.contains(address)),
            Self::Listener(text) => text.matches(who.listener),
            Self::Attribute(wanted, text) => {
                who.attributes.iter().any(|(name, value)| name == wanted && text.matches(value))
            }
        }
    }
}

/// What an error shows of a condition.
pub(crate) fn text_of(condition: &Condition) -> &str {
    match condition {
        Condition::Address(text) => text,
        Condition::ClientId(text)
        | Condition::UserName(text)
        | Condition::Listener(text)
        | Condition::Attribute(_, text) => match text {
            TextMatch::Exactly(text) | TextMatch::Glob(text) => text,
        },
    }
}
