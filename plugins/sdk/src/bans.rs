//! The broker's ban table, looked at when a socket is accepted and at every CONNECT.

pub use crate::bindings::interface::bans::{Ban, Failure, Target};

use crate::broker;

/// Adds a ban, or gives the one on the same target a new end and reason.
///
/// # Errors
/// The target is no address, or a prefix that is too wide; or the table is full.
pub fn add(ban: &Ban) -> Result<(), Failure> {
    broker::bans::add(ban)
}

/// Removes the ban on this target.
pub fn remove(target: &Target) {
    broker::bans::remove(target);
}
