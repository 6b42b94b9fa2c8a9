//! Keys and values that outlive instances and versions. They belong to the plugin's name. A key is
//! at most 512 bytes, a value at most 64 KiB.

pub use crate::bindings::interface::kv::Failure;

use crate::broker;

/// The value of a key.
#[must_use]
pub fn get(key: &str) -> Option<Vec<u8>> {
    broker::kv::get(key)
}

/// Sets a value that is forgotten after `ttl_seconds`, or never.
///
/// # Errors
/// Key or value is too large, or the plugin's share of memory is used up.
pub fn set(key: &str, value: &[u8], ttl_seconds: Option<u32>) -> Result<(), Failure> {
    broker::kv::set(key, value, ttl_seconds)
}

/// Forgets a key.
pub fn delete(key: &str) {
    broker::kv::delete(key);
}

/// Adds to a number in one step that no other instance comes between, and returns the sum. A missing
/// key counts as 0; `ttl_seconds` holds from the first addition on.
///
/// # Errors
/// As [`set`].
pub fn add(key: &str, by: i64, ttl_seconds: Option<u32>) -> Result<i64, Failure> {
    broker::kv::add(key, by, ttl_seconds)
}
