//! The shipped file and the generated reference against the declarations.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap in a test is the failed test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use theseus_config::{Config, DenyAction, Loaded, NoMatch, Origin, PluginValue};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped() -> String {
    fs::read_to_string(root().join("etc/theseus.toml")).unwrap()
}

fn parse(text: &str) -> Loaded {
    Config::parse(text, "etc/theseus.toml", std::iter::empty())
        .unwrap_or_else(|errors| panic!("{errors}"))
}

/// Takes the comment sign from every line that is a key behind it.
fn uncommented(text: &str) -> String {
    let is_key = |line: &str| {
        let name = line.split(" = ").next().unwrap_or_default();
        name != line
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| is_key(line)).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_is_right() {
    let loaded = parse(&shipped());
    assert_eq!(loaded.config.listeners[0].bind.to_string(), "127.0.0.1:1883");
    let config = loaded.config;
    assert!(!config.allow_anonymous, "shipped, strangers stay outside");
    assert_eq!(config.authentication_of(&config.listeners[0]), ["password"]);
    assert_eq!(config.authorization.sources, ["acl"]);
    assert_eq!(config.authorization.no_match, NoMatch::Deny);
    assert_eq!(config.authorization.deny_action, DenyAction::Ignore);
    let named: Vec<_> = config.plugins.iter().map(|settings| &*settings.name).collect();
    assert_eq!(named, ["acl", "password"]);
    let users = config.plugins[1].setting("users_file").unwrap();
    assert_eq!(users.value, PluginValue::Text("etc/users".to_owned()));
    assert_eq!(config.plugins_dir, Path::new("./plugins"));
}

#[test]
fn commented_lines_of_the_shipped_file_are_the_defaults() {
    let text = shipped();
    let full = uncommented(&text);
    assert!(
        full.lines().filter(|line| line.starts_with('#')).count() > 5,
        "prose was taken for keys"
    );
    let (shipped, full) = (parse(&text), parse(&full));
    assert_eq!(shipped.config, full.config);
    let as_shipped: BTreeMap<_, _> =
        shipped.origins().map(|(key, _, origin)| (key, origin)).collect();
    let commented = full.origins().filter(|(key, _, _)| *as_shipped[key] == Origin::Default);
    assert!(commented.count() > 15);
}

#[test]
fn the_shipped_file_shows_every_key_but_those_for_tests() {
    let full = parse(&uncommented(&shipped()));
    let unseen =
        full.origins().filter(|(_, _, origin)| **origin == Origin::Default).map(|(key, _, _)| key);
    assert_eq!(
        unseen.collect::<Vec<_>>(),
        ["testing.move_connections_every", "testing.panic_on_publish"]
    );
}

#[test]
fn the_reference_page_is_up_to_date() {
    let page = root().join("docs/configuration.md");
    let reference = Config::reference();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&page, &reference).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == reference,
        "docs/configuration.md is stale; run the test with UPDATE_EXPECT=1"
    );
}

#[test]
fn the_reference_has_every_key() {
    let reference = Config::reference();
    let own = |key: &str| key.starts_with("plugins.");
    for (key, _, _) in parse(&shipped()).origins().filter(|(key, _, _)| !own(key)) {
        let name = key.rsplit('.').next().unwrap();
        assert!(reference.contains(&format!("| `{name}` |")), "{key} is missing");
    }
    for own in
        ["## `[plugins.NAME]`", "`[plugins.password] users_file`", "`[plugins.acl] rules_file`"]
    {
        assert!(reference.contains(own), "{own} is missing");
    }
}

#[test]
fn the_reference_tells_which_changes_apply_at_once() {
    let reference = Config::reference();
    let live = reference.lines().filter(|line| line.contains("| at once |"));
    let live: Vec<_> = live.filter_map(|line| line.split('`').nth(1)).collect();
    let expected = [
        "allow_anonymous",
        "authentication",
        "limits",
        "bans",
        "hooks",
        "allow_anonymous",
        "authentication",
        // Of `ssl_options`, and what stands below it.
        "certfile",
        "keyfile",
        "cacertfile",
        "crlfile",
        "crl_urls",
        "crl_refresh_interval",
        "crl_http_timeout",
        "verify",
        "fail_if_no_peer_cert",
        "depth",
        "versions",
        "ciphers",
        "max_handshakes",
        "handshake_timeout",
        "certfile",
        "keyfile",
        "enable_ocsp_stapling",
        "responder_url",
        "issuer_pem",
        "refresh_interval",
        "refresh_http_timeout",
        "sources",
        "no_match",
        "deny_action",
        "mode",
        "sha256",
        "public_keys",
        "allow_downgrade",
        "probation",
        "rollback_failures",
        "rollback_ratio",
        "replay_decisions",
        "max_replay_memory",
        "connectors",
        "isolate",
        "on_failure",
        "promote",
        "shadow_sample",
        "shadow_requests",
        "max_deny_to_allow",
        "max_instances",
        "max_instance_memory",
        "login_cpu_time",
        "authorize_cpu_time",
        "url",
        "headers",
        "headers_file",
        "authorization_file",
        "pool_size",
        "max_per_plugin",
        "max_pending",
        "connect_timeout",
        "request_timeout",
        "idle_timeout",
        "max_request_size",
        "max_response_size",
        "breaker_failures",
        "breaker_window",
        "breaker_pause",
        "breaker_max_pause",
        "cacertfile",
        "verify",
    ];
    assert_eq!(live, expected);
    let rows = reference.lines().filter(|line| line.starts_with("| `")).count();
    let later = reference.lines().filter(|line| line.contains("| at the next start |")).count();
    assert_eq!(rows, later + expected.len());
}
