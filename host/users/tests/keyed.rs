//! Files of keyed lines: what is found in them, and what is said about those that are wrong.
#![expect(clippy::expect_used, reason = "a failed step is the failed test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use theseus_users::{FILE_SIZE_MAX, Form, KeyedFile};

fn keyed(file: &str) -> KeyedFile {
    KeyedFile::parse(file.as_bytes().to_vec(), Form::Keyed).expect(file)
}

fn errors(file: &[u8]) -> String {
    KeyedFile::parse(file.to_vec(), Form::Keyed).expect_err("wrong").to_string()
}

#[test]
fn finds_what_stands_behind_a_key() {
    let file = keyed("# comment: no key\n\na:1\r\nab:2:3\n #:x\nempty:\nempty2:\r\nlast:$7$é");
    assert_eq!(file.len(), 6);
    assert_eq!(file.lookup("a"), Some("1"));
    assert_eq!(file.lookup("ab"), Some("2:3"));
    assert_eq!(file.lookup(" #"), Some("x"));
    assert_eq!(file.lookup("empty"), Some(""));
    assert_eq!(file.lookup("empty2"), Some(""));
    assert_eq!(file.lookup("last"), Some("$7$é"));
}

#[test]
fn finds_nothing_else() {
    let file = keyed("abc:1\nab:2:3\nx:\n");
    for key in ["", "a", "abcd", "bc", "ab:2", "abc:1", "abc:", "abc:1\nab", "x\n", "1", "#", "é"]
    {
        assert_eq!(file.lookup(key), None, "{key:?}");
    }
}

#[test]
fn an_empty_file_has_no_keys() {
    for file in ["", "\n", "\r\n", "#", "# a:b\n\n#c:d", "\u{feff}"] {
        assert!(keyed(file).is_empty(), "{file:?}");
        assert_eq!(keyed(file).lookup("a"), None);
        assert_eq!(keyed(file).lookup(""), None);
    }
    assert!(!keyed("a:").is_empty());
}

#[test]
fn a_byte_order_mark_is_not_part_of_the_first_key() {
    assert_eq!(keyed("\u{feff}a:1\nb:2").lookup("a"), Some("1"));
    assert!(keyed("\u{feff}# comment").is_empty());
}

#[test]
fn every_wrong_line_is_named() {
    let file = "a:1\nno colon\n:no key\nb:2\na:3\n  \nb:4\r\n";
    let expected = "line 2: no `:` in the line\n\
                    line 3: no key before the `:`\n\
                    line 5: `a` stands in line 1 already\n\
                    line 6: no `:` in the line\n\
                    line 7: `b` stands in line 4 already";
    assert_eq!(errors(file.as_bytes()), expected);
}

#[test]
fn lines_that_are_not_utf8_are_named() {
    assert_eq!(errors(b"a:1\nb:\xff\nc:1\n# \xc3"), "line 2: not UTF-8\nline 4: not UTF-8");
}

#[test]
fn errors_can_be_read_one_by_one() {
    let errors = KeyedFile::parse(b"a\nb:1\nc".to_vec(), Form::Keyed).expect_err("wrong");
    let problem = "no `:` in the line";
    assert_eq!(errors.iter().collect::<Vec<_>>(), [(1, problem), (3, problem)]);
}

#[test]
fn twenty_errors_are_enough() {
    let shown = errors("wrong\n".repeat(19).as_bytes());
    assert_eq!(shown.lines().count(), 19);
    let shown = errors("\nwrong".repeat(50_000).as_bytes());
    assert_eq!(shown.lines().count(), 21);
    assert!(
        shown.ends_with("line 21: no `:` in the line\nthe lines behind line 21 were not checked")
    );
}

#[test]
fn a_key_is_shown_in_part_and_harmless() {
    let long = format!("{}:\n", "k".repeat(100_000));
    let shown = format!("line 2: `{}…` stands in line 1 already", "k".repeat(64));
    assert_eq!(errors(long.repeat(2).as_bytes()), shown);
    assert_eq!(errors(b"\x1b[2J:\n\x1b[2J:"), "line 2: `\\u{1b}[2J` stands in line 1 already");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    // Zeroes that nobody reads take no memory.
    let large = vec![0; FILE_SIZE_MAX + 1];
    let error = KeyedFile::parse(large, Form::Keyed).expect_err("too large").to_string();
    assert_eq!(error, "line 1: the file is larger than 1073741824 bytes");
}

#[test]
fn a_hundred_thousand_lines() {
    let mut file: String = (0..100_000).map(|n| format!("key{n}:value {}\n", n * 7)).collect();
    let parsed = keyed(&file);
    assert_eq!(parsed.len(), 100_000);
    for n in 0..100_000 {
        assert_eq!(parsed.lookup(&format!("key{n}")), Some(format!("value {}", n * 7).as_str()));
    }
    assert_eq!(parsed.lookup("key100000"), None);
    assert!(parsed.memory() >= file.len());
    assert!(parsed.memory() < file.len() + 100_000 * 12, "{} B", parsed.memory());
    file.push_str("key77777:again\n");
    assert_eq!(errors(file.as_bytes()), "line 100001: `key77777` stands in line 77778 already");
}

#[test]
fn debug_shows_no_values() {
    assert_eq!(format!("{:?}", keyed("a:secret")), "KeyedFile { len: 1, .. }");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for form in [Form::Keyed, Form::Users] {
            let _ = KeyedFile::parse(bytes.clone(), form).map_err(|errors| errors.to_string());
        }
    }

    #[test]
    fn no_likely_text_makes_it_panic(
        parts in prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..40),
    ) {
        for form in [Form::Keyed, Form::Users] {
            let _ = KeyedFile::parse(parts.concat().into_bytes(), form).map(|file| {
                parts.iter().filter_map(|part| file.lookup(part)).count()
            });
        }
    }

    #[test]
    fn finds_what_a_map_would(
        pairs in prop::collection::btree_map("[a-cé ]{1,4}", "[ -~é]{0,6}", 0..40),
        others in prop::collection::vec("[a-cé :]{0,4}", 0..40),
        end in prop::sample::select(vec!["\n", "\r\n", "\n\n#x\n"]),
    ) {
        let pairs: BTreeMap<String, String> = pairs;
        let file: String = pairs.iter().map(|(key, value)| format!("{key}:{value}{end}")).collect();
        let file = keyed(&file);
        prop_assert_eq!(file.len(), pairs.len());
        for key in pairs.keys().chain(&others) {
            prop_assert_eq!(file.lookup(key), pairs.get(key).map(String::as_str));
        }
    }
}

const PARTS: [&str; 22] = [
    "a",
    "b",
    ":",
    "\n",
    "\r",
    "\r\n",
    "#",
    ",",
    "=",
    "$",
    "$2b$",
    "04",
    "$6$",
    "$7$101$",
    "é",
    "$argon2id$v=19$",
    "m=256,t=2,p=2",
    "c29tZXNhbHQ",
    "superuser",
    "\u{feff}",
    "$2a$04$N9qo8uLOickgx2ZMRZoMye3eddwbvBZq9Vw2uHywyANtuDH4xsNoe",
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
];
