//! What the broker says of itself on `$SYS/…`: mosquitto's names and EMQX's, for those who may read
//! them, as the configuration has it.

#![expect(clippy::panic, reason = "a failed step is a failed test")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Raw, Site, Tool, Version, pause, subscriber};

const EVERY_SECOND: &str =
    "[sys_topics]\nsys_msg_interval = \"1s\"\nsys_heartbeat_interval = \"1s\"\n";

/// All retained topics of a filter with their values, as `mosquitto_sub -v` prints them.
fn values(broker: &Broker, filter: &str) -> BTreeMap<String, String> {
    let mut command = subscriber(broker, Version::V5);
    let mut tool = Tool::spawn(
        command.args(["--retained-only", "-W", "2", "-t", filter]).args(["-F", "%t\t%r\t%q\t%p"]),
    );
    let lines = tool.lines();
    lines
        .iter()
        .map(|line| {
            let [topic, retained, qos, value] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            assert_eq!((retained, qos), ("1", "0"), "{topic}");
            (topic.to_owned(), value.to_owned())
        })
        .collect()
}

#[test]
fn mosquittos_names_are_there_with_their_values() {
    if !Tool::is_installed() {
        return println!("SKIP: mosquitto_sub is not installed");
    }
    let broker = Broker::with_tables(EVERY_SECOND);
    let mut client = Raw::connect(&broker, &Connect::new(Version::V5, "client").persistent());
    assert_eq!(client.subscribe("a", 1), 1);
    client.publish_retained("a", "12345", 1, true);
    assert_eq!(client.message().payload, "12345");
    Raw::connect(&broker, &Connect::new(Version::V5, "away").persistent()).cut();
    pause(Duration::from_millis(1200));
    let values = values(&broker, "$SYS/broker/#");
    for (name, value) in [
        ("version", format!("theseus version {}", env!("CARGO_PKG_VERSION"))),
        ("clients/total", "2".to_owned()),
        ("clients/connected", "1".to_owned()),
        ("clients/disconnected", "1".to_owned()),
        ("clients/expired", "0".to_owned()),
        ("publish/messages/received", "1".to_owned()),
        ("publish/messages/dropped", "0".to_owned()),
        ("publish/bytes/received", "5".to_owned()),
        ("subscriptions/count", "1".to_owned()),
        ("shared_subscriptions/count", "0".to_owned()),
        ("retained messages/count", "1".to_owned()),
    ] {
        assert_eq!(values.get(&format!("$SYS/broker/{name}")), Some(&value), "{name}: {values:?}");
    }
    let number = |name: &str| -> f64 {
        let text = &values[&format!("$SYS/broker/{name}")];
        text.split(' ').next().unwrap().parse().unwrap()
    };
    for name in ["clients/maximum", "messages/received", "messages/sent", "publish/messages/sent"] {
        assert!(number(name) >= 1.0, "{name}");
    }
    assert!(number("bytes/received") > 50.0 && number("bytes/sent") > 20.0, "{values:?}");
    assert!(number("uptime") >= 1.0 && values["$SYS/broker/uptime"].ends_with(" seconds"));
    for name in [
        "connections",
        "messages/received",
        "messages/sent",
        "publish/received",
        "publish/sent",
        "publish/dropped",
        "bytes/received",
        "bytes/sent",
        "sockets",
    ] {
        let load = ["1min", "5min", "15min"].map(|span| number(&format!("load/{name}/{span}")));
        let happened = !name.ends_with("dropped");
        assert_eq!(load[0] > load[1] && load[1] > load[2], happened, "{name}: {load:?}");
    }
}

