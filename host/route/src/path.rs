//! A topic or filter as a trie walks it.
//!
//! In the two-level tries, what chose the trie counts as one level: `a/b/c/d` is `a/b`, `c`, `d`
//! there, a step less than elsewhere. Used by `stripe`, which knows the tries, and `trie`.

#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    text: &'a str,
    /// Where the first step ends.
    head: usize,
}

pub(crate) struct Levels<'a> {
    rest: Option<&'a str>,
    head: usize,
}

impl<'a> Path<'a> {
    pub(crate) fn by_levels(text: &'a str) -> Self {
        Self { text, head: level_end(text, 0).unwrap_or(text.len()) }
    }

    /// `None` for a path of one level.
    pub(crate) fn by_two_levels_first(text: &'a str) -> Option<Self> {
        let second = level_end(text, 0)? + 1;
        Some(Self { text, head: level_end(text, second).unwrap_or(text.len()) })
    }

    pub(crate) fn head(self) -> &'a str {
        &self.text[..self.head]
    }

    pub(crate) fn levels(self) -> Levels<'a> {
        Levels { rest: Some(self.text), head: self.head }
    }
}

impl<'a> Iterator for Levels<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let from = core::mem::take(&mut self.head);
        let (level, rest) = match level_end(rest, from) {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        self.rest = rest;
        Some(level)
    }
}

/// The first slash at or after `from`. Levels are short: a plain loop beats a vector search.
fn level_end(text: &str, from: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[from..];
    bytes.iter().position(|&byte| byte == b'/').map(|end| from + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_like_a_split() {
        for text in ["a", "a/b", "a/b/c", "/", "//", "/a//b/", "a/+/#", "#"] {
            let split: Vec<_> = text.split('/').collect();
            assert_eq!(Path::by_levels(text).levels().collect::<Vec<_>>(), split, "{text}");
            let two: Option<Vec<_>> = Path::by_two_levels_first(text).map(|p| p.levels().collect());
            let expected = (split.len() > 1).then(|| {
                let head = text.match_indices('/').nth(1).map_or(text, |(end, _)| &text[..end]);
                let mut steps = vec![head];
                steps.extend(&split[2..]);
                steps
            });
            assert_eq!(two, expected, "{text}");
        }
    }
}
