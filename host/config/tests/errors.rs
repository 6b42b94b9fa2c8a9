//! What a person reads when a configuration is wrong: all errors at once, each with its line and
//! what is allowed.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use theseus_config::{Config, ConfigErrors, Loaded};

const LISTENER: &str = "[listeners.tcp.default]\nbind = \"127.0.0.1:1883\"\n";

/// Parses a text where anyone may connect, so that no listener of it lacks authentication.
fn parse(text: &str) -> Result<Loaded, ConfigErrors> {
    let open = ("THESEUS_ALLOW_ANONYMOUS".to_owned(), "true".to_owned());
    Config::parse(text, "etc/theseus.toml", std::iter::once(open))
}

/// The errors of a text, one a line, without the name of the file.
fn errors(text: &str) -> Vec<String> {
    let errors = parse(text).unwrap_err().to_string();
    errors
        .lines()
        .map(|line| line.strip_prefix("etc/theseus.toml").unwrap_or(line).to_owned())
        .collect()
}

/// The errors of a text that follows a right listener of two lines.
fn errors_after_listener(text: &str) -> Vec<String> {
    errors(&format!("{LISTENER}{text}"))
}

#[track_caller]
fn assert_error(text: &str, expected: &str) {
    assert_eq!(errors_after_listener(text), [expected]);
}

#[test]
fn a_minimal_file_is_enough() {
    let text = format!("authentication = ['ldap']\n{LISTENER}");
    let loaded = Config::parse(&text, "etc/theseus.toml", std::iter::empty()).unwrap();
    assert_eq!(loaded.config.listeners.len(), 1);
    assert!(!loaded.config.allow_anonymous, "anonymous clients need the operator's word");
}

