//! The help text, and the nearest right word for a wrong one.
//! Used when no command is given, when help is asked for, and on typing errors.

/// Every command, as typed.
pub(crate) const COMMANDS: &[&str] = &[
    "run",
    "build",
    "test",
    "plugins",
    "bench",
    "check",
    "tidy",
    "clients",
    "fuzz",
    "statements",
    "help",
];

pub(crate) const TEXT: &str = "\
Theseus: every plank can be replaced while the ship sails.

  cargo xtask run [-- ARGS]      build the broker and its plugins and serve MQTT (etc/theseus.toml)
  cargo xtask build              build everything that is shipped, say where it is
  cargo xtask test [--ci] [ARGS] build the broker and plugins, then all tests; ARGS go to `cargo test`
  cargo xtask plugins [DIR]      only the plugins: those shipped into plugins/, or all into DIR
  cargo xtask bench [ARGS]       measure it against other brokers; ARGS go to the load program
  cargo xtask bench calls        measure what asking a plugin costs
  cargo xtask check [STEP…]      fmt, clippy, tidy, wasm, deny: what a change must pass
  cargo xtask tidy               only the rules of this code base, in a second
  cargo xtask clients            fetch paho-mqtt, sslyze, MQTT.js and ComponentizeJS for the tests
  cargo xtask fuzz [SECONDS]     each fuzz target for that long (60)
  cargo xtask statements --draw SEED   twenty rows of docs/statements for a second look

New here? `cargo xtask run`, and in another window
  mosquitto_sub -t 'hello/#' &  mosquitto_pub -t hello/world -m ahoy
Changing something? `cargo xtask check && cargo xtask test`, then CONTRIBUTING.md.

A foreign client that is not installed is a printed SKIP in `test`; with --ci it is a failure.
";

/// The message for a word that is not one of `known`.
pub(crate) fn unknown(kind: &str, word: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|k| (distance(word, k), *k)).min();
    match nearest {
        // Half of the word wrong is no typing error any more.
        Some((far, near)) if far * 2 <= near.len() => {
            format!("no {kind} `{word}`: did you mean `{near}`?")
        }
        _ => format!("no {kind} `{word}`: there are {}", known.join(", ")),
    }
}

/// Letters to insert, delete, replace or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = usize::from(a[i - 1] != b[j - 1]);
                let plain = (rows[i - 1][j - 1] + same).min(rows[i - 1][j].min(rows[i][j - 1]) + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { plain.min(rows[i - 2][j - 2] + 1) } else { plain }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_gets_the_nearest_word_and_nonsense_gets_the_list() {
        assert!(unknown("command", "tset", COMMANDS).contains("did you mean `test`?"));
        assert!(unknown("command", "chekc", COMMANDS).contains("did you mean `check`?"));
        assert!(unknown("command", "frobnicate", COMMANDS).contains("there are run, build"));
    }

    #[test]
    fn every_command_is_in_the_help_text() {
        for command in COMMANDS.iter().filter(|c| **c != "help") {
            assert!(TEXT.contains(&format!("cargo xtask {command}")), "{command}");
        }
    }
}
