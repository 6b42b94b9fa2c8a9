//! Tests of the whole core in virtual time: no socket, no thread, no clock.
//! A seeded simulation under an oracle, and tests of single themes one can read.

mod exactly_once;
mod packets;
mod shell;
mod simulation;
mod world;
