//! The life of a version: on probation, taken back by itself, kept out over a restart, let in again; with
//! real clients that notice nothing of it.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Raw, Site, Version, Witness, pause, wait_until};

const CONFIG: &str = "authentication = [\"gate\"]\nallow_anonymous = false\n\
     [authorization]\nno_match = \"allow\"\n";
const GATE: &str = "gate.wasm";
/// One second is promised.
const ROLLED_BACK_WITHIN: Duration = Duration::from_secs(3);

fn start(config: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(config);
    site.drop_in("gate-odd", GATE);
    let broker = site.start();
    (site, broker)
}

fn login(id: &str, password: &str) -> Connect {
    Connect::new(Version::V5, id).login("sailor", password)
}

fn running(broker: &Broker) -> Value {
    broker.ctl("plugins")["running"][0].clone()
}

fn expect_version(broker: &Broker, version: &str) {
    wait_until(version, || running(broker)["version"] == version);
}

/// Clients that come and go as fast as they are let, until they are told to stop.
struct Storm {
    stopping: Arc<AtomicBool>,
    clients: Vec<JoinHandle<[u64; 2]>>,
}

impl Storm {
    fn start(broker: &Broker, clients: usize, password: &'static str) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let address = broker.address();
        let one = |number: usize| {
            let stopping = stopping.clone();
            std::thread::spawn(move || {
                let mut counts = [0, 0];
                while !stopping.load(Ordering::Relaxed) {
                    let login = login(&format!("storm-{number}"), password);
                    let entered = Raw::try_connect_at(address, &login);
                    counts[usize::from(entered.is_err())] += 1;
                    if let Ok(entered) = entered {
                        entered.disconnect();
                    }
                }
                counts
            })
        };
        let clients = (0..clients).map(one).collect();
        Self { stopping, clients }
    }

    /// How many logins were let in, and how many were not.
    fn stop(self) -> [u64; 2] {
        self.stopping.store(true, Ordering::Relaxed);
        let counts = self.clients.into_iter().map(|client| client.join().unwrap());
        counts.fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    }
}

#[test]
fn a_version_that_begins_to_trap_is_taken_back_while_its_clients_notice_nothing() {
    let (site, broker) = start(&format!("{CONFIG}[policy]\nreplay_decisions = 0\n"));
    let witness = Witness::start(&broker, "odd", "odd");
    let mut residents: Vec<Raw> =
        (0..50).map(|n| Raw::connect(&broker, &login(&format!("resident-{n}"), "odd"))).collect();
    let storm = Storm::start(&broker, 4, "odd");
    let mark = broker.mark();
    site.drop_in("gate-failing", GATE);
    broker.wait_for_line(mark, &["swapped gate 1.1.0", "-> 1.4.0"]);
    let live = Instant::now();
    broker.wait_for_line(mark, &["ERROR", "gate 1.4.0", "taken back: gate 1.1.0", "generation 3"]);
    let took = live.elapsed();
    println!("live for {took:?} until it was taken back, under load");
    assert!(took < ROLLED_BACK_WITHIN, "{took:?}");
    let [_, refused] = storm.stop();
    println!("{refused} logins were refused meanwhile");
    assert_eq!(running(&broker)["version"], "1.1.0");
    assert!(residents.iter_mut().all(Raw::is_alive), "a connection was closed");
    witness.stop();
    let file = broker.plugin_file(GATE);
    assert_eq!((&file["state"], &file["version"]), (&"quarantined".into(), &"1.4.0".into()));
    // Under another name it stays out too.
    site.drop_in("gate-failing", "other.wasm");
    wait_until("it is seen", || broker.plugin_file("other.wasm")["state"] == "quarantined");
    assert_eq!(broker.generation(), 3);
}

/// The start of `hostile` hangs for as long as it is let.
#[test]
fn a_version_is_back_within_its_second_while_another_plugin_is_starting() {
    let policy = "[policy]\nreplay_decisions = 0\nlogin_timeout = \"15s\"\n";
    let (site, broker) =
        start(&format!("{CONFIG}{policy}[plugins.hostile]\nmisbehave = \"init-hang\"\n"));
    let mark = broker.mark();
    site.drop_in("hostile", "hostile.wasm");
    broker.wait_for_line(mark, &["hostile.wasm", "is unused"]);
    site.drop_in("gate-failing", GATE);
    broker.wait_for_line(mark, &["swapped gate 1.1.0", "-> 1.4.0"]);
    site.edit("etc/theseus.toml", "[\"gate\"]", "[\"gate\", \"hostile\"]");
    pause(Duration::from_secs(2));
    let storm = Storm::start(&broker, 2, "odd");
    let failing = Instant::now();
    broker.wait_for_line(mark, &["ERROR", "gate 1.4.0", "taken back: gate 1.1.0", "generation 3"]);
    let took = failing.elapsed();
    storm.stop();
    assert!(took < ROLLED_BACK_WITHIN, "{took:?}");
    assert_eq!(running(&broker)["version"], "1.1.0");
    let told = broker.lines(mark);
    assert!(!told.iter().any(|line| line.contains("`init`")), "it was over already: {told:#?}");
    broker.wait_for_line(mark, &["hostile.wasm", "`init`"]);
    assert_eq!(broker.generation(), 3);
}

