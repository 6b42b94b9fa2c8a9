//! `[connectors.http.NAME]` and who is granted them: keys, errors with their lines, and that secrets
//! stay where they are.

use std::path::Path;
use std::time::Duration;

use theseus_config::{Config, ConfigErrors, Loaded};

const HEAD: &str = "allow_anonymous = true\n[listeners.tcp.default]\nbind = '127.0.0.1:1883'\n";

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(&format!("{HEAD}{text}"), "theseus.toml", env)
}

const USERS: &str = "[connectors.http.users]\nurl = 'https://auth.example.com:8443/v1'\n";

#[test]
fn a_connector_needs_no_more_than_an_address() {
    let config = parse(USERS, &[]).unwrap().config;
    let users = &config.http_connectors[0];
    assert_eq!((&*users.name, &*users.url), ("users", "https://auth.example.com:8443/v1"));
    assert_eq!((users.pool_size, users.max_pending, users.max_per_plugin), (64, 1000, None));
    assert_eq!(users.request_timeout, Duration::from_secs(3));
    assert_eq!(users.breaker_failures, Some(5));
    assert!(users.verify);
    assert!(config.policy_of_plugins.is_empty());
}

#[test]
fn every_key_is_read() {
    let text = format!(
        "{USERS}headers = ['X-Tenant: 4']\nheaders_file = 'etc/h'\nauthorization_file = 'etc/a'
breaker_failures = 'disabled'\ncacertfile = 'etc/ca.pem'\nverify = false
[policy.plugins.http-login]\nconnectors = ['users']\n"
    );
    let config = parse(&text, &[]).unwrap().config;
    let users = &config.http_connectors[0];
    assert_eq!(users.headers.texts(), ["X-Tenant: 4"]);
    assert_eq!(users.headers_file.as_deref(), Some(Path::new("etc/h")));
    assert_eq!(users.authorization_file.as_deref(), Some(Path::new("etc/a")));
    assert_eq!(users.cacertfile.as_deref(), Some(Path::new("etc/ca.pem")));
    assert_eq!((users.breaker_failures, users.verify), (None, false));
    assert_eq!(config.policy_of("http-login").unwrap().connectors, ["users"]);
    assert_eq!(config.policy_of("other"), None);
}

#[test]
fn what_is_wrong_has_a_line_and_no_secret() {
    let error = |text: &str| parse(text, &[]).unwrap_err().to_string();
    for (text, expected) in [
        (
            "[connectors.http.users]\npool_size = 1\n",
            "theseus.toml:4: connectors.http.users.url: is missing and has no default; allowed: an",
        ),
        (
            "[connectors.http.users]\nurl = 'ftp://a'\n",
            "theseus.toml:5: connectors.http.users.url: \"ftp://a\" begins with neither http:// nor",
        ),
        (
            "[connectors.http.users]\nurl = 'http://me:s3cr3t@a'\n",
            "theseus.toml:5: connectors.http.users.url: the value holds a user; secrets stand in",
        ),
        (
            "[connectors.http.users]\nurl = 'http://a'\nheaders = ['A: b', 's3cr3t']\n",
            "theseus.toml:6: connectors.http.users.headers: the value holds as number 2 something",
        ),
        (
            "[connectors.http.users]\nurl = 'http://a'\nheaders = 's3cr3t'\n",
            "theseus.toml:6: connectors.http.users.headers: the value is a string; allowed: an",
        ),
        (
            "[connectors.sql.users]\nurl = 'http://a'\n",
            "theseus.toml:4: connectors.sql: unknown key",
        ),
        (
            "[connectors.http.users]\nurl = 'http://a'\n[policy.plugins.x]\nconnectors = ['user']\n",
            "theseus.toml:7: policy.plugins.x.connectors: there is no section \
             [connectors.http.user]; did you mean \"users\"?",
        ),
    ] {
        let said = error(text);
        assert!(said.starts_with(expected), "{said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
    let variable = [("THESEUS_CONNECTORS__HTTP__USERS__HEADERS", "s3cr3t")];
    let said = parse(USERS, &variable).unwrap_err().to_string();
    assert!(said.contains("HEADERS: connectors.http.users.headers: the value holds"), "{said}");
    assert!(!said.contains("s3cr3t"), "{said}");
}

#[test]
fn a_secret_is_shown_nowhere_and_its_change_is_seen() {
    let with = |secret: &str| parse(&format!("{USERS}headers = ['X-Key: {secret}']"), &[]).unwrap();
    let (old, new) = (with("s3cr3t"), with("0th3r"));
    let changes = old.changes(&new);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to_string(), "connectors.http.users.headers: a secret -> a secret");
    assert!(changes[0].is_live());
    assert!(old.changes(&with("s3cr3t")).is_empty());
    let listed: Vec<_> = old.origins().map(|(key, value, _)| format!("{key} = {value}")).collect();
    assert!(!format!("{old:?}{listed:?}{changes:?}").contains("s3cr3t"));
}
