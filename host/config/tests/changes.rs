//! The difference of two configurations, and which of it applies while the broker runs.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use theseus_config::{Change, Config, Loaded};

const TEXT: &str = "allow_anonymous = true
[listeners.tcp.default]
bind = '127.0.0.1:1883'
";

fn parse(text: &str, variables: &[(&str, &str)]) -> Loaded {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, "theseus.toml", env).unwrap()
}

/// The changes from [`TEXT`] to this, each with whether it is live.
fn changes(text: &str) -> Vec<(String, bool)> {
    shown(&parse(TEXT, &[]).changes(&parse(text, &[])))
}

fn shown(changes: &[Change]) -> Vec<(String, bool)> {
    changes.iter().map(|change| (change.to_string(), change.is_live())).collect()
}

#[test]
fn live_keys_are_those_of_policies() {
    let text = "authentication = ['ldap']
allow_anonymous = false
plugins_dir = 'p'
[listeners.tcp.default]
bind = '127.0.0.1:1883'
authentication = ['password']
allow_anonymous = true
backlog = 5
[authorization]
sources = ['acl']
no_match = 'allow'
deny_action = 'disconnect'
[plugins.password]
users_file = 'users'
[policy]
threads = 2
[log]
level = 'debug'
";
    let expected = [
        ("allow_anonymous: true -> false", true),
        ("authentication: [] -> [\"ldap\"]", true),
        ("authorization.deny_action: \"ignore\" -> \"disconnect\"", true),
        ("authorization.no_match: \"deny\" -> \"allow\"", true),
        ("authorization.sources: [] -> [\"acl\"]", true),
        ("listeners.tcp.default.allow_anonymous: \"inherit\" -> true", true),
        ("listeners.tcp.default.authentication: \"inherit\" -> [\"password\"]", true),
        ("listeners.tcp.default.backlog: 1024 -> 5", false),
        ("log.level: \"info\" -> \"debug\"", false),
        ("plugins.password.users_file: not set -> \"users\"", true),
        ("plugins_dir: \"plugins\" -> \"p\"", false),
        ("policy.threads: 0 -> 2", false),
    ];
    assert_eq!(changes(text), expected.map(|(change, live)| (change.to_owned(), live)));
}

#[test]
fn a_listener_comes_and_goes_with_all_its_keys() {
    let more = format!("{TEXT}[listeners.tcp.more]\nbind = '[::1]:0'\nallow_anonymous = true");
    let came = changes(&more);
    assert!(came.contains(&("listeners.tcp.more.bind: not set -> \"[::1]:0\"".to_owned(), false)));
    assert!(came.iter().all(|(change, _)| change.contains(".more.")), "{came:?}");
    let gone = shown(&parse(&more, &[]).changes(&parse(TEXT, &[])));
    assert_eq!(gone.len(), came.len());
    assert!(
        gone.contains(&("listeners.tcp.more.bind: \"[::1]:0\" -> not set".to_owned(), false)),
        "{gone:?}"
    );
}

#[test]
fn a_further_certificate_comes_and_goes_while_the_broker_runs() {
    let tls = "allow_anonymous = true\n[listeners.ssl.a]\nbind = '127.0.0.1:0'\n[listeners.ssl.a.ssl_options]\n\
               certfile = 'c'\nkeyfile = 'k'\n";
    let sni = "[listeners.ssl.a.ssl_options.sni.b]\ncertfile = 'd'\nkeyfile = 'l'\n";
    let [without, with] = [tls.to_owned(), format!("{tls}{sni}")].map(|text| parse(&text, &[]));
    let key = "listeners.ssl.a.ssl_options.sni.b";
    let came = [("certfile", "d"), ("keyfile", "l")];
    let came = came.map(|(name, path)| (format!("{key}.{name}: not set -> \"{path}\""), true));
    assert_eq!(shown(&without.changes(&with)), came);
    assert!(with.changes(&without).iter().all(Change::is_live));
}

#[test]
fn a_plugins_setting_goes_while_the_broker_runs() {
    let with = parse(&format!("{TEXT}[plugins.acl]\nrules_file = 'r'"), &[]);
    let gone = shown(&with.changes(&parse(TEXT, &[])));
    assert_eq!(gone, [("plugins.acl.rules_file: \"r\" -> not set".to_owned(), true)]);
}

#[test]
fn another_way_to_write_a_value_is_no_change() {
    let one = "[mqtt]\nidle_timeout = '1m'\nmax_packet_size = '1MB'\nmax_inflight = 10";
    let other = "\n# moved\n[mqtt]\nmax_packet_size = '1024KB'\nidle_timeout = '60s'";
    let old = parse(&format!("{TEXT}{one}"), &[]);
    let variables = [("THESEUS_MQTT__MAX_INFLIGHT", "10"), ("THESEUS_AUTHENTICATION", "")];
    let new = parse(&format!("{TEXT}{other}"), &variables);
    assert_eq!(old.changes(&new), []);
    assert_eq!(changes(&format!("{TEXT}[mqtt]\nmax_inflight = 128")), [], "the default, in words");
}

#[test]
fn the_order_of_plugins_is_a_change() {
    let text = |names: &str| parse(&format!("authentication = {names}\n{TEXT}"), &[]);
    let changes = text("['a', 'b']").changes(&text("['b', 'a']"));
    let order = "authentication: [\"a\", \"b\"] -> [\"b\", \"a\"]".to_owned();
    assert_eq!(shown(&changes), [(order, true)]);
}
