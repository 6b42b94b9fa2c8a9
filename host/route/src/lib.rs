//! Who gets a message: subscriptions, topic matching and the retained messages.
//!
//! Sans-IO: no socket, no file, no clock, no runtime. Topics and filters come in already validated
//! by `theseus-mqtt`; sessions are opaque addresses. Used by `theseus-core`: one [`Router`] and one
//! [`Retained`] for all shards, one [`Cache`] per shard.
//!
//! ```
//! use theseus_route::{Cache, Router, Subscriber, Subscription};
//!
//! let router = Router::new();
//! let subscriber = Subscriber { session: 7, shard: 0 };
//! let subscription =
//!     Subscription { qos: 1, no_local: false, retain_as_published: false, identifier: 0 };
//! assert!(router.subscribe("site/+/state", subscriber, subscription));
//!
//! let mut cache = Cache::new(1024);
//! let matches = cache.matches(&router, "site/4/state");
//! assert_eq!(matches.of_shard(0)[0].session, 7);
//! ```
#![forbid(unsafe_code)]

mod bound;
mod cache;
mod collector;
mod exact;
mod group;
mod hashing;
mod level;
mod matches;
mod path;
mod retained;
mod retained_tree;
mod router;
mod stripe;
mod subscribers;
mod subscription;
mod tree;
mod trie;

pub use cache::Cache;
pub use group::{Group, Member};
pub use matches::{Audience, Delivery, Matches};
pub use retained::{Retained, StoreOutcome};
pub use router::Router;
pub use subscription::{Subscriber, Subscription};
