//! A file is one idea and a function one thought: hard stops for both.
//! The usual length is far below (see CONTRIBUTING.md); this only catches what got away.

use super::finding::Finding;
use super::source::{Source, closing_brace};
use super::tree::Tree;

const RULE: &str = "length";

/// Lines of a file, of a file of tests, and of a function outside tests.
const FILE: usize = 500;
const TEST_FILE: usize = 800;
const FUNCTION: usize = 70;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let (lines, most) =
            (file.text.lines().count(), if file.is_test { TEST_FILE } else { FILE });
        if lines > most {
            let text = format!("{lines} lines, at most {most}: split it by idea");
            findings.push(file.finding(0, RULE, text));
        }
        check_functions(file, &mut findings);
    }
    findings
}

fn check_functions(file: &Source, findings: &mut Vec<Finding>) {
    for at in file.live_words("fn") {
        let Some(body) = body_of(&file.code, at) else { continue };
        let lines = file.line_of(closing_brace(&file.code, body) - 1) - file.line_of(at) + 1;
        if lines > FUNCTION {
            let text = format!("a function of {lines} lines, at most {FUNCTION}");
            findings.push(file.finding(at, RULE, text));
        }
    }
}

/// The `{` of the body of the `fn` at `at`; `None` for a signature or a function pointer type.
fn body_of(code: &str, at: usize) -> Option<usize> {
    let name = code[at + 2..].trim_start();
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'{' if depth == 0 => return Some(offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_long_file_is_found() {
        assert!(found("host/src/a.rs", &"\n".repeat(FILE)).is_empty());
        assert_eq!(found("host/src/a.rs", &"\n".repeat(FILE + 1)).len(), 1);
        assert!(found("tests/src/a.rs", &"\n".repeat(TEST_FILE)).is_empty());
        assert_eq!(found("tests/src/a.rs", &"\n".repeat(TEST_FILE + 1)).len(), 1);
    }

    #[test]
    fn a_long_function_is_found_but_not_in_tests() {
        let function =
            |lines: usize| format!("\nfn f(a: [u8; 2]) {{{}}}\n", "\n".repeat(lines - 1));
        assert!(found("host/src/a.rs", &function(FUNCTION)).is_empty());
        let long = found("host/src/a.rs", &function(FUNCTION + 1));
        assert_eq!(long, ["host/src/a.rs:2: [length] a function of 71 lines, at most 70"]);
        assert!(found("host/tests/a.rs", &function(FUNCTION + 1)).is_empty());
    }

    #[test]
    fn signatures_and_pointer_types_have_no_body() {
        assert_eq!(body_of("fn f(a: u8);", 0), None);
        assert_eq!(body_of("fn(u8) -> u8", 0), None);
        assert_eq!(body_of("fn f() -> [u8; 2] { }", 0), Some(18));
    }
}
