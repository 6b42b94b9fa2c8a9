//! The HTTP listener for operators: figures that Prometheus reads, and whether the broker is ready.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::net::TcpStream;

use theseus_tests::{
    Broker, Connect, Figures, Raw, Site, Version, answer_at as request, page_at as get,
    read_as_prometheus, wait_until,
};

fn value(page: &str, sample: &str) -> Option<u64> {
    let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

#[test]
fn the_figures_follow_what_clients_do() {
    let broker = Broker::start();
    let page = || get(broker.admin(), "/metrics").1;
    assert_eq!(value(&page(), "theseus_connections"), Some(0));
    let mut one = Raw::connect(&broker, &Connect::new(Version::V5, "one"));
    one.publish_retained("kept", "x", 1, true);
    wait_until("both are counted", || {
        let page = page();
        value(&page, "theseus_connections") == Some(1)
            && value(&page, "theseus_retained_messages") == Some(1)
            && value(&page, "theseus_messages_received_total") == Some(1)
            && value(&page, "theseus_client_connected_total") == Some(1)
    });
}

#[test]
fn prometheus_reads_the_page() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    drop(Raw::connect(&broker, &Connect::new(Version::V5, "one").login("anna", "harbour")));
    let Some(families) = read_as_prometheus(&get(broker.admin(), "/metrics").1) else { return };
    let sample = |family: &str, sample: &str| -> f64 {
        families[family]["samples"][sample].as_f64().unwrap_or_else(|| panic!("{families:#}"))
    };
    assert_eq!(families["theseus_connections"]["type"], "gauge");
    assert_eq!(families["theseus_client_connected"]["type"], "counter");
    assert_eq!(sample("theseus_generation", "theseus_generation{}"), 1.0);
    let calls = families["theseus_plugin_calls"]["samples"].as_object().unwrap();
    let of_password: Vec<_> =
        calls.iter().filter(|(sample, _)| sample.contains("plugin=password")).collect();
    assert_eq!(of_password.len(), 1, "{calls:#?}");
    assert_eq!(of_password[0].1.as_f64(), Some(1.0));
    for histogram in
        ["theseus_plugin_call_duration_seconds", "theseus_plugin_swap_duration_seconds"]
    {
        assert_eq!(families[histogram]["type"], "histogram");
    }
}

const GATE: &str = "authentication = [\"gate\"]\nallow_anonymous = false\n\
     [authorization]\nno_match = \"allow\"\n[policy]\nreplay_decisions = 0\n";

