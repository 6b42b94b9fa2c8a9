//! No text and no variable makes the reading panic or report nothing, and lines of errors are lines
//! of the file.

use proptest::collection::vec;
use proptest::prelude::*;
use theseus_config::{Config, Place};

const SHIPPED: &str = include_str!("../../../etc/theseus.toml");

/// Fragments that TOML and this schema care about.
const FRAGMENTS: &[&str] = &[
    "\n",
    "\n",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    " = ",
    ".",
    ",",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "#",
    "\\",
    "\r",
    "\0",
    "\u{feff}",
    "é",
    "mqtt",
    "[mqtt]\n",
    "[listeners.tcp.default]\n",
    "listeners",
    "tcp",
    "bind",
    "max_inflight",
    "a",
    "[plugins.password]\n",
    "plugins",
    "users_file",
    "authentication",
    "[authorization]\nsources",
    "['a', 'b']",
    "level",
    "log",
    "true",
    "1",
    "-1",
    "1.5",
    "nan",
    "1e999",
    "99999999999999999999",
    "0x",
    "1979-05-27T07:32:00Z",
    "\"15s\"",
    "\"127.0.0.1:1883\"",
    "\"infinity\"",
    "\\u0000",
    "\\ud800",
];

fn check(text: &str, variables: &[(String, String)]) {
    let lines = text.split('\n').count();
    let Err(errors) = Config::parse(text, "x.toml", variables.iter().cloned()) else { return };
    assert!(errors.iter().len() > 0, "refused without a word");
    for error in errors.iter() {
        assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
        if let Place::File { line: Some(line), .. } = error.place {
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
    }
}

/// The nearest place at or before this one where the shipped file can be cut.
fn boundary(at: usize) -> usize {
    let back = (0..=at.min(SHIPPED.len())).rev();
    back.into_iter().find(|at| SHIPPED.is_char_boundary(*at)).unwrap_or(0)
}

fn fragments(most: usize) -> impl Strategy<Value = String> {
    vec(prop::sample::select(FRAGMENTS), 0..most).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in ".{0,300}", more in "(?s).{0,300}") {
        check(&text, &[]);
        check(&more, &[]);
    }

    #[test]
    fn toml_like_text(text in fragments(40)) {
        check(&text, &[]);
    }

    #[test]
    fn the_shipped_file_with_a_part_replaced(
        from in 0..SHIPPED.len(),
        len in 0_usize..60,
        with in fragments(6),
        again in any::<bool>(),
    ) {
        let [from, to] = [from, from + len].map(boundary);
        let tail = if again { &SHIPPED[from..] } else { "" };
        check(&format!("{}{with}{}{tail}", &SHIPPED[..from], &SHIPPED[to..]), &[]);
    }

    #[test]
    fn arbitrary_variables(
        names in vec("THESEUS_(MQTT|LISTENERS|PLUGINS|AUTHENTICATION|NODE|[a-zA-Z_é]{0,9})(__TCP)?(__[A-Z_]{0,12}){0,3}", 0..4),
        value in "(?s).{0,30}",
    ) {
        let variables: Vec<_> = names.into_iter().map(|name| (name, value.clone())).collect();
        check(SHIPPED, &variables);
    }
}
