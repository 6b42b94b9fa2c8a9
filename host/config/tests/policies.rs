//! Keys about who may connect and do what: lists of plugins, words, bounds, and that no listener
//! refuses everyone.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use std::time::Duration;

use theseus_config::{Config, ConfigErrors, DenyAction, Loaded, NoMatch};

const LISTENER: &str = "[listeners.tcp.default]\nbind = \"127.0.0.1:1883\"\n";

fn parse(text: &str) -> Result<Loaded, ConfigErrors> {
    Config::parse(text, "etc/theseus.toml", std::iter::empty())
}

/// The only error of a text that follows a listener of three lines that lets anyone in.
#[track_caller]
fn assert_error(text: &str, expected: &str) {
    let errors = parse(&format!("{LISTENER}allow_anonymous = true\n{text}")).unwrap_err();
    assert_eq!(errors.to_string(), format!("etc/theseus.toml{expected}"));
}

const NOBODY: &str = "nobody could connect: `authentication` names no plugin and `allow_anonymous` \
    is false; set authentication = [\"password\"], or allow_anonymous = true, in this section or at \
    the top level";

#[test]
fn a_listener_that_could_let_nobody_in_is_refused() {
    let found = |text: &str| parse(text).unwrap_err().to_string();
    let of = |line: usize, name: &str| {
        format!("etc/theseus.toml:{line}: listeners.tcp.{name}: {NOBODY}")
    };
    assert_eq!(found(LISTENER), of(1, "default"));
    assert_eq!(found(&format!("authentication = []\n{LISTENER}")), of(2, "default"));
    let own = format!("authentication = ['ldap']\n\n{LISTENER}authentication = []\n");
    assert_eq!(found(&own), of(3, "default"));
    let own = format!("allow_anonymous = true\n{LISTENER}allow_anonymous = false\n");
    assert_eq!(found(&own), of(2, "default"));
    let two = format!("{LISTENER}allow_anonymous = true\n[listeners.tcp.b]\nbind = '[::1]:0'");
    assert_eq!(found(&two), of(4, "b"));
    let both = format!("{LISTENER}[listeners.tcp.b]\nbind = '[::1]:0'");
    assert_eq!(found(&both), [of(1, "default"), of(3, "b")].join("\n"));
    let with_other = format!("{LISTENER}[mqtt]\nmax_inflight = 0");
    assert!(found(&with_other).starts_with(&of(1, "default")), "{}", found(&with_other));
}

#[test]
fn one_way_in_is_enough() {
    for text in [
        format!("authentication = ['ldap']\n{LISTENER}"),
        format!("allow_anonymous = true\n{LISTENER}"),
        format!("{LISTENER}authentication = ['ldap']"),
        format!("{LISTENER}allow_anonymous = true"),
        format!("authentication = ['ldap']\n{LISTENER}allow_anonymous = false"),
        format!("authentication = ['ldap']\n{LISTENER}authentication = 'inherit'"),
        format!("authentication = ['ldap']\n{LISTENER}authentication = []\nallow_anonymous = true"),
    ] {
        assert!(parse(&text).is_ok(), "{text:?} gives {:?}", parse(&text));
    }
}

#[test]
fn a_key_that_was_refused_may_be_the_one_that_lets_clients_in() {
    for (text, problem) in [
        ("allow_anonymus = true\n", "unknown key; did you mean `allow_anonymous`?"),
        ("autentication = ['ldap']\n", "unknown key; did you mean `authentication`?"),
        ("authentication = 'ldap'\n", "\"ldap\" is a string; allowed: an array of names"),
        ("mqtt.allow_anonymous = true\n", "did you mean `allow_anonymous`?"),
    ] {
        let errors = parse(&format!("{text}{LISTENER}")).unwrap_err();
        assert_eq!(errors.iter().len(), 1, "{text:?} gives {errors}");
        assert!(errors.to_string().contains(problem), "{text:?} gives {errors}");
    }
}

