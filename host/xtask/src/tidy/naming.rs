//! Every file says what it is, and no file is named after nothing in particular:
//! a drawer with such a name collects whatever nobody wanted to think about.

use super::finding::Finding;
use super::source::Source;
use super::tree::Tree;

const RULE: &str = "naming";

/// Parts of file, folder and module names that say nothing about what is inside.
const EMPTY_WORDS: &[&str] =
    &["util", "utils", "utility", "common", "manager", "helper", "helpers", "misc", "stuff"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        if !has_header(&file.text) {
            let text = "begins without `//!`: what it is, what it is not, where it is used";
            findings.push(file.finding(0, RULE, text));
        }
        check_name(file, &mut findings);
    }
    findings
}

/// Only blank lines, plain comments and attributes may come before it.
fn has_header(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let header = lines.find(|line| {
        let plain = line.starts_with("//") && !line.starts_with("//!");
        !(line.is_empty() || plain || line.starts_with("#!["))
    });
    header.is_some_and(|line| line.starts_with("//!"))
}

fn check_name(file: &Source, findings: &mut Vec<Finding>) {
    let in_path = file.path.split(['/', '.', '_', '-']).map(|part| (part, 0));
    let modules = file.words("mod ").map(|at| {
        let name = file.code[at + "mod ".len()..].trim_start();
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        (&name[..end], at)
    });
    let parts = modules.flat_map(|(name, at)| name.split('_').map(move |part| (part, at)));
    for (word, at) in in_path.chain(parts).filter(|(word, _)| EMPTY_WORDS.contains(word)) {
        let text = format!("`{word}` names nothing: name it after what it holds");
        findings.push(file.finding(at, RULE, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_missing_header_is_found() {
        assert_eq!(count("host/src/a.rs", "use std::fmt;\n//! late\n"), 1);
        assert_eq!(count("host/src/a.rs", "/// of an item\nfn f() {}\n"), 1);
        assert_eq!(count("host/src/a.rs", ""), 1);
        assert_eq!(count("host/src/a.rs", "// licence\n#![no_main]\n\n//! what\n"), 0);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        for path in ["host/src/util.rs", "host/common/src/a.rs", "host/src/session_manager.rs"] {
            assert_eq!(count(path, "//! x\n"), 1, "{path}");
        }
        assert_eq!(count("host/src/a.rs", "//! x\nmod test_helpers { }\n"), 1);
        assert_eq!(count("host/src/a.rs", "//! x\nmod community;\n// mod util\n"), 0);
    }
}
