//! How long both versions take, and how much of what is asked is put to the one in shadow.

use std::time::Duration;

use serde_json::Value;
use theseus_tests::{Broker, Connect, Raw, Site, Version, wait_until};

const GATE: &str = "gate.wasm";

/// `gate-odd` runs; another waits beside it until an operator says so.
fn start(beside: &str, sample: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(&format!(
        "authentication = [\"gate\"]\n[authorization]\nno_match = \"allow\"\n\
         [policy.plugins.gate]\npromote = \"manual\"\nshadow_sample = \"{sample}\"\n"
    ));
    site.drop_in("gate-odd", GATE);
    let broker = site.start();
    let mark = broker.mark();
    site.drop_in(beside, GATE);
    broker.wait_for_line(mark, &["gate 1.", "waits: "]);
    (site, broker)
}

fn enters(broker: &Broker, password: &str) -> bool {
    let login = Connect::new(Version::V5, "client").login("anna", password);
    Raw::try_connect(broker, &login).map(Raw::disconnect).is_ok()
}

fn shadow(broker: &Broker) -> Value {
    broker.ctl("plugins")["shadows"][0].clone()
}

/// What it takes, in `gate-slow`.
const DELAY: Duration = Duration::from_millis(800);

#[test]
fn how_long_both_versions_take_is_shown_beside_each_other() {
    const LOGINS: u64 = 5;
    let (site, broker) = start("gate-slow", "100%");
    assert!((0..LOGINS).all(|_| enters(&broker, "odd")));
    wait_until("all are compared", || shadow(&broker)["shadow"]["compared"] == LOGINS);
    let text = site.theseus(&["ctl", "plugins", "shadow", "gate"], "").stdout;
    let head = ["VERSION", "SLOT", "CALLS", "P50", "P99", "P99.9"];
    assert!(text.lines().any(|line| line.split_whitespace().eq(head)), "{text}");
    let [live, slow] = ["1.1.0", "1.3.0"].map(|version| times(&text, version, LOGINS));
    for [p50, p99, p999] in [live, slow] {
        assert!(!p50.is_zero() && p50 <= p99 && p99 <= p999, "{text}");
    }
    assert!(live[0] < DELAY && slow[0] >= DELAY, "{text}");
}

/// The columns of a version that was asked so often.
fn times(text: &str, version: &str, calls: u64) -> [Duration; 3] {
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.into_iter().find(|row| row.first() == Some(&version)).unwrap_or_default();
    assert_eq!(row.get(2..4), Some(&["authn", &calls.to_string()][..]), "{version}:\n{text}");
    let times: Vec<_> = row[4..].chunks(2).map(|pair| time(pair[0], pair[1])).collect();
    times.try_into().unwrap()
}

fn time(number: &str, unit: &str) -> Duration {
    let number = number.parse().unwrap();
    if unit == "us" { Duration::from_micros(number) } else { Duration::from_millis(number) }
}

/// However it is drawn: of 400, each with a chance of a quarter, it is fewer than 50 or more than 150 less than
/// once in ten million times.
#[test]
fn as_much_is_put_to_the_one_in_shadow_as_the_sample_says() {
    let (site, broker) = start("gate-even", "25%");
    assert!((0..400).all(|_| enters(&broker, "odd")));
    site.edit("etc/theseus.toml", "25%", "100%");
    wait_until("all are sampled", || shadow(&broker)["sample"] == 100);
    // Behind all the others.
    assert!((0..3).all(|_| !enters(&broker, "even")));
    let kind = |name: &str| shadow(&broker)["shadow"]["differences"][name].as_u64().unwrap_or(0);
    wait_until("the last ones are compared", || kind("deny->allow") == 3);
    let sampled = kind("allow->deny") + shadow(&broker)["left_out"].as_u64().unwrap();
    assert!((50..=150).contains(&sampled), "{sampled} of 400");
}
