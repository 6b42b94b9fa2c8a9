//! A version that lets in whom the running one keeps out, where none such is wanted
//! (`max_deny_to_allow = 0`): it stays in shadow, everybody who asks is told why, and no hand promotes it.
//! One that agrees goes live by itself, after as many requests as were asked for.

use serde_json::Value;
use std::time::Duration;
use theseus_tests::{Broker, Connect, Raw, Site, Version, marked, pause, wait_until};

const REQUESTS: u64 = 20;

const GATE: &str = "plugins/gate.wasm";

/// `gate-even` refuses whom `gate-odd` lets in, and the other way round.
fn start() -> (Site, Broker) {
    let site = Site::new();
    site.config(&format!(
        "authentication = [\"gate\"]\n[authorization]\nno_match = \"allow\"\n\
         [policy.plugins.gate]\npromote = \"after-shadow\"\nshadow_sample = \"100%\"\n\
         shadow_requests = {REQUESTS}\nmax_deny_to_allow = 0\n"
    ));
    site.drop_in("gate-odd", "gate.wasm");
    let broker = site.start();
    (site, broker)
}

fn enters(broker: &Broker, id: &str, user: &str, password: &str) -> bool {
    let login = Connect::new(Version::V5, id).login(user, password);
    Raw::try_connect(broker, &login).map(Raw::disconnect).is_ok()
}

fn shadow(broker: &Broker) -> Value {
    broker.ctl("plugins")["shadows"][0].clone()
}

fn wait_for_compared(broker: &Broker, requests: u64) {
    wait_until("all are compared", || shadow(broker)["shadow"]["compared"] == requests);
}

/// Longer than a look at all that is watched.
const LOOKED: Duration = Duration::from_millis(1200);

#[test]
fn one_that_lets_in_whom_the_running_one_keeps_out_is_not_promoted() {
    let (site, broker) = start();
    let mark = broker.mark();
    site.drop_in("gate-even", "gate.wasm");
    broker.wait_for_line(mark, &["gate 1.2.0", "is in shadow"]);
    // It keeps out whom the running one lets in, which is no harm, as often as it takes to go live.
    assert!((1..REQUESTS).all(|n| enters(&broker, &format!("c{n}"), "anna", "odd")));
    assert!(!enters(&broker, "burglar", "mallory", "even-secret"), "it decides nothing");
    let why = "lets in 1 whom the running one keeps out (max_deny_to_allow 0)";
    broker.wait_for_line(mark, &["gate 1.2.0", why, "it is not promoted by itself"]);
    assert!(enters(&broker, "late", "anna", "odd"));
    wait_for_compared(&broker, REQUESTS + 1);
    pause(LOOKED);
    assert_eq!((broker.generation(), &*broker.plugin_state("gate.wasm")), (1, "shadow"));

    let text = site.theseus(&["ctl", "plugins", "shadow", "gate"], "").stdout;
    for part in [
        "gate 1.2.0 (",
        &format!("it is not promoted by itself: it {why}"),
        "21 answered, 0 alike, allow->deny 20, deny->allow 1",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let example = ["deny->allow", "authenticate", "burglar", "mallory", "tcp:default"];
    assert!(text.lines().any(|line| line.split_whitespace().eq(example)), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let by_hand = site.theseus(&["ctl", "plugins", "promote", "gate"], "");
    assert_eq!(by_hand.status.code(), Some(1), "{}", by_hand.stdout);
    assert!(by_hand.stderr.contains(why) && by_hand.stderr.contains("it is not promoted"));
    // What is said of it goes with what is counted.
    assert!(!enters(&broker, "burglar", "mallory", "even"));
    wait_until("the second is told of", || {
        let standing = shadow(&broker)["standing"].to_string();
        standing.contains("lets in 2 whom")
    });
    assert_eq!(broker.generation(), 1);
    assert!(enters(&broker, "still", "anna", "odd"));
}

#[test]
fn one_that_agrees_goes_live_after_as_many_requests_as_were_asked_for() {
    let (site, broker) = start();
    let mark = broker.mark();
    site.write(GATE, marked("gate-odd", "another"));
    broker.wait_for_line(mark, &["gate 1.1.0", "is in shadow"]);
    for n in 1..REQUESTS {
        // Every fifth is refused, by both.
        let password = if n % 5 == 0 { "even" } else { "odd" };
        assert_eq!(enters(&broker, &format!("c{n}"), "anna", password), password == "odd");
    }
    wait_for_compared(&broker, REQUESTS - 1);
    pause(LOOKED);
    let found = shadow(&broker)["shadow"].clone();
    assert_eq!((&found["agreed"], broker.generation()), (&(REQUESTS - 1).into(), 1), "{found}");
    assert!(enters(&broker, "last", "anna", "odd"));
    broker.wait_for_line(mark, &["swapped gate 1.1.0", "-> 1.1.0", "generation 2"]);
    assert_eq!(broker.plugin_state("gate.wasm"), "live");
    assert!(enters(&broker, "after", "anna", "odd"));
}