#[test]
fn what_is_in_quarantine_stays_there_over_a_restart_and_is_let_out_by_hand() {
    let (site, broker) = start(CONFIG);
    site.drop_in("gate-odd", "good.wasm");
    let mark = broker.mark();
    site.drop_in("gate-failing", GATE);
    broker.wait_for_line(mark, &["swapped gate 1.1.0", "-> 1.4.0"]);
    let said = site.theseus(&["ctl", "plugins", "rollback", "gate"], "");
    assert!(said.stdout.contains("gate 1.1.0"), "{}{}", said.stdout, said.stderr);
    assert!(broker.terminate().status.success());
    let broker = site.start();
    assert_eq!(running(&broker)["version"], "1.1.0");
    assert_eq!(broker.plugin_file(GATE)["state"], "quarantined");
    let listed = site.theseus(&["ctl", "plugins", "quarantine"], "").stdout;
    assert!(listed.contains(" gate 1.4.0, ") && listed.contains("by hand"), "{listed}");
    let hash = broker.ctl("plugins")["quarantine"][0]["sha256"].as_str().unwrap().to_owned();
    assert!(listed.starts_with(&hash), "{listed}");
    let lifted = site.theseus(&["ctl", "plugins", "quarantine", "lift", &hash[..8]], "");
    assert!(lifted.stdout.contains("is taken again"), "{}{}", lifted.stdout, lifted.stderr);
    expect_version(&broker, "1.4.0");
    let nothing = site.theseus(&["ctl", "plugins", "quarantine"], "").stdout;
    assert_eq!(nothing.trim(), "nothing is in quarantine");
}

/// `gate-slow` waits for the host for most of a second: with one instance and a short deadline nearly
/// every login of a storm fails, and none by the plugin's own doing.
#[test]
fn waiting_in_a_storm_takes_nothing_back() {
    let (site, broker) = start(&format!(
        "{CONFIG}[policy]\nlogin_timeout = \"500ms\"\nmax_instances = 2\nmax_pending_logins = 8\n"
    ));
    let mark = broker.mark();
    site.drop_in("gate-slow", GATE);
    broker.wait_for_line(mark, &["swapped gate 1.1.0", "-> 1.3.0"]);
    let storm = Storm::start(&broker, 12, "slow");
    let failed = || -> u64 {
        let figures = running(&broker)["figures"][0]["faults"].clone();
        let count = |kind: &str| figures[kind].as_u64().unwrap_or(0);
        count("waited") + count("wall_time") + count("no_instance")
    };
    wait_until("a hundred logins failed of waiting", || failed() >= 100);
    storm.stop();
    let version = running(&broker);
    assert_eq!((&version["version"], &version["faults"]), (&"1.3.0".into(), &0.into()));
    assert_eq!(version["state"], "probation");
    assert_eq!(broker.ctl("plugins")["quarantine"].as_array().unwrap().len(), 0);
}

#[test]
fn plugins_tells_how_each_version_does() {
    let (site, broker) = start(CONFIG);
    (0..20).for_each(|n| Raw::connect(&broker, &login(&format!("c{n}"), "odd")).disconnect());
    site.drop_in("gate-even", GATE);
    expect_version(&broker, "1.2.0");
    Raw::connect(&broker, &login("even", "even")).disconnect();
    let text = site.theseus(&["ctl", "plugins"], "").stdout;
    let row = |version: &str, state: &str| {
        let mut rows = text.lines().filter(|line| line.starts_with("gate "));
        rows.any(|line| [version, state, "authn"].iter().all(|part| line.contains(part)))
    };
    assert!(row("1.2.0", "probation, ") && row("1.1.0", "previous"), "{text}");
    let plugins = broker.ctl("plugins");
    let (new, old) = (&plugins["running"][0], &plugins["beside"][0]);
    assert_eq!((&new["calls"], &old["calls"]), (&1.into(), &20.into()));
    let figures = &old["figures"][0];
    let percentile = |name: &str| figures[name].as_u64().unwrap();
    assert!(percentile("p50_us") > 0 && percentile("p50_us") <= percentile("p99_us"), "{figures}");
    for words in
        [&["ctl", "plugins", "rollbak", "gate"][..], &["ctl", "plugins", "rollback", "dor"]]
    {
        let ended = site.theseus(words, "");
        assert_eq!(ended.status.code(), Some(1), "{words:?}");
        assert!(!ended.stderr.is_empty());
    }
}

