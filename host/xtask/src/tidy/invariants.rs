//! An invariant that nothing checks is a wish. ARCHITECTURE.md lists each as a row
//! `| N | sentence | held by `NAME`, `NAME` |`, and every NAME must exist: a test by its function
//! (`path::name` or `path/file.rs::name`), a check of ours (`tidy::name`), a lint (`clippy::name`).
//! A row whose proof is still to come says `| N | sentence | not yet: why |`.

use super::CHECKS;
use super::finding::Finding;
use super::map::FILE;
use super::tree::Tree;

const RULE: &str = "invariants";

/// How many there are; each has exactly one row.
const INVARIANTS: u32 = 10;

/// Lints that are on without being named in the workspace's manifest.
const DEFAULT_LINTS: &[&str] = &["await_holding_lock"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.file(FILE) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut seen: Vec<u32> = Vec::new();
    for (line, text) in map.text.lines().enumerate() {
        let Some((number, proof)) = row(text) else { continue };
        seen.push(number);
        findings.extend(wrong_proof(tree, number, proof).into_iter().map(|text| Finding {
            path: FILE.to_owned(),
            line: line + 1,
            rule: RULE,
            text,
        }));
    }
    for number in 1..=INVARIANTS {
        let rows = seen.iter().filter(|n| **n == number).count();
        if rows != 1 {
            let text = format!(
                "invariant {number} has {rows} rows, not one, of the form: \
                 | {number} | sentence | held by `test` |"
            );
            findings.push(map.finding(0, RULE, text));
        }
    }
    findings
}

/// The number and the last cell of a row that begins with a number.
fn row(line: &str) -> Option<(u32, &str)> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (number, rest) = inner.split_once('|')?;
    let proof = rest.rsplit_once('|')?.1;
    Some((number.trim().parse().ok()?, proof.trim()))
}

fn wrong_proof(tree: &Tree, number: u32, proof: &str) -> Vec<String> {
    if proof.strip_prefix("not yet:").is_some_and(|why| !why.trim().is_empty()) {
        return Vec::new();
    }
    let Some(names) = proof.strip_prefix("held by ") else {
        return vec![format!("invariant {number}: `held by` or `not yet: why` is missing")];
    };
    // Between backticks is every second piece.
    let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
    if names.is_empty() {
        return vec![format!("invariant {number}: names no test between backticks")];
    }
    let wrong = names.into_iter().filter(|name| !exists(tree, name));
    wrong.map(|name| format!("invariant {number}: there is no test `{name}`")).collect()
}

fn exists(tree: &Tree, name: &str) -> bool {
    let (path, last) = name.rsplit_once("::").unwrap_or(("", name));
    match path {
        "tidy" => CHECKS.iter().any(|(check, _)| *check == last),
        "clippy" => DEFAULT_LINTS.contains(&last) || is_named_lint(tree, last),
        _ => is_test(tree, path, last),
    }
}

fn is_named_lint(tree: &Tree, lint: &str) -> bool {
    let manifest = tree.file("Cargo.toml").map_or("", |file| file.text.as_str());
    manifest.lines().any(|line| line.split('=').next().is_some_and(|key| key.trim() == lint))
}

/// A function of that name in a part that is a test; in that file, where a file is named.
fn is_test(tree: &Tree, path: &str, name: &str) -> bool {
    let declared = format!("fn {name}");
    tree.rust()
        .filter(|file| !path.ends_with(".rs") || file.path.ends_with(path))
        .any(|file| file.words(&declared).any(|at| file.in_test(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All rows in order, with this as the first.
    fn found(first: &str) -> Vec<String> {
        let rest: String =
            (2..=INVARIANTS).map(|n| format!("| {n} | words | not yet: later |\n")).collect();
        let text = format!("# Map\n| N | what | proof |\n|---|---|---|\n{first}\n{rest}");
        let tree = Tree::of(&[
            (FILE, &text),
            ("Cargo.toml", "[workspace.lints.clippy]\nunwrap_used = \"warn\"\n"),
            ("host/core/tests/whole.rs", "#[test]\nfn order_holds() {}\n"),
            ("host/core/src/lib.rs", "fn no_test() {}\n#[cfg(test)] mod t { fn inner_test() {} }"),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn proofs_that_exist_are_accepted() {
        for name in [
            "theseus_core::order_holds",
            "host/core/tests/whole.rs::order_holds",
            "t::inner_test",
            "tidy::pure",
            "clippy::await_holding_lock",
            "clippy::unwrap_used",
        ] {
            let found = found(&format!("| 1 | a \\| b | held by `tidy::map`, `{name}` |"));
            assert!(found.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn proofs_that_do_not_exist_are_found() {
        for name in ["a::gone", "no_test", "src/lib.rs::order_holds", "tidy::gone", "clippy::gone"]
        {
            let found = found(&format!("| 1 | words | held by `{name}` |"));
            assert_eq!(found.len(), 1, "{name}");
            assert!(
                found[0].starts_with("ARCHITECTURE.md:4: [invariants] invariant 1"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_row_without_proof_or_a_missing_row_is_found() {
        assert_eq!(found("| 1 | words | held by the author |").len(), 1);
        assert_eq!(found("| 1 | words | not yet: |").len(), 1);
        assert_eq!(found("| 2 | words | not yet: twice |").len(), 2);
        assert_eq!(found("").len(), 1);
    }
}
