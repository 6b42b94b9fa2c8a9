//! The files of the workspace, read once and shared by all checks.
//! Built from the disk, or from literals by the tests of the checks.

use std::io;
use std::path::Path;

use super::manifest::Manifest;
use super::source::Source;

/// Hidden folders that are ours all the same.
const HIDDEN_BUT_OURS: &[&str] = &[".ci", ".cargo", ".github"];

/// What no one wrote, by path; cargo's own folders elsewhere are marked with CACHEDIR.TAG.
const SKIPPED: &[&str] = &["target", "data"];

/// The same below any folder `fuzz`.
const SKIPPED_BELOW_FUZZ: &[&str] = &["target", "corpus", "artifacts"];

/// The same, by name.
const SKIPPED_NAMES: &[&str] = &["node_modules", "__pycache__"];

pub(crate) struct Tree {
    /// Every text file, sorted by path.
    pub(crate) files: Vec<Source>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        Ok(Self::new(files))
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self::new(files.iter().map(|(path, text)| Source::new(path, (*text).to_owned())).collect())
    }

    fn new(mut files: Vec<Source>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let modules: Vec<String> = files.iter().flat_map(Source::test_modules).collect();
        for file in &mut files {
            file.is_test |= modules.iter().any(|module| file.is_module(module));
        }
        Self { files }
    }

    pub(crate) fn file(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The crates, without the workspace itself.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = Manifest<'_>> {
        self.files.iter().filter(|file| file.path.ends_with("/Cargo.toml")).map(Manifest::new)
    }
}

fn read_folder(folder: &Path, below: &str, files: &mut Vec<Source>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if is_ours(&path, &name) && !entry.path().join("CACHEDIR.TAG").exists() {
                read_folder(&entry.path(), &path, files)?;
            }
        // In a work tree of its own `.git` is a file.
        } else if kind.is_file() && name != ".git" {
            // A file that is no text (a certificate, a plugin) breaks no rule about text.
            if let Ok(text) = String::from_utf8(std::fs::read(entry.path())?) {
                files.push(Source::new(&path, text));
            }
        }
    }
    Ok(())
}

fn is_ours(path: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && !HIDDEN_BUT_OURS.contains(&name);
    let fuzzed = path.strip_suffix(name).is_some_and(|folder| folder.ends_with("/fuzz/"))
        && SKIPPED_BELOW_FUZZ.contains(&name);
    !hidden && !fuzzed && !SKIPPED.contains(&path) && !SKIPPED_NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_or_stored_is_not_ours() {
        assert!(!is_ours("data", "data") && !is_ours("tests/node_modules", "node_modules"));
        assert!(!is_ours(".git", ".git") && is_ours(".ci", ".ci"));
        assert!(is_ours("host/src/data", "data"));
        assert!(!is_ours("host/core/fuzz/corpus", "corpus"));
        assert!(is_ours("host/core/fuzz/seeds", "seeds") && is_ours("host/corpus", "corpus"));
    }

    #[test]
    fn a_file_declared_as_a_test_module_is_a_test() {
        let tree = Tree::of(&[
            ("host/core/src/lib.rs", "#[cfg(test)]\nmod oracle;\nmod broker;\n"),
            ("host/core/src/oracle.rs", ""),
            ("host/core/src/broker.rs", "#[cfg(test)] mod flood;"),
            ("host/core/src/broker/flood.rs", ""),
        ]);
        let tests: Vec<&str> =
            tree.files.iter().filter(|file| file.is_test).map(|file| file.path.as_str()).collect();
        assert_eq!(tests, ["host/core/src/broker/flood.rs", "host/core/src/oracle.rs"]);
    }
}
