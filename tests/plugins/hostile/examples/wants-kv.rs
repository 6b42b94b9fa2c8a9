//! A plugin that imports `kv`: nobody may come twice.
#![forbid(unsafe_code)]

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin, RefusalReason, kv};

struct Keeper;

impl Plugin for Keeper {
    fn describe() -> Description {
        Description::new("wants-kv", env!("CARGO_PKG_VERSION"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Keeper {
    fn authenticate(&self, who: &Client, _credentials: &Credentials) -> Decision {
        match kv::add(&who.client_id, 1, None) {
            Ok(1) => Decision::Next,
            _ => Decision::deny(RefusalReason::QuotaExceeded),
        }
    }
}

theseus_plugin::export!(Keeper: authn);
