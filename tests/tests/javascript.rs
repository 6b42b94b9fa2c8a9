//! A policy that is not in Rust: a plugin in JavaScript, built as docs/plugins.md says, decides about real
//! clients, is edited and replaced under them, and fails as any other plugin does.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Raw, Site, Tool, Version, built_javascript, pause, publisher, skip, wait_until,
};

const BAD_CREDENTIALS: u8 = 0x86;
const NOT_AUTHORIZED: u8 = 0x87;
const UNAVAILABLE: u8 = 0x88;

/// A component with an interpreter in it is megabytes of code. A release broker compiles it in half a
/// minute; one with debug assertions took four minutes, on a machine with nothing else to do.
const COMPILED_WITHIN: Duration = Duration::from_secs(900);

const CONFIG: &str = r#"
authentication = ["door"]
[authorization]
sources = ["acl"]
[plugins.acl]
rules_file = "etc/acl.toml"
[plugins.door]
badges_file = "etc/badges"
"#;

/// Who has which name shows in what it may do.
const RULES: &str = r#"
[[rules]]
permission = "allow"
action = "all"
topics = ["${username}/#"]
"#;

/// The next version alone understands more than the first of these lines.
const NIGHT: &str = "\
b-20:cook
b-21:cook until 2020-01-01
b-22:cook until 2999-01-01
b-23:cook until soon
";

/// In one broker from its start to its end, since each of the two components has to be compiled.
#[test]
fn a_policy_in_javascript_decides_changes_and_fails_while_its_clients_stay() {
    if !Tool::is_installed() {
        return skip("mosquitto_sub");
    }
    if ["js-door", "js-door-dated"].into_iter().any(|name| built_javascript(name).is_none()) {
        return skip("ComponentizeJS");
    }
    let site = Site::new();
    site.config(CONFIG);
    site.write("etc/acl.toml", RULES);
    site.write("etc/badges", "b-17:cook\n");
    site.write("etc/night", NIGHT);
    site.drop_in("acl", "acl.wasm");
    let broker = site.start();
    make_live(&site, &broker, "js-door", "1.0.0");
    let resident = ["-i", "resident", "-u", "anyone", "-P", "b-17", "-t", "cook/#"];
    let mut resident = Tool::subscribe(&broker, Version::V5, &resident);

    lets_in_by_badge(&broker);
    expect_heard(&broker, &mut resident, "b-17");
    follows_its_settings(&site, &broker);
    expect_heard(&broker, &mut resident, "b-20");
    is_replaced(&site, &broker);
    expect_heard(&broker, &mut resident, "b-22");
    denies_by_exception(&broker);
    expect_heard(&broker, &mut resident, "b-20");
    assert_eq!(resident.connects(), 1);
}

fn lets_in_by_badge(broker: &Broker) {
    for version in VERSIONS {
        knock(broker, version, "b-17").unwrap().ping();
        for badge in ["b-18", "b-1", ""] {
            let refused = knock(broker, version, badge).unwrap_err();
            assert_eq!(refused, version.code(BAD_CREDENTIALS), "`{badge}`");
        }
        let mut stranger = publisher(broker, version);
        stranger.args(["-u", "cook", "-P", "b-18", "-t", "cook/door", "-m", "let me in"]);
        let said = String::from_utf8(stranger.output().unwrap().stderr).unwrap().to_lowercase();
        assert!(said.contains("bad user"), "{said}");
    }
    // The badge says who it is, not the client.
    let mut cook = knock(broker, Version::V5, "b-17").unwrap();
    assert_eq!(cook.publish_answered("anyone/door", "x", 1), NOT_AUTHORIZED);
}

/// An edit of the configuration is enough: nothing is built, nothing is compiled.
fn follows_its_settings(site: &Site, broker: &Broker) {
    assert_eq!(knock(broker, Version::V5, "b-20").map(drop), Err(BAD_CREDENTIALS));
    site.edit("etc/theseus.toml", "etc/badges", "etc/night");
    wait_until("the other badges hold", || knock(broker, Version::V5, "b-20").is_ok());
    assert_eq!(knock(broker, Version::V5, "b-17").map(drop), Err(BAD_CREDENTIALS));
}

fn is_replaced(site: &Site, broker: &Broker) {
    for badge in ["b-20", "b-21", "b-22"] {
        knock(broker, Version::V5, badge).unwrap().ping();
    }
    let mark = broker.mark();
    make_live(site, broker, "js-door-dated", "1.1.0");
    broker.wait_for_line(mark, &["swapped door 1.0.0", "-> 1.1.0"]);
    for version in VERSIONS {
        let refused = knock(broker, version, "b-21").unwrap_err();
        assert_eq!(refused, version.code(NOT_AUTHORIZED));
    }
    for badge in ["b-20", "b-22"] {
        knock(broker, Version::V5, badge).unwrap().ping();
    }
}

fn denies_by_exception(broker: &Broker) {
    let mark = broker.mark();
    for version in VERSIONS {
        let refused = knock(broker, version, "b-23").unwrap_err();
        assert_eq!(refused, version.code(UNAVAILABLE));
    }
    broker.wait_for_line(mark, &["WARN", "\"knocker\" refused: door 1.1.0", "trapped"]);
    // What JavaScript itself says of it, and where.
    broker.wait_for_line(mark, &["WARN", "invalid date", "plugin=\"door\" version=\"1.1.0\""]);
    broker.wait_for_line(mark, &["WARN", "authenticate@", "door-dated.js:"]);
    let running = broker.ctl("plugins")["running"].as_array().unwrap().clone();
    let door = running.iter().find(|plugin| plugin["name"] == "door").unwrap();
    assert_eq!(door["faults"], VERSIONS.len(), "{door:#}");
}

/// A message by `mosquitto_pub` with this badge reaches who was let in at the beginning.
fn expect_heard(broker: &Broker, resident: &mut Tool, badge: &str) {
    let message = format!("by {badge}");
    let arguments = ["-u", "anyone", "-P", badge, "-t", "cook/door", "-m", &message];
    Tool::publish(broker, Version::V311, &arguments).finish();
    assert_eq!(resident.line(), message);
}

fn make_live(site: &Site, broker: &Broker, built: &str, version: &str) {
    site.drop_in(built, "door.wasm");
    let start = Instant::now();
    loop {
        let file = broker.plugin_file("door.wasm");
        if file["state"] == "live" && file["version"] == version {
            println!("{built} was live after {:?}", start.elapsed());
            return;
        }
        assert_ne!(file["state"], "rejected", "{file:#}");
        assert!(start.elapsed() < COMPILED_WITHIN, "not live after {COMPILED_WITHIN:?}: {file:#}");
        pause(Duration::from_millis(100));
    }
}

const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// A client that claims to be anyone.
fn knock(broker: &Broker, version: Version, badge: &str) -> Result<Raw, u8> {
    Raw::try_connect(broker, &Connect::new(version, "knocker").login("anyone", badge))
}

#[test]
fn the_guide_shows_the_plugin_that_is_tested() {
    let door = include_str!("../plugins/javascript/door.js");
    assert!(include_str!("../../docs/plugins.md").contains(door), "docs/plugins.md shows another");
}
