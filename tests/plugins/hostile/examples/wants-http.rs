//! A plugin that imports `http`.
#![forbid(unsafe_code)]

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin, RefusalReason, http};

struct Caller;

impl Plugin for Caller {
    fn describe() -> Description {
        Description::new("wants-http", env!("CARGO_PKG_VERSION"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Caller {
    fn authenticate(&self, who: &Client, _credentials: &Credentials) -> Decision {
        let request = http::Request {
            method: "GET".to_owned(),
            path: format!("/{}", who.client_id),
            headers: Vec::new(),
            body: Vec::new(),
        };
        match http::send("door", &request) {
            Ok(_) => Decision::Next,
            Err(_) => Decision::deny(RefusalReason::Unavailable),
        }
    }
}

theseus_plugin::export!(Caller: authn);
