//! The ban table: client ids, user names, addresses and networks that are shut out for a while.
//!
//! It is read on every accept and every CONNECT, and written by plugins and operators. It belongs to
//! the broker, so no change of a plugin touches it. Time is an argument: milliseconds since 1970.
#![forbid(unsafe_code)]

mod ban;
mod counters;
mod desk;
mod ledger;
mod networks;
mod shelf;
mod table;
mod target;

pub use ban::{Author, Ban, REASON_MAX};
pub use counters::Counters;
pub use desk::Desk;
pub use table::{Bounds, Refused, Table};
pub use target::{TARGET_MAX, Target};
