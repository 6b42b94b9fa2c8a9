//! The keys of `[trust]`: hashes, keys, and that some plugin can run.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use theseus_config::{Config, ConfigErrors, Loaded, TrustKey, TrustMode};

const HEAD: &str =
    "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:1883\"\n[trust]\n";
const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fn parse(trust: &str) -> Result<Loaded, ConfigErrors> {
    Config::parse(&format!("{HEAD}{trust}"), "theseus.toml", std::iter::empty())
}

fn error(trust: &str) -> String {
    parse(trust).unwrap_err().to_string()
}

#[test]
fn anything_may_run_where_nothing_is_said() {
    let trust = parse("").unwrap().config.trust;
    assert_eq!((trust.mode, trust.allow_downgrade), (TrustMode::Any, None));
    assert!(trust.sha256.is_empty() && trust.public_keys.is_empty());
}

#[test]
fn hashes_and_keys_are_read() {
    let text = format!(
        "mode = 'signed'\nsha256 = ['{HASH}', '{}']\npublic_keys = ['{KEY}', 'etc/ours.pub']\n\
         allow_downgrade = true",
        HASH.to_uppercase()
    );
    let trust = parse(&text).unwrap().config.trust;
    assert_eq!((trust.mode, trust.allow_downgrade), (TrustMode::Signed, Some(true)));
    assert_eq!(trust.sha256.len(), 2);
    assert_eq!(trust.sha256[0], trust.sha256[1]);
    assert_eq!((trust.sha256[0][0], trust.sha256[0][31]), (0xba, 0xad));
    let keys = [TrustKey::Text(KEY.to_owned()), TrustKey::File("etc/ours.pub".into())];
    assert_eq!(trust.public_keys, keys);
}

#[test]
fn what_is_neither_is_an_error_with_its_line() {
    let at = "theseus.toml:5: trust.";
    for bad in ["abc", &HASH[1..], &HASH.replacen('b', "+", 1), &HASH.replacen("ba", "b ", 1)] {
        let said = error(&format!("sha256 = ['{bad}']"));
        assert!(said.starts_with(&format!("{at}sha256: the value holds \"")), "{said}");
        assert!(
            said.contains("which is no hash; allowed: an array of at most 1024 hashes"),
            "{said}"
        );
    }
    for bad in
        ["RWabc", &KEY[1..], &KEY.replacen("RW", "XX", 1), "ours.key", &KEY.replacen('5', "-", 1)]
    {
        let said = error(&format!("public_keys = ['{bad}']"));
        assert!(said.starts_with(&format!("{at}public_keys: the value holds \"")), "{said}");
        assert!(said.contains("which is neither a key nor the path of one"), "{said}");
    }
    assert!(error("sha256 = 'x'").contains("\"x\" is a string"), "{}", error("sha256 = 'x'"));
    assert!(error("public_keys = [1]").contains("holds something that is no string"));
    assert!(error("mode = 'pined'").contains("allowed: \"any\", \"pinned\", \"signed\""));
    let many = vec![format!("'{HASH}'"); 1025].join(", ");
    assert!(error(&format!("sha256 = [{many}]")).contains("holds more than 1024"));
}

#[test]
fn some_plugin_must_be_able_to_run() {
    for (mode, key) in [("pinned", "sha256"), ("signed", "public_keys")] {
        let expected = format!(
            "theseus.toml:5: trust.mode: \"{mode}\" lets no plugin run as long as trust.{key} is empty"
        );
        assert_eq!(error(&format!("mode = '{mode}'")), expected);
    }
    let pinned = format!("mode = 'pinned'\nsha256 = ['{HASH}']");
    assert!(parse(&pinned).is_ok());
}

#[test]
fn every_key_of_it_changes_a_running_broker() {
    let before = parse("").unwrap();
    let text = format!(
        "mode = 'pinned'\nsha256 = ['{HASH}']\npublic_keys = ['{KEY}']\nallow_downgrade = false"
    );
    let changes = before.changes(&parse(&text).unwrap());
    assert_eq!(changes.len(), 4);
    assert!(changes.iter().all(theseus_config::Change::is_live), "{changes:?}");
}
