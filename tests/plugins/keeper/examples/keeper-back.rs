//! A later version of `keeper` that knows only the first schema.
#![forbid(unsafe_code)]

#[path = "../src/deed.rs"]
mod deed;

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin};

struct Keeper;

impl Plugin for Keeper {
    fn describe() -> Description {
        Description::new("keeper", "3.0.0").state_schema(1)
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Keeper {
    fn authenticate(&self, who: &Client, _credentials: &Credentials) -> Decision {
        deed::done(who.username.as_deref().unwrap_or_default(), "logins")
    }
}

theseus_plugin::export!(Keeper: authn);
