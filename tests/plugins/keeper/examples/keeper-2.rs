//! The second version of `keeper`: schema 2 counts under another key.
#![forbid(unsafe_code)]

#[path = "../src/deed.rs"]
mod deed;

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin, kv};

struct Keeper;

impl Plugin for Keeper {
    fn describe() -> Description {
        Description::new("keeper", "2.0.0").state_schema(2)
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }

    fn migrate(&self, from_schema: u32) -> Result<(), String> {
        if from_schema != 1 {
            return Err(format!("schema {from_schema} is unknown"));
        }
        let count = deed::number("logins").to_le_bytes();
        kv::set("entries", &count, None).map_err(|failure| format!("{failure:?}"))?;
        kv::delete("logins");
        Ok(())
    }
}

impl Authn for Keeper {
    fn authenticate(&self, who: &Client, _credentials: &Credentials) -> Decision {
        deed::done(who.username.as_deref().unwrap_or_default(), "entries")
    }
}

theseus_plugin::export!(Keeper: authn);
