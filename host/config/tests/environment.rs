//! Variables over file over default, and the origin of each value.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use std::path::Path;
use std::time::Duration;

use theseus_config::{Config, ConfigErrors, Loaded, Origin};

const TEXT: &str = "data_dir = '/var/x'
listeners.tcp.default.bind = '127.0.0.1:1883'
authentication = ['password']
[mqtt]
max_inflight = 10
session_expiry_interval = 'infinity'
max_session_expiry_interval = '1h'
";

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, "etc/theseus.toml", env)
}

fn error(variables: &[(&str, &str)]) -> String {
    parse(TEXT, variables).unwrap_err().to_string()
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let loaded = parse(TEXT, &[]).unwrap();
    assert_eq!(loaded.config.mqtt.max_inflight, 10);
    assert_eq!(loaded.origin("mqtt.max_inflight"), Origin::File { line: 5 });
    assert_eq!(loaded.origin("mqtt.receive_maximum"), Origin::Default);
    assert_eq!(loaded.config.mqtt.receive_maximum, 256);

    let loaded = parse(TEXT, &[("THESEUS_MQTT__MAX_INFLIGHT", "20")]).unwrap();
    assert_eq!(loaded.config.mqtt.max_inflight, 20);
    let variable = "THESEUS_MQTT__MAX_INFLIGHT".to_owned();
    assert_eq!(loaded.origin("mqtt.max_inflight"), Origin::Environment { variable });
}

#[test]
fn every_kind_can_be_a_variable() {
    let loaded = parse(
        TEXT,
        &[
            ("THESEUS_ALLOW_ANONYMOUS", "true"),
            ("THESEUS_DATA_DIR", "2026"),
            ("THESEUS_LISTENERS__TCP__DEFAULT__BIND", "127.0.0.1:0"),
            ("THESEUS_LISTENERS__TCP__DEFAULT__ALLOW_ANONYMOUS", "false"),
            ("THESEUS_LISTENERS__TCP__MORE__AUTHENTICATION", "inherit"),
            ("THESEUS_LISTENERS__TCP__MORE__BIND", "[::1]:0"),
            ("THESEUS_LISTENERS__TCP__OTHER__AUTHENTICATION", "ldap"),
            ("THESEUS_LISTENERS__TCP__OTHER__BIND", "[::1]:0"),
            ("THESEUS_AUTHENTICATION", "tokens, password"),
            ("THESEUS_AUTHORIZATION__SOURCES", ""),
            ("THESEUS_AUTHORIZATION__NO_MATCH", "allow"),
            ("THESEUS_PLUGINS_DIR", "/opt/plugins"),
            ("THESEUS_POLICY__LOGIN_TIMEOUT", "2s"),
            ("THESEUS_LOG__LEVEL", "debug"),
            ("THESEUS_MQTT__IDLE_TIMEOUT", "250ms"),
            ("THESEUS_MQTT__KEEPALIVE_MULTIPLIER", "2"),
            ("THESEUS_MQTT__MAX_PACKET_SIZE", "2MB"),
            ("THESEUS_MQTT__MAX_SUBSCRIPTIONS", "infinity"),
            ("THESEUS_MQTT__SERVER_KEEPALIVE", "60"),
        ],
    );
    let config = loaded.unwrap().config;
    assert_eq!(config.data_dir, Path::new("./2026"));
    assert_eq!(config.listeners[0].bind.port(), 0);
    assert!(!config.allows_anonymous(&config.listeners[0]));
    assert_eq!(config.listeners[1].name, "more");
    assert!(config.allows_anonymous(&config.listeners[1]));
    assert_eq!(config.authentication, ["tokens", "password"]);
    assert_eq!(config.authentication_of(&config.listeners[0]), ["tokens", "password"]);
    assert_eq!(config.authentication_of(&config.listeners[1]), ["tokens", "password"]);
    assert_eq!(config.authentication_of(&config.listeners[2]), ["ldap"]);
    assert!(config.authorization.sources.is_empty());
    assert_eq!(config.authorization.no_match, theseus_config::NoMatch::Allow);
    assert_eq!(config.plugins_dir, Path::new("/opt/plugins"));
    assert_eq!(config.policy.login_timeout, Duration::from_secs(2));
    assert_eq!(config.log.level, theseus_config::Level::Debug);
    assert_eq!(config.mqtt.idle_timeout, Duration::from_millis(250));
    assert_eq!(config.mqtt.keepalive_multiplier.to_bits(), 2.0_f64.to_bits());
    assert_eq!(config.mqtt.max_packet_size, 2 << 20);
    assert_eq!(config.mqtt.max_subscriptions, None);
    assert_eq!(config.mqtt.server_keepalive, Some(60));
}

