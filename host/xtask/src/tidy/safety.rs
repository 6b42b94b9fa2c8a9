//! Invariant 2: memory safety is the compiler's work. The keyword stands only in listed files, and
//! every crate that has none of them forbids it, so that a reader need not look.

use super::finding::Finding;
use super::tree::Tree;

const RULE: &str = "safety";

/// Files that may use the keyword, each with its reason. Each use has its SAFETY sentence (clippy).
const ALLOWED: &[(&str, &str)] = &[];

const FORBID: &str = "#![forbid(unsafe_code)]";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| !is_allowed(&file.path)) {
        findings.extend(file.words("unsafe").map(|at| {
            file.finding(at, RULE, "`unsafe` outside the files of invariant 2 (tidy/safety.rs)")
        }));
    }
    for manifest in tree.manifests() {
        let inside = format!("{}/", manifest.folder);
        if ALLOWED.iter().any(|(path, _)| path.starts_with(&inside)) {
            continue;
        }
        let roots = tree.rust().filter(|file| is_root(&file.path, &inside));
        findings.extend(roots.filter(|file| !file.code.contains(FORBID)).map(|file| {
            file.finding(0, RULE, format!("a crate root without `{FORBID}` (invariant 2)"))
        }));
    }
    findings
}

fn is_allowed(path: &str) -> bool {
    ALLOWED.iter().any(|(allowed, _)| *allowed == path)
}

fn is_root(path: &str, inside: &str) -> bool {
    let Some(path) = path.strip_prefix(inside).and_then(|p| p.strip_prefix("src/")) else {
        return false;
    };
    matches!(path, "lib.rs" | "main.rs")
        || path.strip_prefix("bin/").is_some_and(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_keyword_is_found_and_prose_about_it_is_not() {
        let found = found(&[("host/src/a.rs", "// unsafe\nlet x = \"unsafe\";\nunsafe { y() }\n")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("host/src/a.rs:3: [safety]"), "{found:?}");
    }

    #[test]
    fn every_crate_root_forbids_it() {
        let manifest = ("host/mqtt/Cargo.toml", "");
        assert_eq!(found(&[manifest, ("host/mqtt/src/lib.rs", "//! x\n")]).len(), 1);
        assert_eq!(
            found(&[manifest, ("host/mqtt/src/bin/a.rs", "// #![forbid(unsafe_code)]")]).len(),
            1
        );
        assert!(found(&[manifest, ("host/mqtt/src/lib.rs", "#![forbid(unsafe_code)]")]).is_empty());
        assert!(found(&[manifest, ("host/mqtt/src/packet.rs", "//! x\n")]).is_empty());
    }
}
