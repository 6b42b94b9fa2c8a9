//! Invariant 3: no lock is held across an `.await`. Clippy's `await_holding_lock` finds the guard;
//! this keeps locks to a few files, so that a person can check the rest of the sentence.

use super::finding::Finding;
use super::tree::Tree;

const RULE: &str = "locks";
const LOCKS: &[&str] = &["Mutex", "RwLock", "ReentrantMutex", "FairMutex"];

/// Files (or folders, with `/`) that may lock, each with the reason why that is short and safe.
const ALLOWED: &[(&str, &str)] = &[
    ("host/route/", "stripes shared by all shards; held for one look-up, never while calling out"),
    (
        "host/limit/src/bucket.rs",
        "how full a bucket is, which all shards take from; a few additions",
    ),
    ("host/limit/src/buckets.rs", "stripes of the store; held for one look-up or to forget"),
    ("host/kv/", "parts of what a plugin keeps; held for one key, or to take in the part below"),
    ("host/ban/src/shelf.rs", "stripes of the ban table; held for one look or one entry"),
    (
        "host/ban/src/table.rs",
        "who writes the ban table, one at a time; those who look do not wait",
    ),
    ("host/core/src/inbox.rs", "what other shards leave for this one; held to push or to take all"),
    ("host/core/src/broker.rs", "clients moved off their home; read only while there are any"),
    ("host/connector/src/breaker.rs", "one connector's state; held to look at it or to change it"),
    ("host/connector/src/places.rs", "a plugin's share of one connector; held to find it"),
    ("host/connector/src/http/idle.rs", "idle connections; held to push or to pop one"),
    ("host/policy/src/generation.rs", "who publishes, one at a time; readers take the pointer"),
    ("host/policy/src/state.rs", "which buckets belong to which plugin; held for one look-up"),
    ("host/policy/src/tended/record.rs", "the last decisions; held to push one or to copy them"),
    ("host/policy/src/tended/shadow.rs", "what a candidate showed; held to count one answer"),
    ("host/wasm/src/pool.rs", "idle instances; held to push or to pop one"),
    ("host/wasm/src/voice.rs", "what plugins logged and counted; held for one line or one number"),
    (
        "host/tls/src/acceptor.rs",
        "who changes what a listener shows, one at a time; who accepts takes the pointer",
    ),
    ("host/native/src/back_off.rs", "when the next try is; held to look at it or to change it"),
    (
        "host/native/src/keep.rs",
        "who holds which file; held to write or to remove one, by nobody who serves clients",
    ),
    ("host/native/src/loader.rs", "what is loaded for good; held to look up or to add one"),
    ("host/native/src/marks.rs", "loading marks; held to write one, by nobody who serves clients"),
    ("host/native/src/version.rs", "idle instances; held to push or to pop one"),
    ("host/wasm/src/wasi.rs", "the unfinished line of one instance's output"),
    ("host/reload/src/live.rs", "why one version was let in; held to copy or to replace that"),
    ("host/reload/src/status.rs", "what runs, for whoever asks; held to copy or to replace it"),
    ("host/reload/src/tallies.rs", "tallies by plugin; held to find, to copy or to drop one"),
    ("host/src/feed.rs", "events of one shard that wait; held to put one or to take all"),
    ("host/src/telling.rs", "batches that wait for one plugin; held to put or to take one"),
    ("host/src/peers.rs", "arriving connections and common orders; held to push or to take"),
    ("host/src/moving.rs", "the one connection that is being moved, while all shards stand still"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let shipped = |path: &str| path.starts_with("host/") || path.starts_with("plugins/");
    let allowed = |path: &str| ALLOWED.iter().any(|(allowed, _)| matches(allowed, path));
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| shipped(&file.path) && !allowed(&file.path)) {
        for lock in LOCKS {
            findings.extend(file.live_words(lock).take(1).map(|at| {
                let text = format!(
                    "`{lock}`: a shard owns its data, others send to it (invariant 3); \
                     if it must be, list the file with its reason in tidy/locks.rs"
                );
                file.finding(at, RULE, text)
            }));
        }
    }
    findings
}

fn matches(allowed: &str, path: &str) -> bool {
    allowed == path || (allowed.ends_with('/') && path.starts_with(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_lock_is_found_outside_the_listed_files_and_tests() {
        let text = "use parking_lot::Mutex;\nstruct A { b: Mutex<u8> }\n";
        assert_eq!(count("host/core/src/a.rs", text), 1);
        assert_eq!(count("host/src/connection.rs", "use std::sync::RwLock;"), 1);
        assert_eq!(count("host/route/src/stripe.rs", text), 0);
        assert_eq!(count("host/core/src/inbox.rs", text), 0);
        assert_eq!(
            count("host/core/src/a.rs", "#[cfg(test)]\nmod tests { use std::sync::Mutex; }"),
            0
        );
    }
}
