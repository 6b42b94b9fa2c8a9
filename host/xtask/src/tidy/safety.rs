//! Invariant 2: memory safety is the compiler's work. The keyword stands only in listed files, and
//! every crate that has none of them forbids it, so that a reader need not look.

use super::finding::Finding;
use super::tree::Tree;

const RULE: &str = "safety";

/// Files that may use the keyword, each with its reason. Each use has its SAFETY sentence (clippy).
const ALLOWED: &[(&str, &str)] = &[
    (
        "host/wasm/src/cache.rs",
        "compiled plugins are read back from a private folder; each is authenticated first",
    ),
    ("host/native/src/library.rs", "libraries are machine code behind C functions"),
    ("plugins/abi/src/table.rs", "the types of C functions that take pointers; none is called"),
    ("plugins/sdk/src/native.rs", "the line between a broker and a plugin that is a library"),
];

const FORBID: &str = "#![forbid(unsafe_code)]";
const DENY: &str = "#![deny(unsafe_code)]";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| !is_allowed(&file.path)) {
        findings.extend(file.words("unsafe").map(|at| {
            file.finding(at, RULE, "`unsafe` outside the files of invariant 2 (tidy/safety.rs)")
        }));
    }
    for manifest in tree.manifests() {
        let inside = format!("{}/", manifest.folder);
        // Where one file may, the others are held by the compiler to the same: denied but there.
        let wanted = if has_exceptions(manifest.folder) { DENY } else { FORBID };
        let roots = tree.rust().filter(|file| is_root(&file.path, &inside));
        findings.extend(roots.filter(|file| !file.code.contains(wanted)).map(|file| {
            file.finding(0, RULE, format!("a crate root without `{wanted}` (invariant 2)"))
        }));
    }
    findings
}

/// True if some file of the crate in this folder is listed.
pub(super) fn has_exceptions(folder: &str) -> bool {
    let inside =
        |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with("/src/"));
    ALLOWED.iter().any(|(path, _)| inside(path))
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

    #[test]
    fn a_listed_file_may_and_its_crate_denies_it_elsewhere() {
        let manifest = ("host/wasm/Cargo.toml", "");
        let root = |text| found(&[manifest, ("host/wasm/src/lib.rs", text)]);
        assert_eq!(root("//! x\n").len(), 1);
        assert!(root("#![deny(unsafe_code)]").is_empty());
        assert!(found(&[("host/wasm/src/cache.rs", "unsafe {}")]).is_empty());
        assert_eq!(found(&[("host/wasm/src/code.rs", "unsafe {}")]).len(), 1);
    }
}
