//! A version of `keeper` that fails in the middle of its migration.
#![forbid(unsafe_code)]

#[path = "../src/deed.rs"]
mod deed;

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin, kv};

struct Keeper;

impl Plugin for Keeper {
    fn describe() -> Description {
        Description::new("keeper", "1.5.0").state_schema(2)
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }

    fn migrate(&self, _from_schema: u32) -> Result<(), String> {
        kv::delete("logins");
        Err("nobody knows how".to_owned())
    }
}

impl Authn for Keeper {
    fn authenticate(&self, who: &Client, _credentials: &Credentials) -> Decision {
        deed::done(who.username.as_deref().unwrap_or_default(), "entries")
    }
}

theseus_plugin::export!(Keeper: authn);
