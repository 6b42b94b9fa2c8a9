//! What the broker must do, worked out from what each shard was given and when: an independent
//! model without shards, windows or networks. Every message a client gets is held against it.

mod asked;
mod authentication;
mod excuse;
mod expected;
mod expiry;
mod link;
mod model;
mod publish;
mod receipt;
mod rules;
mod shared;

pub(crate) use asked::Reply;
pub(crate) use authentication::{Answer, DENIED};
pub(crate) use expected::{CLIENTS, Identity, clearer};
pub(crate) use link::ended;
pub(crate) use model::Oracle;
pub(crate) use rules::Rules;
