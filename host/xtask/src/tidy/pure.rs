//! Invariant 1: `mqtt`, `websocket`, `proxy`, `route`, `limit`, `kv` and `core` do no input or output and read no clock.
//! Their tests and benchmarks may. That they build for wasm32 is `cargo xtask check wasm`.

use super::finding::Finding;
use super::source::Source;
use super::tree::Tree;

const RULE: &str = "pure";
const CRATES: &[&str] = &[
    "host/mqtt",
    "host/websocket",
    "host/proxy",
    "host/route",
    "host/limit",
    "host/kv",
    "host/ban",
    "host/core",
];

/// Words that must not stand in their code, and what to do instead.
const BANNED: &[(&str, &str)] = &[
    ("tokio", "the shell owns the runtime"),
    ("mio", "the shell owns the sockets"),
    ("socket2", "the shell owns the sockets"),
    ("Instant::now", "time is an argument"),
    ("SystemTime", "time is an argument"),
    (".elapsed(", "it reads the clock; time is an argument"),
    ("async", "a step does not wait: what waits is state, and state is data (invariant 8)"),
    ("thread_local!", "state belongs to the value, or it cannot be moved to another shard"),
];

/// Modules of `std` that reach outside.
const BANNED_STD: &[(&str, &str)] = &[
    ("net", "for an address as plain data there is core::net"),
    ("fs", "the shell owns the files"),
    ("thread", "the shell owns the threads"),
    ("process", "the shell owns the process"),
    ("env", "configuration is an argument"),
];

const BANNED_CRATES: &[&str] = &["tokio", "mio", "socket2", "async-std", "smol", "rustix", "libc"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let ours = |path: &str| CRATES.iter().any(|c| path.starts_with(&format!("{c}/")));
    let mut findings: Vec<Finding> = Vec::new();
    for file in tree.rust().filter(|file| ours(&file.path)) {
        check_words(file, &mut findings);
        check_std(file, &mut findings);
    }
    for manifest in tree.manifests().filter(|m| CRATES.contains(&m.folder)) {
        let wrong = manifest.dependencies().into_iter().filter(|d| BANNED_CRATES.contains(&d.name));
        findings.extend(wrong.map(|d| {
            let text = format!("{} must not depend on {} (invariant 1)", manifest.folder, d.name);
            manifest.file.finding(d.at, RULE, text)
        }));
    }
    findings
}

fn check_words(file: &Source, findings: &mut Vec<Finding>) {
    for (word, why) in BANNED {
        for at in file.live_words(word) {
            findings.push(file.finding(at, RULE, format!("`{word}` (invariant 1): {why}")));
        }
    }
}

/// `std::net`, and `net` in `use std::{…, net::…}`.
fn check_std(file: &Source, findings: &mut Vec<Finding>) {
    for at in file.live_words("std::") {
        let rest = &file.code[at + "std::".len()..];
        for (module, why) in BANNED_STD {
            if first_segments(rest).any(|segment| segment == *module) {
                let text = format!("`std::{module}` (invariant 1): {why}");
                findings.push(file.finding(at, RULE, text));
            }
        }
    }
}

/// The first word of each path in `{a::b, c}`, or of the one path.
fn first_segments(rest: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut open) = (0_usize, true);
    let grouped = rest.starts_with('{');
    let inside = rest.trim_start_matches('{');
    let group = inside.split_inclusive([',', '{', '}']).map_while(move |piece| {
        let at_top = depth == 0 && open;
        match piece.chars().last() {
            Some('{') => depth += 1,
            Some('}') if depth == 0 => open = false,
            Some('}') => depth -= 1,
            _ => open &= grouped,
        }
        if at_top { Some(piece) } else { (open || depth > 0).then_some("") }
    });
    let word =
        |piece: &str| piece.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(piece.len());
    let limit = if grouped { usize::MAX } else { 1 };
    group.take(limit).map(str::trim_start).map(move |piece| &piece[..word(piece)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn input_output_and_clocks_are_found_in_pure_crates_only() {
        let text = "//! x\nuse tokio::time;\nfn f() { let t = Instant::now(); t.elapsed(); }\nasync fn g() {}\n";
        let found = rules("host/core/src/a.rs", text);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("host/core/src/a.rs:2: [pure] `tokio`"), "{found:?}");
        assert!(rules("host/src/a.rs", text).is_empty());
        assert!(rules("host/core/tests/a.rs", text).is_empty());
    }

    #[test]
    fn std_modules_are_found_in_every_form() {
        for text in [
            "use std::net::TcpStream;",
            "use std::{fmt, net::TcpStream};",
            "use std::{\n    collections::{HashMap, VecDeque},\n    fs,\n};",
            "fn f() { std::thread::yield_now() }",
        ] {
            assert_eq!(rules("host/mqtt/src/a.rs", text).len(), 1, "{text}");
        }
        for text in [
            "use std::collections::VecDeque; use core::net::IpAddr;",
            "use std::{fmt, collections::{fs, net}}; mod thread;",
            "// std::net\nlet x = \"std::fs\";",
            "use std::fmt; fn f(a: A, net: N, fs: F) {}",
        ] {
            assert!(rules("host/mqtt/src/a.rs", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_runtime_in_the_manifest_is_found() {
        let text = "[dependencies]\ntokio = \"1\"\n[dev-dependencies]\nmio = \"1\"\n";
        let found = rules("host/route/Cargo.toml", text);
        assert_eq!(
            found,
            ["host/route/Cargo.toml:2: [pure] host/route must not depend on tokio (invariant 1)"]
        );
    }
}
