//! Files that are no plugins are told so without being compiled.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here is a failed test")]

mod guest;

use guest::Guest;
use theseus_policy::Slot;
use theseus_wasm::{Bounds, inspect};

fn rejection(bytes: &[u8]) -> String {
    inspect(bytes, &Bounds::default()).expect_err("it is no plugin").to_string()
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("text of a component")
}

const PLUGIN: &str = r#"
    (instance $empty)
    (export "theseus:plugin/lifecycle@0.1.0" (instance $empty))
    (export "theseus:plugin/authn@0.1.0" (instance $empty))"#;

#[test]
fn a_plugin_tells_its_slots() {
    let bytes = Guest::default().component();
    assert_eq!(inspect(&bytes, &Bounds::default()).unwrap().slots, [Slot::Authn, Slot::Authz]);
}

#[test]
fn what_is_no_component() {
    assert_eq!(rejection(b""), "it is empty");
    assert_eq!(
        rejection(b"\x7fELF\x02\x01"),
        "it is not WebAssembly (it begins with `\\x7fELF\\x02\\x01`)"
    );
    let module = wat::parse_str("(module)").unwrap();
    let why = rejection(&module);
    assert!(why.starts_with("it is a core WebAssembly module, not a component"), "{why}");
}

#[test]
fn truncation_and_damage_are_found() {
    let whole = Guest::default().component();
    for end in 1..whole.len().min(400) {
        inspect(&whole[..end], &Bounds::default()).expect_err("it is truncated");
    }
    let why = rejection(&whole[..whole.len() - 1]);
    assert!(why.starts_with("it is truncated or damaged: "), "{why}");
    let mut damaged = whole;
    damaged[100..164].fill(0xff);
    let why = rejection(&damaged);
    assert!(why.starts_with("it is truncated or damaged: "), "{why}");
}

#[test]
fn a_file_has_a_size() {
    let bytes = Guest::default().component();
    let bounds = Bounds { file_size_max: bytes.len() - 1, ..Bounds::default() };
    let why = inspect(&bytes, &bounds).unwrap_err().to_string();
    assert!(why.contains("more than policy.max_plugin_size"), "{why}");
}

#[test]
fn other_versions_of_the_interface() {
    let text = PLUGIN.replace("authn@0.1.0", "authn@0.2.0");
    let why = rejection(&component(&format!("(component {text})")));
    assert_eq!(why, "it speaks theseus:plugin/authn@0.2.0; this broker speaks authn 0.1.0");
    let import = r#"(import "theseus:plugin/log@1.0.0" (instance))"#;
    let why = rejection(&component(&format!("(component {import} {PLUGIN})")));
    assert_eq!(why, "it speaks theseus:plugin/log@1.0.0; this broker speaks log 0.1.0");
}

#[test]
fn what_it_must_export() {
    let why = rejection(&component("(component)"));
    assert_eq!(why, "it is no plugin: it does not export `theseus:plugin/lifecycle@0.1.0`");
    let text =
        r#"(component (instance $e) (export "theseus:plugin/lifecycle@0.1.0" (instance $e)))"#;
    let why = rejection(&component(text));
    assert!(why.starts_with("it fills no slot"), "{why}");
}

#[test]
fn what_it_may_not_import() {
    for (import, why) in [
        (
            "theseus:plugin/doors@0.1.0",
            "it wants `theseus:plugin/doors@0.1.0`, which this broker does not offer yet",
        ),
        (
            "wasi:sockets/tcp@0.2.0",
            "it wants sockets (`wasi:sockets/tcp@0.2.0`), which no plugin is given",
        ),
        (
            "wasi:http/outgoing-handler@0.2.3",
            "it wants HTTP (`wasi:http/outgoing-handler@0.2.3`), which no plugin is given",
        ),
        ("wasi:cli/run@0.2.0", "it wants `wasi:cli/run@0.2.0`, which this broker does not offer"),
        ("wasi:cli/exit@0.3.0", "it wants `wasi:cli/exit@0.3.0`, which this broker does not offer"),
        ("acme:net/raw", "it wants `acme:net/raw`, which this broker does not offer"),
    ] {
        let text = format!(r#"(component (import "{import}" (instance)) {PLUGIN})"#);
        assert_eq!(rejection(&component(&text)), why);
    }
}

#[test]
fn any_patch_of_wasi_0_2_is_offered() {
    for version in ["0.2.0", "0.2.6", "0.2.99"] {
        let text = format!(r#"(component (import "wasi:io/poll@{version}" (instance)) {PLUGIN})"#);
        assert_eq!(inspect(&component(&text), &Bounds::default()).unwrap().slots, [Slot::Authn]);
    }
}
