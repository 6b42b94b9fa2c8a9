//! Who decides what clients may do: chains of plugins, rules, and the live generation of both.
//!
//! The core asks through [`theseus_core::Policy`]; the host asks about logins. Plugins are asked here,
//! whatever they are made of; the code that runs them is in the back ends.
#![forbid(unsafe_code)]

mod answer;
mod authorize;
mod bans;
mod chain;
mod complaints;
mod decision;
mod event;
mod exchange;
mod fault;
mod generation;
mod hashing;
mod hits;
mod hook;
mod limits;
mod login;
mod placed;
mod plugin;
mod question;
mod request;
mod revalidate;
mod state;
mod tended;

pub use bans::Checked;
pub use chain::{Decided, Progress};
pub use complaints::{
    COMPLAINTS, Complaints, FAILED_BANS, FAILED_LOGINS, FAILED_QUESTIONS, FAILED_REVALIDATIONS,
};
pub use decision::{Admitted, Decision, Revalidation, Step};
pub use event::{Event, Happening};
pub use exchange::{Challenged, Challenger, STEPS_MAX};
pub use fault::Fault;
pub use generation::{
    DenyAction, Door, Draft, HookLink, LimitLink, Link, NoMatch, OnFailure, Policies, Source,
};
pub use hashing::{HashFailure, Hashing};
pub use hits::{Bound, Hits};
pub use hook::{HookMessage, Hooked};
pub use login::{Login, Refusal, shown};
pub use plugin::{
    Budget, ConnectorUse, Description, FileContent, SettingKind, SettingUse, Setup, Slot, Value,
};
pub use question::{Answer, Asking, Call, Question, Version};
pub use request::{Deed, Opinion, Request, Ruling};
pub use state::{KeptApart, PluginState, States};
pub use tended::{
    Comparison, Example, Failing, Figures, Histogram, Percentiles, RecordBounds, Recorded, Shadow,
    Tally, Tended, Tolerance, Within, replay,
};
pub use theseus_ban::Desk as BanDesk;
pub use theseus_connector::Granted;
pub use theseus_kv::{Failure as StateFailure, Usage as StateUsage};
