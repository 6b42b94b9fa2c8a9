//! rumqttc under the line protocols of ../README.md: MQTT 3.1.1 in `v311`, MQTT 5 in `v5`; many at
//! once in `fleet`.
//! It is not a general client: it does what the tests ask for and dies at the first surprise.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a surprise ends the program and fails the test"
)]

mod fleet;
mod properties;
mod sequence;
mod session;
mod v311;
mod v5;

use serde_json::Value;
use std::time::Duration;

/// What the command line asks for.
#[derive(Clone, Default)]
struct Options {
    port: u16,
    version: String,
    id: String,
    user: Option<String>,
    password: String,
    /// How many clients; 0 is one of them, under the line protocol.
    fleet: usize,
    /// Whose messages a fleet reads.
    partner: String,
    persistent: bool,
    keep_alive: Duration,
    /// Of the CONNECT, in MQTT 5.
    properties: Value,
    will: Option<String>,
    will_payload: String,
    will_qos: u8,
    will_retain: bool,
    will_properties: Value,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = parse();
    if options.fleet > 0 {
        return fleet::run(&options).await;
    }
    match options.version.as_str() {
        "3.1.1" => session::run(v311::connect(&options)).await,
        "5" => session::run(v5::connect(&options)).await,
        other => panic!("rumqttc does not speak MQTT {other}"),
    }
}

fn parse() -> Options {
    let mut options = Options { keep_alive: Duration::from_secs(60), ..Options::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--persistent" => options.persistent = true,
            "--will-retain" => options.will_retain = true,
            _ => set(&mut options, &name, arguments.next().unwrap()),
        }
    }
    options
}

fn set(options: &mut Options, name: &str, value: String) {
    match name {
        "--port" => options.port = value.parse().unwrap(),
        "--version" => options.version = value,
        "--id" => options.id = value,
        "--user" => options.user = Some(value),
        "--password" => options.password = value,
        "--fleet" => options.fleet = value.parse().unwrap(),
        "--partner" => options.partner = value,
        "--keep-alive" => options.keep_alive = Duration::from_secs(value.parse().unwrap()),
        "--properties" => options.properties = serde_json::from_str(&value).unwrap(),
        "--will-properties" => options.will_properties = serde_json::from_str(&value).unwrap(),
        "--will" => options.will = Some(value),
        "--will-payload" => options.will_payload = value,
        "--will-qos" => options.will_qos = value.parse().unwrap(),
        other => panic!("unknown argument {other}"),
    }
}