/// Every sample that must never become smaller.
fn counters(page: &str) -> BTreeMap<String, f64> {
    let is_counter = |name: &str| {
        let name = name.split('{').next().unwrap();
        ["_total", "_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end))
    };
    let figures = Figures::read(page);
    let counters = figures.iter().filter(|(name, _)| is_counter(name));
    counters.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Looks again, and holds every counter to what it was.
fn look(broker: &Broker, before: &mut BTreeMap<String, f64>) -> String {
    let page = get(broker.admin(), "/metrics").1;
    let now = counters(&page);
    for (name, was) in &*before {
        let is = now.get(name);
        assert!(is.is_some_and(|is| is >= was), "{name} went from {was} to {is:?}");
    }
    *before = now;
    page
}

fn swaps(page: &str, outcome: &str) -> Option<u64> {
    value(page, &format!("theseus_plugin_swaps_total{{outcome=\"{outcome}\"}}"))
}

#[test]
fn counters_go_on_over_swaps_and_a_rollback() {
    const CALLS: &str = "theseus_plugin_calls_total{plugin=\"gate\",slot=\"authn\"}";
    const TOOK: &str = "theseus_plugin_call_duration_seconds_count{plugin=\"gate\",slot=\"authn\"}";
    const TRAPS: &str = "theseus_plugin_faults_total{plugin=\"gate\",slot=\"authn\",kind=\"trap\"}";
    let site = Site::new();
    site.config(GATE);
    site.drop_in("gate-odd", "gate.wasm");
    let broker = site.start();
    let seen = &mut BTreeMap::new();
    let enter = |password: &str| {
        let login = Connect::new(Version::V5, "one").login("sailor", password);
        Raw::try_connect(&broker, &login).map(Raw::disconnect).is_ok()
    };
    assert!((0..5).all(|_| enter("odd")));
    let page = look(&broker, seen);
    assert_eq!((value(&page, CALLS), value(&page, TOOK)), (Some(5), Some(5)));
    assert_eq!((value(&page, TRAPS), swaps(&page, "live")), (Some(0), Some(0)));

    site.drop_in("gate-even", "gate.wasm");
    wait_until("it is swapped", || swaps(&look(&broker, seen), "live") == Some(1));
    assert!((0..3).all(|_| enter("even")));
    let page = look(&broker, seen);
    assert_eq!((value(&page, CALLS), value(&page, TOOK)), (Some(8), Some(8)));
    assert_eq!(value(&page, "theseus_plugin_swap_duration_seconds_count"), Some(1));

    site.drop_in("gate-failing", "gate.wasm");
    wait_until("it is swapped again", || swaps(&look(&broker, seen), "live") == Some(2));
    wait_until("it is taken back", || {
        enter("odd");
        swaps(&look(&broker, seen), "rolled_back") == Some(1)
    });
    let page = look(&broker, seen);
    assert!(value(&page, TRAPS) >= Some(1), "{page}");
    assert_eq!((swaps(&page, "quarantined"), swaps(&page, "rejected")), (Some(1), Some(0)));
    let calls = value(&page, CALLS).unwrap();
    assert!(enter("even"), "the one before is asked again");
    assert_eq!(value(&look(&broker, seen), CALLS), Some(calls + 1));

    site.write("plugins/broken.wasm", "no component");
    wait_until("it is rejected", || swaps(&look(&broker, seen), "rejected") == Some(1));
}

#[test]
fn it_is_ready_when_everybody_who_should_be_asked_can_be() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    assert_eq!(get(broker.admin(), "/livez"), (200, "ok\n".to_owned()));
    assert_eq!(get(broker.admin(), "/readyz"), (200, "ok\n".to_owned()));
    drop(broker);
    site.remove("plugins/password.wasm");
    let broker = site.start();
    assert_eq!(get(broker.admin(), "/livez").0, 200);
    let problem = "plugin password is named and has no healthy version\n";
    assert_eq!(get(broker.admin(), "/readyz"), (503, problem.to_owned()));
    site.drop_in("password", "password.wasm");
    wait_until("it becomes ready", || get(broker.admin(), "/readyz").0 == 200);
}

#[test]
fn other_pages_methods_and_noise_are_refused() {
    let broker = Broker::start();
    let address = broker.admin();
    assert_eq!(get(address, "/").0, 404);
    assert_eq!(get(address, "/metrics/").0, 404);
    let post =
        "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(request(address, post).0, 405);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    assert!((400..500).contains(&request(address, &long).0));
    assert_eq!(request(address, "\x10\x0c\0\x04MQTT\r\n\r\n").0, 400);
    assert_eq!(get(address, "/livez").0, 200);
}

#[test]
fn those_who_say_nothing_keep_nobody_out_for_long() {
    let broker = Broker::start();
    let address = broker.admin();
    let silent: Vec<_> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
    // Their heads do not come within five seconds; then others have their turn.
    assert_eq!(get(address, "/livez").0, 200);
    drop(silent);
}

#[test]
fn a_port_that_is_taken_is_named_and_none_is_wanted_if_so_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let site = Site::guarded("anna", "harbour");
    let ended = site.fails_to_start(&[("THESEUS_ADMIN__BIND", &address.to_string())]);
    let said = format!("cannot listen on {address} (admin.bind)");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    let broker = site.start_with(&[("THESEUS_ADMIN__BIND", "disabled")]);
    assert!(!broker.process().output().contains("admin on"));
}
