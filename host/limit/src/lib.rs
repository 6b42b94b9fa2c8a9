//! Limits as data, and the token buckets that hold clients to them.
//!
//! Not who sets them, nor how a packet is held back. Used by the core, which enforces them, and by
//! the policy, whose plugins give them. Time is an argument.
#![forbid(unsafe_code)]

mod bucket;
mod buckets;
mod spec;
mod topic;
mod whom;

pub use bucket::{Bucket, Flow};
pub use buckets::{Buckets, Named};
pub use spec::{Limit, LimitError, Meter, OverLimit, Scope};
pub use topic::matches;
pub use whom::Whom;
