//! Clients of different make agree: what one library publishes in one version of MQTT, every other
//! receives in every other version, with all that belongs to it. Who takes part, and who cannot do
//! what and why, is in `table`.

#![expect(clippy::unwrap_used, reason = "a test")]

mod codes;
mod limits;
mod messages;
mod options;
mod properties;
mod retained;
mod sessions;
mod shared;
mod table;
mod tools;
mod wills;