#[test]
fn emqxs_names_are_there_with_their_values() {
    if !Tool::is_installed() {
        return println!("SKIP: mosquitto_sub is not installed");
    }
    let broker = Broker::with_tables(&format!("[node]\nname = \"pier@harbour\"\n{EVERY_SECOND}"));
    let mut client = Raw::connect(&broker, &Connect::new(Version::V311, "client"));
    assert_eq!(client.subscribe("a/+", 2), 2);
    client.ping();
    client.publish("a/b", "x", 1);
    client.message();
    pause(Duration::from_millis(1200));
    let nodes = values(&broker, "$SYS/brokers");
    assert_eq!(nodes["$SYS/brokers"], "pier@harbour");
    let values = values(&broker, "$SYS/brokers/+/#");
    let value = |name: &str| &*values[&format!("$SYS/brokers/pier@harbour/{name}")];
    assert_eq!(value("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(value("sysdescr"), "Theseus");
    assert!(value("uptime").parse::<u64>().unwrap() >= 1000);
    let date = value("datetime");
    assert!(date.len() == 20 && date.starts_with("20") && date.ends_with('Z'), "{date}");
    for (name, least) in [
        ("stats/connections/count", 1),
        ("stats/live_connections/max", 1),
        ("stats/sessions/count", 1),
        ("stats/subscriptions/count", 1),
        ("stats/topics/max", 1),
        ("metrics/bytes/received", 30),
        ("metrics/bytes/sent", 10),
        ("metrics/packets/received", 4),
        ("metrics/packets/connect/received", 1),
        ("metrics/packets/connack/sent", 1),
        ("metrics/packets/pingreq/received", 1),
        ("metrics/packets/pingresp/sent", 1),
        ("metrics/packets/subscribe/received", 1),
        ("metrics/packets/publish/sent", 1),
        ("metrics/messages/qos1/received", 1),
        ("metrics/messages/qos1/sent", 1),
        ("metrics/client/connected", 1),
    ] {
        assert!(value(name).parse::<u64>().unwrap() >= least, "{name}: {}", value(name));
    }
    for name in
        ["stats/subscriptions/shared/count", "stats/retained/count", "metrics/messages/qos2/sent"]
    {
        assert_eq!(value(name), "0", "{name}");
    }
}

#[test]
fn they_come_at_their_interval_and_only_when_they_change() {
    let broker = Broker::with_tables(EVERY_SECOND);
    let mut client = Raw::connect(&broker, &Connect::new(Version::V5, "client"));
    let start = Instant::now();
    assert_eq!(
        client.subscribe_all(&[("$SYS/broker/uptime", 0), ("$SYS/broker/version", 0)]),
        [0, 0]
    );
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while start.elapsed() < Duration::from_millis(3500) {
        let message = client.message();
        heard.entry(message.topic).or_default().push(message.payload);
    }
    assert_eq!(heard["$SYS/broker/version"].len(), 1);
    assert!((2..=6).contains(&heard["$SYS/broker/uptime"].len()), "{heard:?}");
}

#[test]
fn they_can_be_switched_off() {
    if !Tool::is_installed() {
        return println!("SKIP: mosquitto_sub is not installed");
    }
    let tables = "[sys_topics]\nsys_msg_interval = \"disabled\"\nsys_heartbeat_interval = \"1s\"\n";
    let seen = values(&Broker::with_tables(tables), "$SYS/#");
    let names: Vec<_> = seen.keys().map(|topic| topic.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["datetime", "uptime"]);
    let tables = "[sys_topics]\nsys_msg_interval = \"1s\"\nsys_heartbeat_interval = \"disabled\"\n";
    let seen = values(&Broker::with_tables(tables), "$SYS/#");
    assert!(seen.len() > 50 && seen.keys().all(|topic| !topic.ends_with("/datetime")), "{seen:?}");
}

/// As shipped: superusers read them, nobody else, and nobody writes them.
#[test]
fn the_shipped_rules_let_superusers_read_and_nobody_write() {
    if !Tool::is_installed() {
        return println!("SKIP: mosquitto_sub is not installed");
    }
    let site = Site::shipped();
    site.user("root", "harbour", &["--superuser"]);
    site.user("anna", "harbour", &[]);
    let broker = site.start_with(&[
        ("THESEUS_LISTENERS__TCP__DEFAULT__BIND", "127.0.0.1:0"),
        ("THESEUS_LISTENERS__WS__DEFAULT__BIND", "127.0.0.1:0"),
    ]);
    let read_as = |user: &str, topic: &str| {
        let mut command = subscriber(&broker, Version::V311);
        command.args(["-u", user, "-P", "harbour", "-W", "2", "-v", "-t", topic]);
        Tool::spawn(&mut command).lines()
    };
    let version = format!("$SYS/broker/version theseus version {}", env!("CARGO_PKG_VERSION"));
    assert!(read_as("root", "$SYS/#").contains(&version));
    assert_eq!(read_as("root", "$SYS/broker/version"), [version]);
    for topic in ["$SYS/#", "$SYS/broker/version"] {
        assert!(read_as("anna", topic).iter().all(|line| !line.starts_with("$SYS")), "{topic}");
    }
    for user in ["root", "anna"] {
        let connect = Connect::new(Version::V5, user).login(user, "harbour");
        let mut client = Raw::connect(&broker, &connect);
        assert_eq!(client.publish_answered("$SYS/broker/version", "lie", 1), 0x87, "{user}");
    }
}

#[test]
fn events_tell_of_clients_in_json() {
    let broker = Broker::with_tables(
        "[sys_topics.sys_event_messages]\nclient_connected = true\nclient_disconnected = true\n\
         client_subscribed = true\nclient_unsubscribed = true\n",
    );
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
    assert_eq!(watcher.subscribe("$SYS/brokers/+/clients/a%2Fb/#", 0), 0);
    let mut client = Raw::connect(&broker, &Connect::new(Version::V311, "a/b"));
    client.subscribe("x", 1);
    client.cut();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let mut event = |name: &str| -> Value {
        let message = watcher.message();
        assert_eq!(message.topic, format!("$SYS/brokers/theseus@127.0.0.1/clients/a%2Fb/{name}"));
        let event: Value = serde_json::from_str(&message.payload).unwrap();
        assert_eq!(event["clientid"], "a/b");
        assert!(event["ts"].as_u64().unwrap().abs_diff(now) < 60_000, "{event}");
        event
    };
    let connected = event("connected");
    assert_eq!(connected["ipaddress"], "127.0.0.1");
    assert_eq!((&connected["proto_ver"], &connected["proto_name"]), (&4.into(), &"MQTT".into()));
    assert_eq!(connected["clean_start"], true);
    assert_eq!(event("subscribed")["topic"], "x");
    let disconnected = event("disconnected");
    assert_eq!(disconnected["reason"], "tcp_closed");
    assert_eq!(disconnected["connected_at"], connected["connected_at"]);
}
