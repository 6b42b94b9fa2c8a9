//! A value as it was found, before its key gives it a type: a TOML scalar, a list of texts, or
//! the text of a variable. Not the meaning of the value, which is `kind`. Used by `walk` and `env`, which find
//! values, and by `kind`, which reads them.

use std::fmt;

use toml_edit::{Array, Item, Value};

/// Longest text of a value that an error repeats, in characters.
const SHOWN: usize = 60;

/// A value without a type of ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// An array of strings, also an empty one.
    Texts(Vec<String>),
    /// Any other array, which no key takes.
    Mixed,
    /// The text of an environment variable: it is whatever the key needs.
    Variable(String),
    /// A table or a date, which no key takes; its name with an article.
    Other(&'static str),
}

impl Raw {
    pub(crate) fn of_item(item: &Item) -> Self {
        match item {
            Item::Value(value) => Self::of_value(value),
            Item::ArrayOfTables(_) => Self::Other("an array of tables"),
            Item::Table(_) | Item::None => Self::Other("a table"),
        }
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.value().clone()),
            Value::Integer(number) => Self::Integer(*number.value()),
            Value::Float(number) => Self::Float(*number.value()),
            Value::Boolean(flag) => Self::Bool(*flag.value()),
            Value::Datetime(_) => Self::Other("a date or time"),
            Value::Array(array) => Self::of_array(array),
            Value::InlineTable(_) => Self::Other("a table"),
        }
    }

    fn of_array(array: &Array) -> Self {
        let texts = array.iter().map(|value| value.as_str().map(str::to_owned));
        texts.collect::<Option<_>>().map_or(Self::Mixed, Self::Texts)
    }

    /// The literal of a declared default. A declaration that is no TOML reads as text, which its
    /// kind refuses.
    pub(crate) fn of_literal(literal: &str) -> Self {
        literal
            .parse()
            .map_or_else(|_| Self::Text(literal.to_owned()), |value| Self::of_value(&value))
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// An integer is a number too: `2` and `2.0` mean the same.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => i32::try_from(*number).ok().map(f64::from),
            Self::Float(number) => Some(*number),
            Self::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Variable(text) => Some(text),
            _ => None,
        }
    }

    /// In a variable commas separate the texts, with or without spaces; an empty one is an empty
    /// list.
    pub(crate) fn as_texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Texts(texts) => Some(texts.iter().map(String::as_str).collect()),
            Self::Variable(text) if text.trim().is_empty() => Some(Vec::new()),
            Self::Variable(text) => Some(text.split(',').map(str::trim).collect()),
            _ => None,
        }
    }

    /// The rest of a sentence that begins with the value, for one of the wrong type.
    pub(crate) fn misfit(&self) -> String {
        let what = match self {
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a string",
            Self::Texts(_) | Self::Mixed => "an array",
            Self::Variable(_) => return "does not fit".to_owned(),
            Self::Other(what) => what,
        };
        format!("is {what}")
    }

    /// The value for an error: in one line, and no longer than a person wants to read.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Variable(text) => format!("\"{}\"", shorten(text)),
            Self::Texts(_) | Self::Mixed | Self::Other(_) => "the value".to_owned(),
            other => other.to_string(),
        }
    }
}

/// As it would stand in a TOML file.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) | Self::Variable(text) => write!(f, "{text:?}"),
            Self::Texts(texts) => write!(f, "{texts:?}"),
            Self::Mixed => f.write_str("an array"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// Foreign text for an error: control characters escaped, cut after [`SHOWN`] characters.
pub(crate) fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
