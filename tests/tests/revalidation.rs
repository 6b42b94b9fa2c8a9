//! Connected clients that plugins are asked about again: before their grant ends, and when an operator
//! wants to know. What the plugin says stands in its settings (`tests/plugins/gate`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};

use serde_json::Value;
use theseus_tests::{Broker, Connect, Raw, Site, Version, pause, wait_until};

const DISCONNECT: u8 = 0xE0;
const NOT_AUTHORIZED: u8 = 0x87;
const QUOTA_EXCEEDED: u8 = 0x97;

/// A broker whose plugin says so of connected clients; its grants hold for so many seconds, 0 for ever.
fn start(again: &str, expires_in: u32) -> (Site, Broker) {
    let site = Site::new();
    let ends = if expires_in == 0 { String::new() } else { format!("expires_in = {expires_in}\n") };
    site.config(&format!(
        "authentication = [\"gate\"]\n[authorization]\nno_match = \"allow\"\n\
         [plugins.gate]\nagain = \"{again}\"\n{ends}"
    ));
    site.drop_in("gate-odd", "gate.wasm");
    let broker = site.start();
    (site, broker)
}

fn client(broker: &Broker, version: Version, id: &str, user: &str) -> Raw {
    Raw::connect(broker, &Connect::new(version, id).login(user, "odd"))
}

/// `theseus ctl --json revalidate WORD`.
fn revalidate(site: &Site, word: &str) -> Value {
    let ended = site.theseus(&["ctl", "--json", "revalidate", word], "");
    assert!(ended.status.success(), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// How it goes, once nobody is waited for.
fn outcome(broker: &Broker) -> [u64; 5] {
    let round = || broker.ctl("revalidate")["round"].clone();
    wait_until("everybody is answered", || round()["waiting"] == 0);
    let round = round();
    ["asked", "kept", "renewed", "denied", "failed"].map(|name| round[name].as_u64().unwrap())
}

/// The reason of the DISCONNECT that must end it.
fn last_word(raw: &mut Raw) -> u8 {
    let packets = raw.packets_until_closed();
    let [packet] = packets.as_slice() else { panic!("{packets:02x?}") };
    assert_eq!(packet.first, DISCONNECT);
    packet.body[0]
}

#[test]
fn a_grant_is_renewed_before_it_ends_and_its_client_notices_nothing() {
    let (_site, broker) = start("renew", 2);
    let mut clients: Vec<_> = [Version::V311, Version::V5]
        .map(|version| client(&broker, version, &format!("c{version:?}"), "anna"))
        .into();
    let began = Instant::now();
    clients[0].subscribe("t", 1);
    while began.elapsed() < Duration::from_secs(6) {
        clients[1].publish("t", "x", 1);
        assert_eq!(clients[0].message().payload, "x");
        pause(Duration::from_millis(100));
    }
    let counted =
        broker.counted(&["revalidations_renewed", "grants_expired", "client_disconnected"]);
    assert!(counted[0] >= 8, "{counted:?}");
    assert_eq!(counted[1], 0);
}

#[test]
fn a_grant_that_is_kept_ends_at_its_time() {
    let (_site, broker) = start("keep", 2);
    let began = Instant::now();
    let mut raw = client(&broker, Version::V5, "c", "anna");
    assert_eq!(last_word(&mut raw), NOT_AUTHORIZED);
    assert!(began.elapsed() >= Duration::from_millis(1_900), "{:?}", began.elapsed());
    assert_eq!(broker.counted(&["revalidations_kept", "grants_expired"]), [1, 1]);
}

#[test]
fn an_operator_has_a_plugin_throw_out_whom_it_denies() {
    let (site, broker) = start("keep", 0);
    let mut anna = client(&broker, Version::V5, "c1", "anna");
    let mut berta = client(&broker, Version::V5, "c2", "berta");
    let mut old = client(&broker, Version::V311, "c3", "berta");
    assert_eq!(revalidate(&site, "all")["asked"], 3);
    assert_eq!(outcome(&broker), [3, 3, 0, 0, 0]);
    [&mut anna, &mut berta, &mut old].into_iter().for_each(Raw::ping);
    let before = broker.generation();
    site.edit("etc/theseus.toml", "again = \"keep\"", "again = \"deny\"");
    wait_until("the change is live", || broker.generation() > before);
    // Who is in stays in until somebody asks.
    anna.ping();
    let mark = broker.mark();
    assert_eq!(revalidate(&site, "client-id:nobody")["asked"], 0);
    assert_eq!(revalidate(&site, "username:berta")["asked"], 2);
    assert_eq!(last_word(&mut berta), QUOTA_EXCEEDED);
    assert!(old.packets_until_closed().is_empty(), "3.1.1 has no word for it");
    assert_eq!(outcome(&broker), [2, 0, 0, 2, 0]);
    broker.wait_for_line(mark, &["INFO", "2 connected clients", "2 denied"]);
    anna.ping();
    let said = site.theseus(&["ctl", "revalidate", "client-id:c1"], "").stdout;
    assert!(said.contains("1 connected clients are asked about"), "{said}");
    assert_eq!(last_word(&mut anna), QUOTA_EXCEEDED);
    let wrong = site.theseus(&["ctl", "revalidate", "anna"], "");
    assert!(wrong.stderr.contains("client-id:ID"), "{}{}", wrong.stdout, wrong.stderr);
}

#[test]
fn nobody_stays_for_whom_nobody_vouches_or_who_is_somebody_else_now() {
    for again in ["next", "other"] {
        let (site, broker) = start(again, 0);
        let mut raw = client(&broker, Version::V5, "c", "anna");
        revalidate(&site, "all");
        assert_eq!(last_word(&mut raw), NOT_AUTHORIZED, "{again}");
        assert_eq!(outcome(&broker), [1, 0, 0, 1, 0], "{again}");
    }
}

#[test]
fn a_plugin_that_traps_vouches_for_nobody() {
    let (site, broker) = start("trap", 0);
    let mut raw = client(&broker, Version::V5, "c", "anna");
    let mark = broker.mark();
    revalidate(&site, "all");
    raw.ping();
    assert_eq!(last_word(&mut raw), NOT_AUTHORIZED);
    assert_eq!(outcome(&broker), [1, 0, 0, 0, 1]);
    broker.wait_for_line(mark, &["WARN", "\"c\"", "whether it may stay", "gate", "trapped"]);
    assert_eq!(broker.counted(&["revalidations_failed"]), [3]);
    // Before the end of a grant it just ends.
    let (_site, broker) = start("trap", 2);
    let mut raw = client(&broker, Version::V5, "c", "anna");
    assert_eq!(last_word(&mut raw), NOT_AUTHORIZED);
    assert_eq!(broker.counted(&["grants_expired"]), [1]);
}

/// The operator is answered at once, a few are asked at a time, and logins go on beside them.
#[test]
fn many_are_asked_in_their_turn() {
    let (site, broker) = start("renew", 0);
    let mut clients: Vec<_> =
        (0..300).map(|n| client(&broker, Version::V311, &format!("c{n}"), "anna")).collect();
    assert_eq!(revalidate(&site, "all")["asked"], 300);
    client(&broker, Version::V5, "late", "berta").ping();
    assert_eq!(outcome(&broker), [300, 0, 300, 0, 0]);
    clients.iter_mut().for_each(Raw::ping);
}
