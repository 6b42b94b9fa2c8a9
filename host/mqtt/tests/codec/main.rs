//! The codec as its users see it: tables of exact bytes and exact errors, and properties over
//! arbitrary packets and arbitrary bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod acks;
mod bytes;
mod connack;
mod connect;
mod encode;
mod frame;
mod hostile;
mod properties;
mod publish;
mod round_trip;
mod small;
mod strategies;
mod subscribe;
mod texts;
mod topic;
