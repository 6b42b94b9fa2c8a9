//! Which files of plugins may run at all: those with a pinned hash or a good signature, if the
//! configuration asks for it, and none that is in quarantine.
//!
//! Not the finding of files, and not what a plugin does once it runs. No network, and the time is an
//! argument; what has to outlive the process is kept in files of `data_dir`. Used by the reloading of
//! plugins, and by `theseus plugin`.
#![forbid(unsafe_code)]

mod distrust;
mod hash;
mod keep;
mod marker;
mod public_key;
mod quarantine;
mod ran;
mod rows;
mod secret_key;
mod signature;
mod statement;
mod trust;

pub use distrust::Distrust;
pub use hash::Hash;
pub use keep::KeepError;
pub use marker::Marker;
pub use public_key::PublicKey;
pub use quarantine::{Entry, Quarantine};
pub use ran::Ran;
pub use secret_key::{KeyPair, SecretKey, new_key};
pub use signature::{ENDING, SIZE_MAX, Signed, verify};
pub use statement::Statement;
pub use trust::{Evidence, Mode, Seal, Trust};