#[test]
fn a_list_holds_names_and_each_once() {
    let allowed = "allowed: an array of names such as [\"one\", \"two\"], each 1 to 64 of a-z, 0-9, - and \
        single _, beginning and ending with a letter or digit";
    for (list, problem) in [
        ("'a'", "\"a\" is a string"),
        ("5", "5 is an integer"),
        ("['a', 5]", "the value holds something that is no string"),
        ("['a', ['b']]", "the value holds something that is no string"),
        ("['a', 'B']", "the value holds \"B\", which is no name"),
        ("['']", "the value holds \"\", which is no name"),
        ("['a__b']", "the value holds \"a__b\", which is no name"),
        ("['a\\n']", "the value holds \"a\\\\n\", which is no name"),
        ("['a', 'b', 'a']", "the value holds \"a\" twice"),
        ("{ a = 1 }", "the value is a table"),
    ] {
        assert_error(
            &format!("[authorization]\nsources = {list}"),
            &format!(":5: authorization.sources: {problem}; {allowed}"),
        );
    }
    assert_error(
        "authentication = ['a', 'a']",
        &format!(
            ":4: listeners.tcp.default.authentication: the value holds \"a\" twice; \
             {}",
            allowed.replace("allowed: ", "allowed: \"inherit\", or ")
        ),
    );
    let many = format!("[authorization]\nsources = [\n'a',\n'b-2', 'c_d', '{}'\n]", "x".repeat(64));
    let loaded = parse(&format!("allow_anonymous = true\n{LISTENER}{many}")).unwrap();
    assert_eq!(loaded.config.authorization.sources[..3], ["a", "b-2", "c_d"]);
}

#[test]
fn the_words_of_authorization_are_these() {
    assert_error(
        "[authorization]\nno_match = 'ask'",
        ":5: authorization.no_match: \"ask\" is none of them; allowed: \"allow\", \"deny\"",
    );
    assert_error(
        "[authorization]\ndeny_action = true",
        ":5: authorization.deny_action: true is a boolean; allowed: \"ignore\", \"disconnect\"",
    );
    let words = "[authorization]\nno_match = 'allow'\ndeny_action = 'disconnect'";
    let authorization =
        parse(&format!("allow_anonymous = true\n{LISTENER}{words}")).unwrap().config.authorization;
    assert_eq!(authorization.no_match, NoMatch::Allow);
    assert_eq!(authorization.deny_action, DenyAction::Disconnect);
}

#[test]
fn what_plugins_cost_has_limits() {
    for (key, [below, min, max, above], allowed) in [
        ("threads", ["-1", "0", "1024", "1025"], "an integer from 0 to 1024"),
        (
            "max_pending_logins",
            ["0", "1", "1_000_000", "1_000_001"],
            "an integer from 1 to 1000000",
        ),
        (
            "login_timeout",
            ["'99ms'", "'100ms'", "'1m'", "'61s'"],
            "a duration from \"100ms\" to \"1m\" (units ms, s, m, h, d)",
        ),
        ("max_instances", ["0", "1", "1024", "1025"], "an integer from 1 to 1024"),
        (
            "max_instance_memory",
            ["'1023KB'", "'1MB'", "'1GB'", "'1025MB'"],
            "a size from \"1MB\" to \"1GB\" (units B, KB, MB, GB)",
        ),
        (
            "max_plugin_memory",
            ["'15MB'", "'16MB'", "'1024GB'", "'1025GB'"],
            "a size from \"16MB\" to \"1024GB\" (units B, KB, MB, GB)",
        ),
        (
            "max_state_size",
            ["'63KB'", "'64KB'", "'1GB'", "'1025MB'"],
            "a size from \"64KB\" to \"1GB\" (units B, KB, MB, GB)",
        ),
        (
            "max_plugin_buckets",
            ["0", "1", "10_000_000", "10_000_001"],
            "an integer from 1 to 10000000",
        ),
        (
            "login_cpu_time",
            ["'0ms'", "'1ms'", "'10s'", "'11s'"],
            "a duration from \"1ms\" to \"10s\" (units ms, s, m, h, d)",
        ),
        (
            "max_plugin_size",
            ["'63KB'", "'64KB'", "'256MB'", "'257MB'"],
            "a size from \"64KB\" to \"256MB\" (units B, KB, MB, GB)",
        ),
        ("max_hanging_calls", ["0", "1", "1024", "1025"], "an integer from 1 to 1024"),
        (
            "max_process_memory",
            ["'15MB'", "'16MB'", "'1GB'", "'1025MB'"],
            "a size from \"16MB\" to \"1GB\" (units B, KB, MB, GB)",
        ),
        ("hash_threads", ["-1", "0", "256", "257"], "an integer from 0 to 256"),
        ("max_pending_hashes", ["-1", "0", "100_000", "100_001"], "an integer from 0 to 100000"),
    ] {
        for right in [min, max] {
            let text = format!("allow_anonymous = true\n{LISTENER}[policy]\n{key} = {right}");
            assert!(parse(&text).is_ok(), "{key} = {right} is refused");
        }
        for wrong in [below, above] {
            let shown = wrong.replace('\'', "\"").replace('_', "");
            let expected = format!(":5: policy.{key}: {shown} is out of range; allowed: {allowed}");
            assert_error(&format!("[policy]\n{key} = {wrong}"), &expected);
        }
    }
}