const MANUAL: &str = "[policy.plugins.gate]\npromote = \"manual\"\nshadow_sample = \"100%\"\n";

/// `gate-even` refuses whom `gate-odd` lets in, and the other way round.
#[test]
fn a_version_in_shadow_decides_nothing_and_shows_how_it_would_decide() {
    let (site, broker) = start(&format!("{CONFIG}{MANUAL}"));
    Raw::connect(&broker, &login("before", "odd")).disconnect();
    site.drop_in("gate-even", GATE);
    wait_until("it is in shadow", || broker.plugin_file(GATE)["state"] == "shadow");
    for n in 0..10 {
        Raw::connect(&broker, &login(&format!("o{n}"), "odd")).disconnect();
        let refused = Raw::try_connect(&broker, &login(&format!("e{n}"), "even-secret")).map(drop);
        assert!(refused.is_err(), "the version in shadow let somebody in");
    }
    let shadow = || broker.ctl("plugins")["shadows"][0].clone();
    wait_until("all are compared", || shadow()["shadow"]["compared"] == 20);
    let found = shadow();
    assert_eq!(found["replay"]["differences"]["allow->deny"], 1);
    assert_eq!(found["shadow"]["differences"]["allow->deny"], 10);
    assert_eq!(found["shadow"]["differences"]["deny->allow"], 10);
    assert_eq!(found["shadow"]["deny_to_allow"], 10);
    let text = site.theseus(&["ctl", "plugins", "shadow", "gate"], "").stdout;
    for part in ["gate 1.2.0 (", "beside 1.1.0 (", "20 answered, 0 alike", "o3", "e3", "sailor"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(!text.contains("secret") && !found.to_string().contains("secret"), "{text}");
    let promoted = site.theseus(&["ctl", "plugins", "promote", "gate"], "");
    assert!(promoted.stdout.contains("generation 2"), "{}{}", promoted.stdout, promoted.stderr);
    Raw::connect(&broker, &login("after", "even")).disconnect();
    assert_eq!(running(&broker)["state"], "probation");
}

#[test]
fn a_version_goes_live_by_itself_after_its_time_in_shadow_unless_it_fails() {
    let keys = "[policy.plugins.gate]\npromote = \"after-shadow\"\nshadow_sample = \"50%\"\n\
         shadow_requests = 20\n";
    let (site, broker) = start(&format!("{CONFIG}{keys}"));
    // It answers three times and traps, so 20 answers without a fault are not to be had.
    site.drop_in("gate-failing", GATE);
    wait_until("it is in shadow", || broker.plugin_file(GATE)["state"] == "shadow");
    let storm = Storm::start(&broker, 2, "odd");
    let shadow = || broker.ctl("plugins")["shadows"][0]["shadow"].clone();
    wait_until("it has failed", || shadow()["faults"]["trap"].as_u64().unwrap_or(0) >= 10);
    let [_, refused] = storm.stop();
    assert_eq!((refused, broker.generation()), (0, 1), "a fault in shadow reached somebody");
    let why = site.theseus(&["ctl", "plugins", "promote", "gate"], "").stderr;
    assert!(why.contains("requests in shadow"), "{why}");
    site.drop_in("gate-slow", GATE);
    site.drop_in("gate-even", "better.wasm");
    let mark = broker.mark();
    site.remove("plugins/gate.wasm");
    wait_until("the better one is in shadow", || {
        broker.plugin_file("better.wasm")["state"] == "shadow"
    });
    let storm = Storm::start(&broker, 2, "odd");
    broker.wait_for_line(mark, &["swapped gate 1.1.0", "-> 1.2.0"]);
    storm.stop();
}

#[test]
fn one_that_fails_what_was_decided_before_does_not_go_live() {
    let (site, broker) = start(CONFIG);
    (0..40).for_each(|n| Raw::connect(&broker, &login(&format!("c{n}"), "odd")).disconnect());
    let mark = broker.mark();
    site.drop_in("gate-failing", GATE);
    broker.wait_for_line(mark, &["gate.wasm", "recorded decisions", "keeps running"]);
    assert_eq!(running(&broker)["version"], "1.1.0");
    assert_eq!(broker.generation(), 1);
    assert_eq!(broker.plugin_file(GATE)["state"], "rejected");
}
