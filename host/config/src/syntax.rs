//! Text to TOML tree. A line that is no TOML, or that repeats a key, is reported and set aside, so
//! that the rest of the file is still checked. Not the meaning of any key, which is `walk`. Used by
//! `config`, first.

use toml_edit::{Document, TomlError};

use crate::error::{Errors, Origin};
use crate::raw::shorten;

/// After this many lines that are no TOML the rest is not looked at.
const ENOUGH: usize = 20;

/// The tree of a text and the lines of it.
pub(crate) struct Tree {
    pub(crate) document: Document<String>,
    /// Whether every line is in the tree.
    pub(crate) complete: bool,
    line_starts: Vec<usize>,
}

impl Tree {
    /// The line of a byte offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        line_at(&self.line_starts, offset)
    }
}

/// Parses what can be parsed. None when even the rest of the file is no TOML.
pub(crate) fn parse(text: &str, errors: &mut Errors) -> Option<Tree> {
    let line_starts = line_starts(text);
    let mut text = text.to_owned();
    let mut last = 0;
    for attempt in 0..ENOUGH {
        let error = match Document::parse(text.clone()) {
            Ok(document) => return Some(Tree { document, complete: attempt == 0, line_starts }),
            Err(error) => error,
        };
        let line = line_at(&line_starts, error.span().map_or(text.len(), |span| span.start));
        // A repeated key is found late. Any other error must lie further down than the one before:
        // where the parser comes no further although the line was set aside, what follows would be
        // guesswork.
        if line <= last && !is_repetition(&error) {
            return None;
        }
        report(&text, line, &error, errors);
        let rest = set_aside(&text, &line_starts, line);
        if rest == text {
            return None;
        }
        (text, last) = (rest, line);
    }
    None
}

fn is_repetition(error: &TomlError) -> bool {
    error.message().starts_with("duplicate key")
}

fn report(text: &str, line: usize, error: &TomlError, errors: &mut Errors) {
    let origin = Origin::File { line };
    if !is_repetition(error) {
        return errors.whole(&origin, format!("this is not TOML: {}", shorten(error.message())));
    }
    let keys: Vec<String> = keys_of_lines(text).take(line).collect();
    let Some((key, above)) = keys.split_last() else { return };
    let first = above.iter().position(|other| other == key).map(|index| index + 1);
    let first = first.map(|first| format!(", first in line {first}")).unwrap_or_default();
    errors.key(&origin, &shorten(key), format!("stands here again{first}; keep one of them"));
}

/// For each line the dotted key it sets, or the section it begins, as far as one line tells.
fn keys_of_lines(text: &str) -> impl Iterator<Item = String> {
    text.split('\n').scan("", |section, line| {
        let line = line.trim();
        let key = line.split('=').next().unwrap_or_default().trim();
        if let Some(begun) = section_of(line) {
            *section = begun;
            return Some(begun.to_owned());
        }
        Some(if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") })
    })
}

fn section_of(content: &str) -> Option<&str> {
    let inner = content.strip_prefix('[')?;
    let end = inner.find(']').unwrap_or(inner.len());
    inner.get(..end).map(|name| name.trim_matches(['[', ' ', '\t']))
}

/// The text with a line blanked, and with it all lines of the section it begins. Every other line
/// keeps its place.
fn set_aside(text: &str, starts: &[usize], line: usize) -> String {
    let begins_section = |line| line_text(text, starts, line).trim_start().starts_with('[');
    let mut end = line + 1;
    if begins_section(line) {
        while end <= starts.len() && !begins_section(end) {
            end += 1;
        }
    }
    let from = starts.get(line - 1).copied().unwrap_or(text.len());
    let to = starts.get(end - 1).copied().unwrap_or(text.len());
    let (before, rest) = text.split_at(from);
    let (gone, after) = rest.split_at(to - from);
    let blank: String = gone.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    [before, &blank, after].concat()
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after_newlines).collect()
}

fn line_at(starts: &[usize], offset: usize) -> usize {
    starts.partition_point(|start| *start <= offset).max(1)
}

fn line_text<'a>(text: &'a str, starts: &[usize], line: usize) -> &'a str {
    let from = starts.get(line - 1).copied().unwrap_or(text.len());
    let to = starts.get(line).copied().unwrap_or(text.len());
    text.get(from..to).unwrap_or_default()
}
