//! What must not be committed: unfinished work, ignored tests, paths of one person's machine,
//! hosts of package registries (a mirror must work without editing sources).
//! The words are put together here, so that this file does not find itself.

use super::finding::Finding;
use super::source::{Source, words};
use super::tree::Tree;

const RULE: &str = "leftovers";

/// In code.
const UNFINISHED: &[(&str, &str)] = &[
    ("todo!", "finish it, or open an issue and leave it out"),
    ("unimplemented!", "finish it, or open an issue and leave it out"),
    ("dbg!", "log it, or leave it out"),
    ("#[ignore", "a test that does not run proves nothing: mend it or delete it"),
];

/// Anywhere, as whole words: notes belong into an issue.
const NOTES: &[&str] = &[concat!("FIX", "ME"), concat!("X", "XX")];

/// Anywhere, at the beginning of a path.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp", "/th/")];

/// Anywhere.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("proxy.", "golang.org"),
    concat!("deb.", "debian.org"),
];

/// Written by cargo, which names the index it resolved against.
const WRITTEN_BY_CARGO: &str = "Cargo.lock";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !file.path.ends_with(WRITTEN_BY_CARGO)) {
        for (word, why) in UNFINISHED {
            let found = file.words(word);
            findings.extend(found.map(|at| file.finding(at, RULE, format!("`{word}`: {why}"))));
        }
        for note in NOTES {
            let found = words(&file.text, note);
            findings
                .extend(found.map(|at| file.finding(at, RULE, "a note: open an issue instead")));
        }
        check_places(file, &mut findings);
    }
    findings
}

fn check_places(file: &Source, findings: &mut Vec<Finding>) {
    for path in MACHINE_PATHS {
        let starts = |at: &usize| {
            let before = file.text[..*at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"._-/}".contains(c))
        };
        let found = file.text.match_indices(path).map(|(at, _)| at).filter(starts);
        findings.extend(found.map(|at| file.finding(at, RULE, "a path of one machine")));
    }
    for host in REGISTRY_HOSTS {
        let found = file.text.match_indices(host);
        findings.extend(found.map(|(at, _)| {
            file.finding(at, RULE, "the host of a registry: say \"the package index\"")
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unfinished_work_is_found_in_code() {
        let text = "fn a() { todo!() }\nfn b() { unimplemented!(\"x\") }\n#[ignore = \"slow\"]\n";
        assert_eq!(lines("host/src/a.rs", text), [1, 2, 3]);
        assert!(lines("host/src/a.rs", "// todo! in prose is a word\n").is_empty());
    }

    #[test]
    fn notes_machine_paths_and_registries_are_found_anywhere() {
        for word in NOTES.iter().chain(MACHINE_PATHS).chain(REGISTRY_HOSTS) {
            let text = format!("one\n# see {word} there\n");
            assert_eq!(lines("README.md", &text), [2], "{word}");
            assert_eq!(lines(".ci/run", &text), [2], "{word}");
        }
    }

    #[test]
    fn longer_words_paths_and_the_lock_file_are_fine() {
        let text =
            format!("{}L and ./a{} and $HOME{}", NOTES[1], MACHINE_PATHS[0], MACHINE_PATHS[1]);
        assert!(lines("README.md", &text).is_empty());
        assert!(lines("Cargo.lock", REGISTRY_HOSTS[0]).is_empty());
    }
}
