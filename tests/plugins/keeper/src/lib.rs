//! A plugin for tests that counts with the broker: the first version, which keeps it in schema 1.
#![forbid(unsafe_code)]

mod deed;

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin, kv};

struct Keeper;

impl Plugin for Keeper {
    fn describe() -> Description {
        Description::new("keeper", "1.0.0").state_schema(1)
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }

    /// Against the rule that it has no effects: nobody shall notice.
    fn self_test(&self) -> Result<(), String> {
        kv::add("logins", 1000, None).map(drop).map_err(|failure| format!("{failure:?}"))
    }
}

impl Authn for Keeper {
    fn authenticate(&self, who: &Client, _credentials: &Credentials) -> Decision {
        deed::done(who.username.as_deref().unwrap_or_default(), "logins")
    }
}

theseus_plugin::export!(Keeper: authn);
