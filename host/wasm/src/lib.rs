//! The component back end: compiles plugins, runs their instances within bounds, speaks `wit/`.
//! What is said, and what may be answered, is the same for plugins that are no components: they get it
//! here in the frozen encoding ([`encoded`], [`Conversation`]).
//! Not which plugin is live, nor what its answers lead to.
//! Used by the reloading of plugins; its versions are asked by the policy.
#![deny(unsafe_code)]

mod ban;
mod bans;
mod bindings;
mod bounds;
mod cache;
mod call;
mod code;
mod connectors;
mod conversation;
mod describe;
pub mod encoded;
mod engine;
mod events;
mod events_0_1;
mod exports;
mod fault;
mod grant;
mod health;
mod hook;
mod imports;
mod inspect;
mod instance;
mod interface;
mod kept;
mod limit;
mod limits;
mod login;
mod mqtt_text;
mod opinion;
mod places;
mod pool;
mod rejection;
mod rules;
mod state;
mod ticker;
mod version;
mod voice;
mod wasi;
mod wire;

pub use bounds::Bounds;
pub use code::Code;
pub use conversation::{Conversation, Unanswered};
pub use engine::{Engine, EngineError};
pub use fault::rejected;
pub use health::Health;
pub use inspect::{Inspected, inspect};
pub use interface::Interface;
pub use places::Places;
pub use rejection::Rejection;
pub use version::Version;
pub use voice::{Voice, shown};
