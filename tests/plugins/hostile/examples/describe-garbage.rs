//! A plugin whose name is none.
#![forbid(unsafe_code)]

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin};

struct Nameless;

impl Plugin for Nameless {
    fn describe() -> Description {
        Description::new("../Not a name", "one point two")
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Nameless {
    fn authenticate(&self, _who: &Client, _credentials: &Credentials) -> Decision {
        Decision::Next
    }
}

theseus_plugin::export!(Nameless: authn);