#[test]
fn the_session_expiry_is_cut_to_its_maximum() {
    let expiry = |interval: &str, max: &str| {
        let variables = [
            ("THESEUS_MQTT__SESSION_EXPIRY_INTERVAL", interval),
            ("THESEUS_MQTT__MAX_SESSION_EXPIRY_INTERVAL", max),
        ];
        parse(TEXT, &variables).unwrap().config.mqtt.default_session_expiry()
    };
    assert_eq!(expiry("2h", "1h"), Some(Duration::from_secs(3600)));
    assert_eq!(expiry("1h", "2h"), Some(Duration::from_secs(3600)));
    assert_eq!(expiry("infinity", "1h"), Some(Duration::from_secs(3600)));
    assert_eq!(expiry("1h", "infinity"), Some(Duration::from_secs(3600)));
    assert_eq!(expiry("infinity", "infinity"), None);
}

#[test]
fn unknown_variables_are_refused_with_the_nearest() {
    for (variable, expected) in [
        ("THESEUS_MQTT__MAX_INFLIGT", "names no key; did you mean `THESEUS_MQTT__MAX_INFLIGHT`?"),
        ("THESEUS_MQTT_MAX_INFLIGHT", "names no key; did you mean `THESEUS_MQTT__MAX_INFLIGHT`?"),
        ("THESEUS_mqtt__max_inflight", "names no key; did you mean `THESEUS_MQTT__MAX_INFLIGHT`?"),
        (
            "THESEUS_LISTENERS__TCP__OTHER__BYND",
            "names no key; did you mean `THESEUS_LISTENERS__TCP__OTHER__BIND`?",
        ),
        ("THESEUS_MQTT", "names a section, not a key of it"),
        ("THESEUS_LISTENERS__TCP__X", "names a section, not a key of it"),
        ("THESEUS_", "names no key"),
        ("THESEUS_SOMETHING_ELSE_ENTIRELY", "names no key"),
    ] {
        assert_eq!(error(&[(variable, "1")]), format!("environment {variable}: {expected}"));
    }
    let name = error(&[("THESEUS_LISTENERS__TCP___X__BIND", "127.0.0.1:0")]);
    assert!(
        name.starts_with("environment THESEUS_LISTENERS__TCP___X__BIND: this name does not do"),
        "{name}"
    );
}

#[test]
fn a_bad_value_names_its_variable_and_its_key() {
    assert_eq!(
        error(&[("THESEUS_MQTT__MAX_INFLIGHT", "many")]),
        "environment THESEUS_MQTT__MAX_INFLIGHT: mqtt.max_inflight: \"many\" does not fit; \
         allowed: an integer from 1 to 65535"
    );
    let list = error(&[("THESEUS_AUTHENTICATION", "a,a")]);
    assert!(
        list.starts_with(
            "environment THESEUS_AUTHENTICATION: authentication: \"a,a\" holds \"a\" twice;"
        ),
        "{list}"
    );
    let list = error(&[("THESEUS_AUTHENTICATION", "a,,b")]);
    assert!(list.contains("\"a,,b\" holds \"\", which is no name;"), "{list}");
    assert!(
        error(&[("THESEUS_RETAINER__ENABLE", "")])
            .contains("\"\" does not fit; allowed: true or false")
    );
}

#[test]
fn a_bad_value_of_the_file_stays_an_error_under_a_variable() {
    let text = TEXT.replace("= 10", "= 0");
    let errors = parse(&text, &[("THESEUS_MQTT__MAX_INFLIGHT", "20")]).unwrap_err();
    assert_eq!(errors.iter().len(), 1);
    assert!(
        errors.to_string().starts_with("etc/theseus.toml:5: mqtt.max_inflight: 0 is out of range")
    );
}

#[test]
fn reserved_and_foreign_variables_are_left_alone() {
    let variables = [
        ("THESEUS_BIN", "x"),
        ("THESEUS_REQUIRE_CLIENTS", "1"),
        ("THESEUS_LOG", "trace"),
        ("PATH", "/bin"),
        ("theseus_x", "1"),
    ];
    let loaded = parse(TEXT, &variables).unwrap();
    assert!(loaded.origins().all(|(_, _, origin)| !matches!(origin, Origin::Environment { .. })));
}

#[test]
fn every_key_is_listed_once_with_its_value() {
    let loaded = parse(TEXT, &[("THESEUS_MQTT__MAX_INFLIGHT", "20")]).unwrap();
    let listed: Vec<_> = loaded.origins().collect();
    assert!(listed.contains(&(
        "listeners.tcp.default.bind",
        "\"127.0.0.1:1883\"",
        &Origin::File { line: 2 }
    )));
    assert!(listed.contains(&("mqtt.max_packet_size", "\"1MB\"", &Origin::Default)));
    assert!(listed.contains(&("mqtt.keepalive_multiplier", "1.5", &Origin::Default)));
    let mut keys: Vec<_> = listed.iter().map(|(key, _, _)| *key).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all);
}
