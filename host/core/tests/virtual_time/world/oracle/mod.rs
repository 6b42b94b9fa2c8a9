//! What the broker must do, worked out from what each shard was given and when: an independent
//! model without shards, windows or networks. Every message a client gets is held against it.

mod expected;
mod model;
mod receipt;

pub(crate) use expected::{CLIENTS, Identity, clearer};
pub(crate) use model::Oracle;