/// Every key of `[mqtt]` but one can be said for the clients of one listener.
#[test]
fn a_listener_overrides_what_its_clients_are_held_to() {
    let text = "allow_anonymous = true\n[mqtt]\nmax_inflight = 5\nmax_topic_levels = 9\n\
        [listeners.tcp.a]\nbind = \"127.0.0.1:1\"\n[listeners.tcp.a.mqtt]\nmax_inflight = 7\n\
        [listeners.tcp.b]\nbind = \"127.0.0.1:2\"\n";
    let config = Config::parse(text, "t.toml", std::iter::empty()).unwrap().config;
    let of = |name: &str| {
        let listener = config.listeners.iter().find(|listener| listener.name == name).unwrap();
        let mqtt = config.mqtt_of(listener);
        (mqtt.max_inflight, mqtt.max_topic_levels)
    };
    assert_eq!((of("a"), of("b")), ((7, 9), (5, 9)));
}

#[test]
fn what_a_listener_overrides_is_checked_as_all_else() {
    let listener = "allow_anonymous = true\n[listeners.tcp.a]\nbind = \"127.0.0.1:1\"\n\
        [listeners.tcp.a.mqtt]\n";
    for (line, problem) in [
        ("max_inflight = 0", "t.toml:5: listeners.tcp.a.mqtt.max_inflight: 0 is out of range"),
        ("max_inflght = 1", "did you mean `max_inflight`?"),
        ("max_sessions = 1", "is for the whole broker: it stands in [mqtt] only"),
        (
            "max_packet_size = \"1KB\"",
            "t.toml:5: listeners.tcp.a.mqtt.max_connect_packet_size: \"64KB\" is more than \
             listeners.tcp.a.mqtt.max_packet_size",
        ),
        ("min_keepalive = 9\nmax_keepalive = 8", "min_keepalive: 9 is more than"),
    ] {
        let text = format!("{listener}{line}\n");
        let errors = Config::parse(&text, "t.toml", std::iter::empty()).unwrap_err().to_string();
        assert!(errors.contains(problem), "{errors}");
    }
}

/// What one plugin may cost has the limits that hold for any.
#[test]
fn one_plugin_may_cost_more_or_less_than_any() {
    let keys = "max_instances = 3\nmax_instance_memory = '64MB'\nauthorize_cpu_time = '9ms'";
    let text = format!("allow_anonymous = true\n{LISTENER}[policy.plugins.door]\n{keys}");
    let config = parse(&text).unwrap().config;
    let door = config.policy_of("door").unwrap();
    assert_eq!((door.max_instances, door.max_instance_memory), (Some(3), Some(64 << 20)));
    assert_eq!(door.authorize_cpu_time, Some(Duration::from_millis(9)));
    assert_eq!(door.login_cpu_time, None);
    let range = "is out of range; allowed: \"inherit\", or";
    for (wrong, key, allowed) in [
        ("0", "max_instances", "an integer from 1 to 1024"),
        ("\"1KB\"", "max_instance_memory", "a size from \"1MB\" to \"1GB\" (units B, KB, MB, GB)"),
        ("\"11s\"", "login_cpu_time", "a duration from \"1ms\" to \"10s\" (units ms, s, m, h, d)"),
    ] {
        let expected = format!(":5: policy.plugins.door.{key}: {wrong} {range} {allowed}");
        assert_error(&format!("[policy.plugins.door]\n{key} = {wrong}"), &expected);
    }
}
