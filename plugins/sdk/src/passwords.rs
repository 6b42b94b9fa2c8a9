//! Passwords are checked by the broker, on threads of its own, as many at once as it has cores.
//! A call takes some tens of milliseconds, which do not count as the plugin's processor time.

pub use crate::bindings::interface::passwords::Failure;

use crate::broker;

/// True if `password` is the one that `hash` was made of. Known are `$argon2id$…`, bcrypt, and
/// mosquitto's `$7$…` and `$6$…`.
///
/// # Errors
/// [`Failure::Busy`]: too many wait; the broker answers this CONNECT with 0x89 Server busy, whatever
/// the plugin decides. [`Failure::UnknownHash`]: of no known kind, or asking for too much work.
pub fn verify(hash: &str, password: &[u8]) -> Result<bool, Failure> {
    broker::passwords::verify(hash, password)
}

/// Takes as long as [`verify`] and is always false. For a user that does not exist, so that the time
/// of an answer does not tell who does.
///
/// # Errors
/// [`Failure::Busy`], as [`verify`].
pub fn decoy(password: &[u8]) -> Result<bool, Failure> {
    broker::passwords::decoy(password)
}
