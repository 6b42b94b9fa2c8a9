//! Invariant 7: a panic in a connection ends that connection only, so everything unwinds.
//! That no peer can cause one is clippy's part (`unwrap_used`, `expect_used`, `panic`).

use super::finding::Finding;
use super::manifest::lines;
use super::tree::Tree;

const RULE: &str = "profiles";
const ROOT: &str = "Cargo.toml";
const UNWIND: &str = "panic = \"unwind\"";

/// Clippy lints without which the sentence about peers would be a wish.
const LINTS: &[&str] = &["unwrap_used", "expect_used", "panic"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let settings = |path: &str| path.ends_with(ROOT) || path == ".cargo/config.toml";
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| settings(&file.path)) {
        let aborts = lines(&file.text).filter(|(_, _, line)| {
            let line = line.replace([' ', '\''], "").replace('"', "");
            line.contains("panic=abort")
        });
        findings.extend(aborts.map(|(_, at, _)| {
            file.finding(at, RULE, "a profile that aborts: a panic would end every connection")
        }));
    }
    findings.extend(check_root(tree));
    findings
}

fn check_root(tree: &Tree) -> Vec<Finding> {
    let Some(root) = tree.file(ROOT) else {
        return vec![Finding::of_file(ROOT, RULE, "the workspace has no Cargo.toml")];
    };
    let has = |section: &str, start: &str| {
        lines(&root.text).any(|(s, _, line)| s == section && line.starts_with(start))
    };
    let mut findings = Vec::new();
    if !has("profile.release", UNWIND) {
        findings.push(root.finding(0, RULE, format!("[profile.release] must say `{UNWIND}`")));
    }
    for lint in LINTS.iter().filter(|lint| !has("workspace.lints.clippy", &format!("{lint} ="))) {
        findings.push(root.finding(0, RULE, format!("[workspace.lints.clippy] lacks `{lint}`")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[workspace.lints.clippy]\nunwrap_used = \"warn\"\nexpect_used = \"warn\"\n\
        panic = \"warn\"\n[profile.release]\npanic = \"unwind\"\n";

    #[test]
    fn the_release_profile_says_unwind_and_none_says_abort() {
        assert!(check(&Tree::of(&[("Cargo.toml", GOOD)])).is_empty());
        let silent = GOOD.replace("panic = \"unwind\"\n", "");
        assert_eq!(check(&Tree::of(&[("Cargo.toml", &silent)])).len(), 1);
        let small = format!("{GOOD}[profile.small]\npanic = 'abort'\n");
        let found = check(&Tree::of(&[("Cargo.toml", &small)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 8);
    }

    #[test]
    fn a_missing_lint_is_found() {
        let without = GOOD.replace("unwrap_used", "other");
        let found = check(&Tree::of(&[("Cargo.toml", &without)]));
        assert!(found[0].to_string().contains("lacks `unwrap_used`"), "{found:?}");
    }
}
