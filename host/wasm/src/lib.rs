//! The component back end: compiles plugins, runs their instances within bounds, speaks `wit/`.
//! Not which plugin is live, nor what its answers lead to.
//! Used by the reloading of plugins; its versions are asked by the policy.
#![deny(unsafe_code)]

mod bindings;
mod bounds;
mod cache;
mod code;
mod describe;
mod engine;
mod fault;
mod grant;
mod imports;
mod inspect;
mod instance;
mod limits;
mod login;
mod pool;
mod rejection;
mod rules;
mod state;
mod tally;
mod ticker;
mod version;
mod voice;
mod wasi;

pub use bounds::Bounds;
pub use code::Code;
pub use engine::{Engine, EngineError};
pub use inspect::inspect;
pub use rejection::Rejection;
pub use tally::{Faults, Health};
pub use version::Version;
