//! How paths and places are shown to a person: as the operator wrote them, as far as can be.

use std::path::Path;

use theseus_config::{Loaded, Origin};

/// Relative to the base folder where it is below that.
pub(crate) fn shown(base: &Path, path: &Path) -> String {
    text(path.strip_prefix(base).unwrap_or(path))
}

/// Whoever may make a file may name it: what would begin a line of its own, or change what a terminal
/// shows, is escaped.
pub(crate) fn text(path: &Path) -> String {
    let mut text = String::new();
    for c in path.display().to_string().chars() {
        if c.is_control() || turns_text(c) { text.extend(c.escape_default()) } else { text.push(c) }
    }
    text
}

/// Line separators, and marks that change the direction of the text around them.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `etc/theseus.toml:4`, or the variable that set the key.
pub(crate) fn place_of(loaded: &Loaded, key: &str) -> String {
    let file = || match &loaded.path {
        Some(path) => text(path),
        None => "the configuration".to_owned(),
    };
    match loaded.origin(key) {
        Origin::File { line } => format!("{}:{line}", file()),
        Origin::Environment { variable } => format!("environment {variable}"),
        Origin::Default => file(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_write_lines_of_their_own() {
        let path = Path::new("/b/plugins/a\n\u{1b}[2Jü\u{202e}\u{2028}.wasm");
        let text = shown(Path::new("/b"), path);
        assert_eq!(text, "plugins/a\\n\\u{1b}[2Jü\\u{202e}\\u{2028}.wasm");
    }
}
