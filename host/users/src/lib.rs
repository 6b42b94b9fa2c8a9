//! Files of keyed lines, users files among them, and the hashes of passwords that stand there.
//! Not when they are read again, nor who may ask.
//! Used by the policy, by the reloading of files and by `theseus passwd`.
//!
//! Everything here blocks: files are read and written in place, and [`verify`], [`decoy`] and
//! [`hash`] keep a core busy for some tens of milliseconds.
#![forbid(unsafe_code)]

mod create;
mod edit;
mod folder;
mod generate;
mod hash;
mod keyed;
mod line_errors;
mod lines;
mod rewrite;
mod users;
mod verify;

pub use create::create_first;
pub use edit::{Change, EditError, Entry, remove_user, set_user};
pub use generate::generate_password;
pub use hash::UnknownHash;
pub use keyed::{FILE_SIZE_MAX, Form, KeyedFile};
pub use line_errors::LineErrors;
pub use verify::{decoy, hash, verify};
