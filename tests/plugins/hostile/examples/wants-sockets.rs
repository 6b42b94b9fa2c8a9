//! A plugin that opens a socket by itself.
#![forbid(unsafe_code)]

use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{Client, Description, Plugin, RefusalReason};

struct Dialler;

impl Plugin for Dialler {
    fn describe() -> Description {
        Description::new("wants-sockets", env!("CARGO_PKG_VERSION"))
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for Dialler {
    fn authenticate(&self, who: &Client, _credentials: &Credentials) -> Decision {
        match std::net::TcpStream::connect((who.address.as_str(), who.port)) {
            Ok(_) => Decision::Next,
            Err(_) => Decision::deny(RefusalReason::Unavailable),
        }
    }
}

theseus_plugin::export!(Dialler: authn);
