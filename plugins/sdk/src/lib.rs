//! Write a plugin of Theseus: implement [`Plugin`] and the trait of each slot it fills, and name the
//! type in [`export!`]. Built for `wasm32-wasip2` it is a component to drop into the broker's
//! `plugins/`; built for the machine itself its tests run against [`testing`].
//!
//! ```
//! use theseus_plugin::authn::{Authn, Credentials, Decision};
//! use theseus_plugin::{Client, Description, Grant, Plugin, RefusalReason, Setting};
//! use theseus_plugin::{config, log};
//!
//! /// Lets in who knows the word.
//! struct Gate {
//!     word: String,
//! }
//!
//! impl Plugin for Gate {
//!     fn describe() -> Description {
//!         Description::new("gate", env!("CARGO_PKG_VERSION"))
//!             .summary("lets in who knows the word")
//!             .setting(Setting::text("word").required("the word that opens the gate"))
//!     }
//!
//!     fn init() -> Result<Self, String> {
//!         let word = config::text("word").unwrap_or_default();
//!         if word.len() < 8 {
//!             return Err("word: has fewer than 8 bytes".to_owned());
//!         }
//!         log::info!("the gate is guarded");
//!         Ok(Self { word })
//!     }
//! }
//!
//! impl Authn for Gate {
//!     fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision {
//!         match &credentials.password {
//!             None => Decision::Next,
//!             // Many know the word, so it says nothing of who this is: the client gets no user name,
//!             // whatever its CONNECT says. `Grant::to(NAME)` would vouch for one.
//!             Some(word) if *word == self.word.as_bytes() => {
//!                 Decision::allow(Grant::new().attribute("gate", &who.listener))
//!             }
//!             Some(_) => Decision::deny(RefusalReason::BadCredentials),
//!         }
//!     }
//! }
//!
//! theseus_plugin::export!(Gate: authn);
//!
//! // Its test, on your machine:
//! let broker = theseus_plugin::testing::Broker::new().setting("word", "open sesame");
//! broker.run(|| {
//!     let gate = Gate::init().unwrap();
//!     let who = theseus_plugin::testing::client("c1");
//!     let decision = gate.authenticate(&who, &Credentials::password("open sesame"));
//!     assert_eq!(decision, Decision::allow(Grant::new().attribute("gate", "tcp:default")));
//! });
//! ```
//!
//! Built for the machine itself as a `cdylib` it is a native library of the same source, which a broker
//! loads that trusts it (`docs/plugins.md`).
//!
//! What holds for every plugin: an instance may vanish at any call, several run side by side, and
//! whatever goes wrong in authentication refuses the client. `docs/plugins.md` tells the rest.
#![deny(unsafe_code)]

pub mod authn;
pub mod authz;
pub mod ban;
pub mod bans;
#[doc(hidden)]
pub mod bindings;
pub mod buckets;
pub mod client;
pub mod clock;
pub mod config;
mod connector;
mod describe;
#[doc(hidden)]
pub mod export;
pub mod files;
mod grant;
pub mod hook;
pub mod kv;
pub mod limit;
pub mod log;
pub mod metrics;
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
pub mod native;
pub mod passwords;
mod plugin;
mod rule;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use connector::{http, redis, sql};
pub use describe::{Connector, Description, Kind, NewSetting, Setting};
pub use plugin::Plugin;

pub use bindings::interface::types::{
    Actions, Attribute, Client, Condition, Effect, Grant, Limit, Meter, OverLimit, Protocol, Qos,
    QosSet, Refusal, RefusalReason, Retained, Rule, Scope, TextMatch, Topics, UserProperty,
};

/// The functions that the broker gives a plugin; natively by its table, or in a test by `testing`.
#[cfg(target_arch = "wasm32")]
use bindings::interface as broker;
#[cfg(not(target_arch = "wasm32"))]
use native::broker;
