//! Who decides what clients may do: chains of plugins, rules, and the live generation of both.
//!
//! The core asks through [`theseus_core::Policy`]; the host asks about logins. Plugins are asked here,
//! whatever they are made of; the code that runs them is in the back ends.
#![forbid(unsafe_code)]

mod authorize;
mod chain;
mod complaints;
mod exchange;
mod generation;
mod hashing;
mod login;
mod plugin;

pub use chain::{Decided, Progress};
pub use complaints::{Complaints, FAILED_LOGINS};
pub use exchange::{Challenged, Challenger, STEPS_MAX};
pub use generation::{DenyAction, Door, Draft, Link, NoMatch, Policies, Source};
pub use hashing::{HashFailure, Hashing};
pub use login::{Login, Refusal};
pub use plugin::{
    Admitted, Answer, Answering, Authenticator, ConnectorUse, Description, Fault, FileContent,
    SettingKind, SettingUse, Setup, Slot, Step, Value,
};
