//! Who decides what clients may do: implementations of [`theseus_core::Policy`].
//!
//! Today the one built-in that needs no plugin; the chains of plugins come behind the same trait.
//! What a decision means is enforced by the core, not here.
#![forbid(unsafe_code)]

mod anonymous;

pub use anonymous::Anonymous;
