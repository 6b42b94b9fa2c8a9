//! How the broker and a plugin that is a native library speak: two tables of C functions, and one
//! frozen encoding of the types and functions of `wit/` as bytes of bounded length.
//! `docs/native-abi.md` is the same for those who write in other languages.
//!
//! The encoding of each type stands here once, in [`wire`](mod@wire)'s macros, and is laid over the types that each side
//! has anyway: those that the SDK's bindings make of `wit/`, and those of the broker's. Nothing here calls a
//! plugin, and nothing here knows what an answer means.
#![deny(unsafe_code)]

mod decode;
mod encode;
pub mod function;
pub mod invent;
mod malformed;
mod table;
pub mod wire;

pub use decode::{Decode, Reader, Source, decode};
pub use encode::{Encode, encode};
pub use malformed::Malformed;
pub use table::{Bytes, Call, Entry, Free, HostTable, Table, slot, status};

/// The version of tables and encoding, in one number. A table may grow at its end and functions may be
/// added under the same number; anything else is another number.
pub const ABI: u32 = 1;

/// The one symbol that a library exports: an [`Entry`].
pub const ENTRY: &str = "theseus_plugin";
