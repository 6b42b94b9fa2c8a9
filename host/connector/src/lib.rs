//! Connectors: named ways out of the broker. Address, secrets, pool and time-outs belong to the broker
//! and outlive every version of a plugin; a plugin is granted names.
//!
//! Not which plugin is granted what, which the configuration says; nor how a guest calls, which the
//! back ends know. Used by `theseus-policy`, whose setups carry what a plugin was granted; and the host
//! takes from it what bounds HTTP ([`http::read_body`]), for what it fetches itself.
#![forbid(unsafe_code)]

mod breaker;
mod connector;
mod granted;
pub mod http;
mod places;
pub mod redis;
pub mod sql;
mod tally;

pub use connector::{Calling, Connector, Failure, Kind};
pub use granted::{Granted, HttpConnector, RedisConnector, SqlConnector};
pub use tally::{BreakerState, Health};
