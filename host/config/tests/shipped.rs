//! The shipped file and the generated reference against the declarations.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap in a test is the failed test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use theseus_config::{Config, Loaded, Origin};

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
    assert!(loaded.config.allow_anonymous);
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
    for (key, _, _) in parse(&shipped()).origins() {
        let name = key.rsplit('.').next().unwrap();
        assert!(reference.contains(&format!("| `{name}` |")), "{key} is missing");
    }
}
