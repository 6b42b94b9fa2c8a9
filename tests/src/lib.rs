//! The harness: starts a broker binary, and drives it with foreign clients and with bytes of our own.
//! It knows MQTT only as far as its tests need, and deliberately not through `theseus-mqtt`: a codec
//! cannot prove itself. Used by the integration tests in `tests/`.
//!
//! `THESEUS_TEST_BROKER=mosquitto` runs every test that is not about Theseus itself against Debian's
//! mosquitto instead: the answer to "is the test itself right?".

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step of the harness is a failed test"
)]

mod backend;
mod broker;
mod browser;
mod folder;
mod foreign;
mod forger;
mod form;
mod haproxy;
mod mosquitto;
mod page;
mod plugin;
mod process;
mod prometheus;
mod proxy_header;
mod raw;
mod raw_websocket;
mod scan;
mod site;
mod tls;
mod wire;
mod witness;

pub use backend::Backend;
pub use broker::{Broker, Settings, is_mosquitto, mosquitto_lacks};
pub use browser::Browser;
pub use folder::Folder;
pub use foreign::{Foreign, Library, Options};
pub use forger::Forger;
pub use form::{Form, pinned};
pub use haproxy::Haproxy;
pub use mosquitto::{Tool, publisher, subscriber};
pub use page::{Figures, answer_at, page_at};
pub use plugin::{
    built_javascript, built_library, built_plugin, built_rogue, built_rogue_called, frozen_plugin,
    marked,
};
pub use process::{Ended, Process, said};
pub use prometheus::read_as_prometheus;
pub use proxy_header::{proxy_field, proxy_ssl, proxy_v1, proxy_v2, proxy_v2_of};
pub use raw::{Raw, Received};
pub use raw_websocket::{RawWebSocket, UPGRADE, masked};
pub use rustix::process::Signal;
pub use scan::Scan;
pub use site::{Site, theseus_says};
pub use tls::{Hello, Secured};
pub use wire::{
    Connect, Message, Packet, Version, Will, ack, frame, publish, subscribe, subscribe_all,
};
pub use witness::Witness;

use std::time::{Duration, Instant};

/// The longest any awaited event may take: a loaded two-core machine is slow, not wrong.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `met` is true, or fails the test naming `what` after [`PATIENCE`].
pub fn wait_until(what: &str, mut met: impl FnMut() -> bool) {
    let start = Instant::now();
    while !met() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        pause(Duration::from_millis(20));
    }
}

/// The root of the checkout.
#[must_use]
pub fn checkout() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Lets time pass where time itself is the subject (a keep-alive, a quiet span to measure).
#[expect(clippy::disallowed_methods, reason = "a test's own thread serves nobody")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Prints the one line of a test that cannot run here, or fails it where clients are required
/// (`THESEUS_REQUIRE_CLIENTS=1`, as in CI).
pub fn skip(what: &str) {
    let test = std::thread::current().name().unwrap_or("test").to_owned();
    let line = format!("SKIP {test}: {what} is not installed (cargo xtask clients)");
    assert!(std::env::var_os("THESEUS_REQUIRE_CLIENTS").is_none_or(|v| v != "1"), "{line}");
    // Straight to the terminal: what `println!` writes is swallowed when a test passes.
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Runs one test body with each library and version of MQTT it speaks: `body(library, version)`.
#[macro_export]
macro_rules! with_each_client {
    ($(#[$about:meta])* $name:ident, $body:expr) => {
        $(#[$about])*
        mod $name {
            #[allow(unused_imports, reason = "a body may be a path or a closure")]
            use super::*;
            use $crate::{Library, Version};

            #[test]
            fn paho_v31() { $crate::run(Library::Paho, Version::V31, $body); }
            #[test]
            fn paho_v311() { $crate::run(Library::Paho, Version::V311, $body); }
            #[test]
            fn paho_v5() { $crate::run(Library::Paho, Version::V5, $body); }
            #[test]
            fn mqttjs_v31() { $crate::run(Library::MqttJs, Version::V31, $body); }
            #[test]
            fn mqttjs_v311() { $crate::run(Library::MqttJs, Version::V311, $body); }
            #[test]
            fn mqttjs_v5() { $crate::run(Library::MqttJs, Version::V5, $body); }
            #[test]
            fn rumqttc_v311() { $crate::run(Library::Rumqttc, Version::V311, $body); }
            #[test]
            fn rumqttc_v5() { $crate::run(Library::Rumqttc, Version::V5, $body); }
            #[test]
            fn mosquitto_v31() { $crate::run(Library::Mosquitto, Version::V31, $body); }
            #[test]
            fn mosquitto_v311() { $crate::run(Library::Mosquitto, Version::V311, $body); }
            #[test]
            fn mosquitto_v5() { $crate::run(Library::Mosquitto, Version::V5, $body); }
        }
    };
}

/// Runs one test body with one library, or skips it. Called by [`with_each_client!`].
pub fn run(library: Library, version: Version, body: fn(Library, Version)) {
    if library.is_installed() {
        body(library, version);
    } else {
        skip(library.name());
    }
}
