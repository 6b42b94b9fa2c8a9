//! Whether a test that a row names exists, and whether a test program lists it.

use super::row::{Proof, Row};
use crate::tidy::source::{Source, words};
use crate::tidy::tree::Tree;

/// What is wrong with the tests that a row names.
pub(super) fn wrong(tree: &Tree, row: &Row<'_>) -> Vec<String> {
    let Proof::Tests(names) = &row.proof else { return Vec::new() };
    names.iter().filter_map(|name| wrong_test(tree, name)).collect()
}

fn wrong_test(tree: &Tree, name: &str) -> Option<String> {
    let Some((path, function)) = split(name) else {
        return Some(format!("`{name}` is not of the form `path.rs::function`"));
    };
    let Some(file) = tree.file(path) else { return Some(format!("there is no file {path}")) };
    (!has_test(file, function)).then(|| format!("{path} has no test `{function}` that runs"))
}

fn split(name: &str) -> Option<(&str, &str)> {
    name.split_once("::").filter(|(path, _)| path.ends_with(".rs"))
}

/// A function below `#[test]` that is not ignored, or a body that runs with each client.
fn has_test(file: &Source, name: &str) -> bool {
    let declared = format!("fn {name}");
    file.words(&declared).any(|at| runs(head(&file.code, at)))
        || file.words("with_each_client!").any(|at| names_body(&file.code[at..], name))
}

/// What stands before an item, back to the end of the item before it.
fn head(code: &str, at: usize) -> &str {
    let start = code[..at].rfind(['{', '}', ';']).map_or(0, |end| end + 1);
    &code[start..at]
}

fn runs(head: &str) -> bool {
    head.contains("#[test]") && !head.contains("#[ignore")
}

fn names_body(call: &str, name: &str) -> bool {
    let argument = call.split_once('(').and_then(|(_, rest)| rest.split_once(','));
    argument.is_some_and(|(first, _)| words(first, name).next().is_some())
}

/// Whether one of `lines`, as test programs list their tests, is this test: its path begins with
/// the modules of the file, and the function follows.
pub(crate) fn listed(lines: &[Vec<&str>], name: &str) -> bool {
    let Some((path, function)) = split(name) else { return false };
    let modules = modules(path);
    let is_it = |line: &Vec<&str>| {
        line.strip_prefix(&modules[..]).is_some_and(|rest| rest.contains(&function))
    };
    lines.iter().any(is_it)
}

/// The modules a file's tests are listed below: `a/src/b/c.rs` has `b::c`. Below `tests` the first
/// part is the test program's own name, which is not listed.
fn modules(path: &str) -> Vec<&str> {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let is_root = |part: &&str| ["src", "tests"].contains(part);
    let root = parts.iter().rposition(is_root).unwrap_or(0);
    let first = if parts[root] == "tests" { root + 2 } else { root + 1 };
    let below = parts.get(first..).unwrap_or_default().iter();
    below.copied().filter(|part| !["lib", "main", "mod"].contains(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, name: &str) -> bool {
        has_test(&Source::new("host/core/tests/a.rs", text.to_owned()), name)
    }

    #[test]
    fn a_test_is_known_by_its_attribute() {
        assert!(has("/// Says why.\n#[test]\n#[expect(unused)]\nfn a() {}", "a"));
        assert!(has("proptest! {\n  #[test]\n  fn a(x in 0..3) {}\n}", "a"));
        assert!(has("with_each_client!(\n  /// Why.\n  a,\n  |x, y| { b(x, y) }\n);", "a"));
        assert!(has("mod b { with_each_client!(a, run); }", "a"));
    }

    #[test]
    fn a_helper_an_ignored_test_and_one_in_a_comment_are_no_tests() {
        assert!(!has("#[test]\nfn b() {}\nfn a() {}", "a"));
        assert!(!has("#[test]\n#[ignore = \"slow\"]\nfn a() {}", "a"));
        assert!(!has("// #[test]\nfn a() {}", "a"));
        assert!(!has("#[test]\nfn a_longer_name() {}", "a"));
        assert!(!has("with_each_client!(b, |x, y| a(x, y));", "a"));
    }

    #[test]
    fn a_test_is_listed_below_the_modules_of_its_file() {
        let list = |line: &'static str| vec![line.split("::").collect::<Vec<_>>()];
        for (line, name) in [
            ("qos::a", "host/core/tests/virtual_time/qos.rs::a"),
            ("deep::er::a", "host/core/tests/virtual_time/deep/er.rs::a"),
            ("deep::a", "host/core/tests/virtual_time/deep/mod.rs::a"),
            ("a", "tests/tests/connect.rs::a"),
            ("a::paho_v5", "tests/tests/connect.rs::a"),
            ("a", "host/core/tests/virtual_time/main.rs::a"),
            ("varint::tests::a", "host/mqtt/src/varint.rs::a"),
            ("tests::a", "host/src/lib.rs::a"),
        ] {
            assert!(listed(&list(line), name), "{line} {name}");
        }
        for (line, name) in [
            ("other::a", "host/core/tests/virtual_time/qos.rs::a"),
            ("qos::ab", "host/core/tests/virtual_time/qos.rs::a"),
            ("tests::a", "host/mqtt/src/varint.rs::a"),
        ] {
            assert!(!listed(&list(line), name), "{line} {name}");
        }
    }
}
