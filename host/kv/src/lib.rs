//! What plugins keep: keys and values that belong to a plugin's *name* and outlive its versions and
//! instances. In memory only, bounded in bytes, with a time to live; time is an argument.
//!
//! Not who may reach it (`theseus-policy` hands it to the back ends), nor when a schema grows
//! (`theseus-reload`).
#![forbid(unsafe_code)]

mod account;
mod kv;
mod namespace;
mod overlay;
mod stripe;
mod value;

pub use account::Usage;
pub use kv::Kv;
pub use namespace::Namespace;

/// Bytes of a key.
pub const KEY_MAX: usize = 512;
/// Bytes of a value.
pub const VALUE_MAX: usize = 64 << 10;

/// Why something was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A key of more than [`KEY_MAX`] bytes, or a value of more than [`VALUE_MAX`].
    TooLarge,
    /// The plugin's share of memory is used up.
    Full,
}
