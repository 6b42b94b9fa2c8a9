//! A plugin of the slot ban that writes down every batch it is told, and waits for a backend when it is told
//! that a client called `hold` comes.
#![forbid(unsafe_code)]

use theseus_plugin::ban::{Ban, Event, Happening};
use theseus_plugin::{Description, Plugin, http, log};

struct Scribe;

theseus_plugin::export!(Scribe: ban);

impl Plugin for Scribe {
    fn describe() -> Description {
        Description::new("scribe", env!("CARGO_PKG_VERSION"))
            .summary("writes down what it is told; for tests")
            .connector("http", "desk")
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Ban for Scribe {
    fn on_events(&self, batch: &[Event]) {
        let names: Vec<&str> = batch.iter().map(name).collect();
        log::info!("told of [{}]", names.join(" "));
        if batch.iter().any(is_hold) {
            wait();
        }
    }
}

/// Whose it is: the limit's that was exceeded, or else the client's.
fn name(event: &Event) -> &str {
    match &event.happening {
        Happening::LimitExceeded(limit) => &limit.name,
        _ => &event.who.client_id,
    }
}

fn is_hold(event: &Event) -> bool {
    matches!(event.happening, Happening::ConnectSeen) && event.who.client_id == "hold"
}

fn wait() {
    let path = "/".to_owned();
    let request = http::Request { method: "GET".to_owned(), path, headers: vec![], body: vec![] };
    let _ = http::send("desk", &request);
}
