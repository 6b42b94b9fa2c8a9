//! A plugin that never says who it is.
#![forbid(unsafe_code)]

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin};

struct Silent;

impl Plugin for Silent {
    fn describe() -> Description {
        loop {
            std::hint::spin_loop();
        }
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Silent {
    fn authenticate(&self, _who: &Client, _credentials: &Credentials) -> Decision {
        Decision::Next
    }
}

theseus_plugin::export!(Silent: authn);
