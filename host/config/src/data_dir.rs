//! `data_dir` out of a configuration that may be broken or gone: whoever asks a running broker what
//! is wrong must not need what is wrong. Used by `theseus ctl`; the broker itself reads it strictly.

use std::path::{Path, PathBuf};

use crate::file::{DEFAULT_FILES, base_folder};

const VARIABLE: &str = "THESEUS_DATA_DIR";
const DEFAULT: &str = "data";

/// The `data_dir` that the configuration at `path`, or else the first of [`DEFAULT_FILES`] that
/// exists, most likely names: the variable, the key where a line sets it, or the default.
pub fn data_dir(path: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> PathBuf {
    let mut files = DEFAULT_FILES.iter().map(Path::new);
    let path = path.or_else(|| files.find(|path| path.exists()));
    let path = path.unwrap_or(Path::new(DEFAULT_FILES[0]));
    let base = base_folder(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let mut env = env;
    let variable = env.find(|(name, _)| name == VARIABLE).map(|(_, value)| value);
    let text = || std::fs::read_to_string(path).ok().and_then(|text| named_in(&text));
    base.join(variable.or_else(text).unwrap_or_else(|| DEFAULT.to_owned()))
}

/// The key stands before the first section.
fn named_in(text: &str) -> Option<String> {
    let mut top = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    top.find_map(|line| {
        let value = line.strip_prefix("data_dir")?.trim_start().strip_prefix('=')?;
        let line: toml_edit::DocumentMut = format!("data_dir = {value}").parse().ok()?;
        Some(line.get("data_dir")?.as_str()?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_in_what_cannot_be_read_as_a_whole() {
        for (text, expected) in [
            ("data_dir = \"x\"\n", Some("x")),
            ("[[[\n", None),
            ("broken =\ndata_dir = 'a b' # here\n[mqtt]\n", Some("a b")),
            ("# data_dir = \"x\"\n", None),
            ("data_dirs = \"x\"\n", None),
            ("data_dir = 7\n", None),
            ("[mqtt]\ndata_dir = \"x\"\n", None),
        ] {
            assert_eq!(named_in(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn starts_where_relative_paths_start_and_the_variable_wins() {
        let gone = Some(Path::new("/nowhere/etc/theseus.toml"));
        assert_eq!(data_dir(gone, std::iter::empty()), Path::new("/nowhere/data"));
        let env = [(VARIABLE.to_owned(), "/x".to_owned())];
        assert_eq!(data_dir(gone, env.into_iter()), Path::new("/x"));
    }
}
