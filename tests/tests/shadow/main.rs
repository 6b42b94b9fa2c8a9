//! A version that has something to prove: in each slot it answers beside the running one, or is asked what that
//! one decided lately; what it finds, writes and fails of is shown, kept apart and counted. The slot authn is in
//! `life.rs` and `promotion.rs` too.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod beside;
mod figures;
mod replay;
mod twins;
