//! The plugin's own settings: `[plugins.NAME]` of the configuration. The broker has checked that
//! required ones are there and that all are of the declared kind. An edit starts a new version.

pub use crate::bindings::interface::config::Value;

use crate::broker;

/// The value of a declared setting; `None` if it is not set.
#[must_use]
pub fn get(key: &str) -> Option<Value> {
    broker::config::get(key)
}

/// A setting of kind `boolean`.
#[must_use]
pub fn boolean(key: &str) -> Option<bool> {
    match get(key)? {
        Value::Boolean(value) => Some(value),
        _ => None,
    }
}

/// A setting of kind `integer`.
#[must_use]
pub fn integer(key: &str) -> Option<i64> {
    match get(key)? {
        Value::Integer(value) => Some(value),
        _ => None,
    }
}

/// A setting of kind `number`.
#[must_use]
pub fn number(key: &str) -> Option<f64> {
    match get(key)? {
        Value::Number(value) => Some(value),
        #[expect(clippy::cast_precision_loss, reason = "a whole number that was written as one")]
        Value::Integer(value) => Some(value as f64),
        _ => None,
    }
}

/// A setting of kind `text`.
#[must_use]
pub fn text(key: &str) -> Option<String> {
    match get(key)? {
        Value::Text(value) => Some(value),
        _ => None,
    }
}

/// A setting of kind `texts`.
#[must_use]
pub fn texts(key: &str) -> Option<Vec<String>> {
    match get(key)? {
        Value::Texts(value) => Some(value),
        _ => None,
    }
}
