//! Invariant 6: every queue has a bound. A channel that cannot be full is the usual way to break
//! it unseen; what a `VecDeque` may hold is checked by the tests of its owner.

use super::finding::Finding;
use super::tree::Tree;

const RULE: &str = "bounds";

/// Channels without a bound, in the spellings of tokio, std, flume, crossbeam and async-channel.
const UNBOUNDED: &[&str] =
    &["unbounded_channel", "UnboundedSender", "UnboundedReceiver", "unbounded", "mpsc::channel()"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for name in UNBOUNDED {
            findings.extend(file.live_words(name).map(|at| {
                let text = format!("`{name}` has no bound (invariant 6): name one, and count it");
                file.finding(at, RULE, text)
            }));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_without_a_bound_are_found() {
        for text in [
            "let (a, b) = tokio::sync::mpsc::unbounded_channel();",
            "let (a, b) = flume::unbounded();",
            "let (a, b) = std::sync::mpsc::channel();",
            "struct A(UnboundedSender<u8>);",
        ] {
            let found = check(&Tree::of(&[("host/src/a.rs", text)]));
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].to_string().find("host/src/a.rs:1: [bounds]"), Some(0));
        }
        let bounded = "let (a, b) = mpsc::channel(LIMIT); // not unbounded";
        assert!(check(&Tree::of(&[("host/src/a.rs", bounded)])).is_empty());
    }
}
