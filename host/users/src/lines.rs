//! Cuts a text into its lines, and says where each stands.
//! Not what is written in them.
//! Used to read keyed files and to edit them, so that both see the same lines.

use std::ops::Range;

/// Some editors put it at the beginning of a text; it is no part of the first line.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// One line, without the `\n` or `\r\n` that ends it.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// Counted from 1.
    pub(crate) number: usize,
    /// Where `text` begins in the file.
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

impl<'a> Line<'a> {
    /// The key and what stands behind the first `:`; none if there is no `:`.
    pub(crate) fn pair(&self) -> Option<(&'a str, &'a str)> {
        self.text.split_once(':')
    }

    /// True for lines that say nothing: empty ones, and comments.
    pub(crate) fn is_skipped(&self) -> bool {
        self.text.is_empty() || self.text.starts_with('#')
    }

    /// Where `text` stands in the file.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// All lines, comments too. What stands behind the last `\n` is a line only if it is not empty.
pub(crate) fn lines(file: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = if file.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    file[start..].split_inclusive('\n').enumerate().map(move |(index, whole)| {
        let line = Line { number: index + 1, start, text: without_end(whole) };
        start += whole.len();
        line
    })
}

/// A line without its `\n` or `\r\n`.
pub(crate) fn without_end(line: &str) -> &str {
    match line.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => line,
    }
}

/// In which line a byte of the file stands.
pub(crate) fn line_of(file: &[u8], offset: usize) -> usize {
    1 + file[..offset].iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(file: &str) -> Vec<&str> {
        lines(file).map(|line| line.text).collect()
    }

    #[test]
    fn ends_are_no_part_of_a_line() {
        assert_eq!(texts("a\nb\r\n\nc"), ["a", "b", "", "c"]);
        assert_eq!(texts("a\n"), ["a"]);
        assert_eq!(texts("a\r"), ["a\r"]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(texts("\u{feff}a\nb"), ["a", "b"]);
    }

    #[test]
    fn ranges_and_numbers_point_into_the_file() {
        let file = "\u{feff}a:1\r\n\n#c\nbb:22";
        for line in lines(file) {
            assert_eq!(&file[line.range()], line.text);
            assert_eq!(line_of(file.as_bytes(), line.start), line.number);
        }
        assert_eq!(lines(file).map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}
