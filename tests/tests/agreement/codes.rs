//! What the broker answers, every make reads alike.

use crate::table::{Ability, able, all, connect};
use serde_json::{Value, json};
use std::time::Duration;
use theseus_tests::{Broker, Options, Site, Version, mosquitto_lacks, pause};

/// No matching subscribers: 0x10. MQTT 3 is told nothing.
#[test]
fn a_publisher_of_any_make_hears_that_nobody_listens() {
    let broker = Broker::start();
    let mut members = connect(&broker, &all(), Options::new);
    for member in &mut members {
        let reason = member.client.publish_with("nobody", "", 1, &json!({}));
        let expected = if member.make.1 == Version::V5 { 0x10 } else { 0 };
        assert_eq!(reason, expected, "{}", member.name);
    }
    members[0].client.subscribe("nobody", 1);
    for member in &mut members {
        assert_eq!(member.client.publish_with("nobody", "", 1, &json!({})), 0, "{}", member.name);
    }
}

/// Not authorized: 0x87 for both; a SUBACK of MQTT 3.1.1 says 0x80, one of 3.1 cannot say it.
#[test]
fn any_make_hears_what_it_may_not() {
    if mosquitto_lacks("our rules") {
        return;
    }
    let site = Site::new();
    site.config(
        "allow_anonymous = true\n[authorization]\nsources = [\"acl\"]\nno_match = \"allow\"\n\
         [plugins.acl]\nrules_file = \"etc/acl.toml\"\n",
    );
    site.write("etc/acl.toml", DENY);
    site.drop_in("acl", "acl.wasm");
    let broker = site.start();
    for mut member in connect(&broker, &all(), Options::new) {
        let name = &member.name;
        let (publish, subscribe) = match member.make.1 {
            Version::V31 => continue,
            Version::V311 => (0, 0x80),
            Version::V5 => (0x87, 0x87),
        };
        assert_eq!(member.client.subscribe("secret/#", 1), subscribe, "{name}");
        assert_eq!(member.client.subscribe("open/#", 1), 1, "{name}");
        let reason = member.client.publish_with("secret/a", "", 1, &json!({}));
        assert_eq!(reason, publish, "{name}");
        if able(Ability::RefusedAtQos2).contains(&member.make) {
            let reason = member.client.publish_with("secret/a", "", 2, &json!({}));
            assert_eq!(reason, publish, "{name} at QoS 2");
        }
        member.client.publish("open/a", "still there", 1);
        assert_eq!(member.client.payload("open/a", 1), "still there", "{name}");
    }
}

const DENY: &str = r#"
[[rules]]
permission = "deny"
action = "all"
topics = ["secret/#"]
"#;

/// All that a CONNACK can say: limits of the broker, and what was asked for.
#[test]
fn every_make_reads_the_same_connack() {
    if mosquitto_lacks("our configuration") {
        return;
    }
    let broker = Broker::with_tables(
        "[mqtt]\nmax_packet_size = \"64KB\"\nmax_session_expiry_interval = \"60s\"\n\
         receive_maximum = 9\nmax_topic_alias = 7\nserver_keepalive = 30\nmax_qos_allowed = 1\n\
         wildcard_subscription = false\nshared_subscription = false\nresponse_information = \"answers/\"\n\
         [retainer]\nenable = false\n",
    );
    let asked = json!({"session_expiry_interval": 3600, "request_response_information": 1});
    let options = |_: &str| Options::new("").properties(&asked);
    for mut member in connect(&broker, &able(Ability::Properties), options) {
        let mut found = member.client.connack.take();
        let id = found.as_object_mut().unwrap().remove("assigned_client_identifier");
        assert!(!id.unwrap().as_str().unwrap().is_empty(), "{}", member.name);
        let expected = json!({
            "session_expiry_interval": 60,
            "receive_maximum": 9,
            "maximum_qos": 1,
            "retain_available": 0,
            "maximum_packet_size": 65_536,
            "topic_alias_maximum": 7,
            "wildcard_subscription_available": 0,
            "shared_subscription_available": 0,
            "server_keep_alive": 30,
            "response_information": "answers/",
        });
        assert_eq!(found, expected, "{}", member.name);
    }
}

/// A session that was asked to end after a second has ended after three.
#[test]
fn a_session_of_any_make_expires() {
    if mosquitto_lacks("an expiry on the second") {
        return;
    }
    let broker = Broker::start();
    let brief = json!({"session_expiry_interval": 1});
    let options = |name: &str| Options::new(name).persistent().properties(&brief);
    for member in connect(&broker, &able(Ability::Properties), options) {
        member.client.kill();
    }
    pause(Duration::from_secs(3));
    for member in connect(&broker, &able(Ability::Properties), options) {
        assert!(!member.client.session_present, "{}", member.name);
        assert_eq!(member.client.connack["session_expiry_interval"], Value::Null);
    }
}