#[test]
fn all_errors_come_together_in_the_order_of_the_file() {
    let text = "allow_anonymus = true
data_dir = 5
[mqtt]
idle_timeout = 15
max_packet_sise = \"1MB\"
max_inflight = 0
max_inflight = 5
max_connect_packet_size = \"2MB\"
[listeners.tcp.Bad]
[lg]
level = \"info\"
[log]
level = \"loud\"
nonsense
";
    let expected = [
        ":1: allow_anonymus: unknown key; did you mean `allow_anonymous`?",
        ":2: data_dir: 5 is an integer; allowed: a path, absolute or from the base folder",
        ":4: mqtt.idle_timeout: 15 has no unit; allowed: a duration from \"100ms\" to \"1h\" (units ms, s, m, h, d)",
        ":5: mqtt.max_packet_sise: unknown key; did you mean `max_packet_size`?",
        ":6: mqtt.max_inflight: 0 is out of range; allowed: an integer from 1 to 65535",
        ":7: mqtt.max_inflight: stands here again, first in line 6; keep one of them",
        ":9: listeners.tcp.Bad: this name does not do; allowed: 1 to 64 of a-z, 0-9, - and single _, beginning and ending with a letter or digit",
        ":10: lg: unknown key; did you mean `log`?",
        ":13: log.level: \"loud\" is none of them; allowed: \"error\", \"warn\", \"info\", \"debug\", \"trace\"",
        ":14: this is not TOML: key with no value, expected `=`",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn an_unknown_key_is_looked_for_beside_and_elsewhere() {
    assert_error(
        "[mqtt]\nmax-inflight = 5",
        ":4: mqtt.max-inflight: unknown key; did you mean `max_inflight`?",
    );
    assert_error(
        "[node]\nmax_inflight = 5",
        ":4: node.max_inflight: unknown key; did you mean `mqtt.max_inflight`?",
    );
    assert_error(
        "data_dir = 'x'",
        ":3: listeners.tcp.default.data_dir: unknown key; did you mean `data_dir`?",
    );
    assert_error("[mqtt]\nfrobnicate = 5", ":4: mqtt.frobnicate: unknown key");
    assert_error(
        "[listeners.tpc.x]\nbind = 5",
        ":3: listeners.tpc: unknown key; did you mean `tcp`?",
    );
    assert_error("[mqqt]\nmax_inflight = 5", ":3: mqqt: unknown key; did you mean `mqtt`?");
}

#[test]
fn a_section_is_no_key_and_a_key_is_no_section() {
    assert_eq!(
        errors(&format!("mqtt = 5\n{LISTENER}")),
        [":1: mqtt: 5 is an integer; this is a section, written [mqtt]"]
    );
    assert_error(
        "[[mqtt]]\nmax_inflight = 1",
        ":3: mqtt: the value is an array of tables; this is a section, written [mqtt]",
    );
    assert_error(
        "[log.level]\nx = 1",
        ":3: log.level: the value is a table; allowed: \"error\", \"warn\", \"info\", \"debug\", \"trace\"",
    );
}

#[test]
fn every_kind_refuses_what_it_does_not_hold() {
    let allowed = |text: &str| errors_after_listener(text).concat();
    for (text, problem) in [
        (
            "[retainer]\nenable = 'yes'",
            "retainer.enable: \"yes\" is a string; allowed: true or false",
        ),
        (
            "[node]\nshards = 1025",
            "node.shards: 1025 is out of range; allowed: an integer from 0 to 1024",
        ),
        ("[node]\nshards = -1", "node.shards: -1 is out of range;"),
        ("[node]\nshards = 1.5", "node.shards: 1.5 is a float;"),
        ("[node]\nshards = [1]", "node.shards: the value is an array;"),
        ("[node]\nname = 'theseus'", "node.name: \"theseus\" is not of the form name@host;"),
        ("[node]\nname = 'a@b@c'", "node.name: \"a@b@c\" is not of the form name@host;"),
        ("[node]\nname = \"a\\n@b\"", "node.name: \"a\\n@b\" is not of the form name@host;"),
        ("[mqtt]\nmax_inflight = 65536", "mqtt.max_inflight: 65536 is out of range;"),
        ("[mqtt]\nidle_timeout = '2h'", "mqtt.idle_timeout: \"2h\" is out of range;"),
        (
            "[mqtt]\nidle_timeout = '2 s'",
            "mqtt.idle_timeout: \"2 s\" has none of the units ms, s, m, h, d;",
        ),
        (
            "[mqtt]\nidle_timeout = 'infinity'",
            "mqtt.idle_timeout: \"infinity\" does not begin with a whole number;",
        ),
        ("[mqtt]\nidle_timeout = 07:32:00", "mqtt.idle_timeout: the value is a date or time;"),
        ("[mqtt]\nmax_packet_size = '255B'", "mqtt.max_packet_size: \"255B\" is out of range;"),
        ("[mqtt]\nmax_packet_size = '257MB'", "mqtt.max_packet_size: \"257MB\" is out of range;"),
        ("[mqtt]\nmax_packet_size = 1048576", "mqtt.max_packet_size: 1048576 has no unit;"),
        ("[mqtt]\nmax_clientid_len = 22", "mqtt.max_clientid_len: 22 is out of range;"),
        (
            "[mqtt]\nmax_subscriptions = 'disabled'",
            "allowed: \"infinity\", or an integer from 1 to 10000000",
        ),
        (
            "[mqtt]\nserver_keepalive = 'infinity'",
            "allowed: \"disabled\", or an integer from 1 to 65535",
        ),
        ("[mqtt]\nkeepalive_multiplier = nan", "mqtt.keepalive_multiplier: NaN is out of range;"),
        ("[mqtt]\nkeepalive_multiplier = 0.9", "allowed: a number from 1.0 to 10.0"),
    ] {
        let found = allowed(text);
        assert!(found.contains(problem), "{text:?} gives {found:?}");
    }
}

#[test]
fn an_address_needs_its_host_and_a_listener_its_address() {
    let bind = |bind: &str| errors(&format!("[listeners.tcp.a]\nbind = {bind}")).concat();
    let allowed = "allowed: an IP address and a port, such as \"127.0.0.1:1883\" or \"[::]:1883\" (port 0: any free one)";
    let of = |found: &str| format!(":2: listeners.tcp.a.bind: {found}; {allowed}");
    assert_eq!(bind("1883"), of("1883 is a port without an address"));
    assert_eq!(bind("'1883'"), of("\"1883\" is a port without an address"));
    assert_eq!(bind("':1883'"), of("\":1883\" is not an IP address and a port"));
    assert_eq!(bind("'localhost:1883'"), of("\"localhost:1883\" is not an IP address and a port"));
    let missing = errors("\n[listeners.tcp.a]\nbacklog = 5").concat();
    assert_eq!(
        missing,
        format!(":2: listeners.tcp.a.bind: is missing and has no default; {allowed}")
    );
}

#[test]
fn a_websocket_listener_has_keys_of_its_own() {
    let at = "[listeners.ws.web]\nbind = '127.0.0.1:0'\n[listeners.ws.web.websocket]\n";
    for (key, problem) in [
        ("mqtt_path = 'mqtt'", "\"mqtt\" is not the path of a URL"),
        ("mqtt_path = '/mqtt?a'", "\"/mqtt?a\" is not the path of a URL"),
        ("check_origins = ['app.example']", "holds \"app.example\", which is no origin"),
        ("check_origins = ['https://*']", "holds \"https://*\", which is no origin"),
        ("max_frame_size = '1B'", "\"1B\" is out of range"),
    ] {
        let found = errors(&format!("{LISTENER}{at}{key}\n")).join("\n");
        assert!(
            found.contains(problem) && found.contains("listeners.ws.web.websocket."),
            "{found}"
        );
    }
    let found = errors(&format!("{LISTENER}[listeners.tcp.default.websocket]\n")).join("\n");
    assert!(found.contains("listeners.tcp.default.websocket: unknown key"), "{found}");
}

#[test]
fn keys_must_go_together() {
    let nothing = ": nothing to listen on; add [listeners.tcp.default] with a bind, such as \"127.0.0.1:1883\"";
    assert_eq!(errors(""), [nothing]);
    assert_eq!(errors("[listeners.tcp]"), [nothing]);
    assert_error(
        "[listeners.tcp.b]\nbind = '127.0.0.1:1883'",
        ":4: listeners.tcp.b.bind: 127.0.0.1:1883 is the address of `listeners.tcp.default` already",
    );
    assert_error(
        "[listeners.ws.default]\nbind = '127.0.0.1:1883'",
        ":4: listeners.ws.default.bind: 127.0.0.1:1883 is the address of `listeners.tcp.default` already",
    );
    assert_error(
        "[mqtt]\nmax_connect_packet_size = '2MB'",
        ":4: mqtt.max_connect_packet_size: \"2MB\" is more than mqtt.max_packet_size, which is \"1MB\"",
    );
    assert_error(
        "[mqtt]\nmax_packet_size = '1KB'",
        ":4: mqtt.max_connect_packet_size: \"64KB\" is more than mqtt.max_packet_size, which is \"1KB\"",
    );
}

#[test]
fn port_0_can_be_bound_twice() {
    let text = "[listeners.tcp.a]\nbind = '127.0.0.1:0'\n[listeners.tcp.b]\nbind = '127.0.0.1:0'";
    let loaded = parse(text).unwrap();
    let names: Vec<_> = loaded.config.listeners.iter().map(|listener| &*listener.name).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn the_rest_of_the_file_is_checked_after_a_repetition_and_after_a_syntax_error() {
    assert_eq!(
        errors_after_listener("[mqtt]\n[node]\n[mqtt]\nmax_inflight = 0\n[log]\nlevel = 'loud'"),
        [
            ":5: mqtt: stands here again, first in line 3; keep one of them",
            ":8: log.level: \"loud\" is none of them; allowed: \"error\", \"warn\", \"info\", \"debug\", \"trace\"",
        ]
    );
    let found = errors("[mqtt]\nidle_timeout =\nmax_inflight = 0\nmax_stall = 5s");
    let lines: Vec<_> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines, [":2", ":3", ":4"], "{found:?}");
}

#[test]
fn a_repetition_is_found_in_every_way_to_write_it() {
    for text in [
        "[mqtt]\nmax_inflight = 1\nmax_inflight = 2",
        "[mqtt]\nmax_inflight = 1\n'max_inflight' = 2",
        "[log]\nlevel = 'info'\n[log]\nlevel = 'warn'",
        "[node]\nname = 'a@b'\n[node.name]\nx = 1",
        "[listeners]\ntcp.default.backlog = 5",
    ] {
        let found = errors_after_listener(text);
        assert!(
            found.iter().any(|error| error.contains("stands here again")),
            "{text:?} gives {found:?}"
        );
    }
}

#[test]
fn foreign_text_is_escaped_and_cut() {
    let found =
        errors_after_listener(&format!("[log]\nlevel = \"{}\\u001b[0m\"", "x".repeat(50))).concat();
    assert!(found.contains("\\u{1b}[0m\" is none"), "{found}");
    let found = errors_after_listener(&format!("[log]\nlevel = '{}'", "x".repeat(5000))).concat();
    assert!(found.len() < 300, "{found}");
    let found = errors_after_listener(&format!("[log]\n\"a\\n{}\" = 1", "x".repeat(5000))).concat();
    assert!(found.len() < 300 && found.contains("a\\nxxx"), "{found}");
}
