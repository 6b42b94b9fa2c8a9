//! Tests of the whole core in virtual time: no socket, no thread, no clock.
//! A seeded simulation under an oracle, and tests of single themes one can read.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a client that does not find what it must find is a failed test"
)]

mod aliases;
mod authorization;
mod backlog;
mod bench;
mod bounds;
mod chain;
mod exactly_once;
mod explanations;
mod framing;
mod freeze;
mod happened;
mod keep_alive;
mod metering;
mod negotiation;
mod packet_size;
mod packets;
mod passing_on;
mod qos;
mod reauthentication;
mod retained;
mod revalidation;
mod session;
mod shared;
mod shell;
mod simulation;
mod slow_receiver;
mod statements;
mod subscribe;
mod system;
mod takeover;
mod threads;
mod waiting;
mod will;
mod world;
