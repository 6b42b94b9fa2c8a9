//! The form of the files that are kept: TOML with one `[[TABLE]]` for each row, whose values are
//! strings. A person can read and mend them. Not where they stand, which is `keep`.

use std::collections::BTreeMap;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml_edit::{Document, Item};

/// A row with the line it begins in.
pub(crate) struct Row {
    pub(crate) line: usize,
    values: BTreeMap<String, String>,
}

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) problem: String,
}

impl Row {
    /// The value of a key, as whatever it is.
    pub(crate) fn get<T>(&self, key: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Damage> {
        let damage = |problem: String| Damage { line: self.line, problem };
        let value = self.values.get(key).ok_or_else(|| damage(format!("`{key}` is missing")))?;
        read(value).ok_or_else(|| damage(format!("`{key}` is not what it should be")))
    }
}

/// All rows of a text.
pub(crate) fn parse(text: &str, table: &str) -> Result<Vec<Row>, Damage> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line_at = |offset: usize| 1 + ends.partition_point(|end| *end < offset);
    let document = Document::parse(text).map_err(|error| {
        let line = line_at(error.span().map_or(text.len(), |span| span.start));
        Damage { line, problem: "this is not TOML".to_owned() }
    })?;
    let mut rows = Vec::new();
    for (name, item) in document.as_table() {
        let tables = item.as_array_of_tables().filter(|_| name == table);
        let Some(tables) = tables else {
            let line = line_at(item.span().map_or(0, |span| span.start));
            return Err(Damage { line, problem: format!("this is no [[{table}]]") });
        };
        for table in tables {
            let line = line_at(table.span().map_or(0, |span| span.start));
            let text = |item: &Item| item.as_str().map(str::to_owned);
            let pairs = table.iter().map(|(key, item)| Some((key.to_owned(), text(item)?)));
            let values = pairs.collect::<Option<_>>();
            let damage = || Damage { line, problem: "a value is no string".to_owned() };
            rows.push(Row { line, values: values.ok_or_else(damage)? });
        }
    }
    Ok(rows)
}

/// Appends a row.
pub(crate) fn write(text: &mut String, table: &str, values: &[(&str, &str)]) {
    text.push_str(&format!("\n[[{table}]]\n"));
    for (key, value) in values {
        text.push_str(&format!("{key} = {}\n", quoted(value)));
    }
}

/// A basic string of TOML.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A time as RFC 3339 writes it, in whole seconds.
pub(crate) fn written(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time).replace_nanosecond(0).ok();
    let text = time.and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}

/// And back.
pub(crate) fn time_of(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_as_it_was_written(one in ".*", two in ".*") {
            let mut text = String::from("# a comment\n");
            write(&mut text, "row", &[("one", &one), ("two", &two)]);
            write(&mut text, "row", &[("one", &two)]);
            let rows = parse(&text, "row").map_err(|damage| TestCaseError::fail(damage.problem))?;
            let get = |row: &Row, key| row.get(key, |text| Some(text.to_owned())).ok();
            prop_assert_eq!(rows.len(), 2);
            prop_assert_eq!(get(&rows[0], "one"), Some(one));
            prop_assert_eq!(get(&rows[0], "two"), Some(two.clone()));
            prop_assert_eq!(get(&rows[1], "one"), Some(two));
        }
    }

    #[test]
    fn damage_has_a_line() {
        let line = |text: &str| parse(text, "row").err().map(|damage| damage.line);
        assert_eq!(line(""), None);
        assert_eq!(line("[[row]]\na = \"b\"\n"), None);
        assert_eq!(line("[[row]]\na = \"b\"\n[[row]]\na = \"b\n"), Some(4));
        assert_eq!(line("[[row]]\na = \"b\"\n\n[[row]]\na = 7\n"), Some(4));
        assert_eq!(line("[[row]]\n[other]\n"), Some(2));
    }

    #[test]
    fn times_are_whole_seconds() {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_500);
        assert_eq!(written(time), "2023-11-14T22:13:20Z");
        let whole = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        assert_eq!(time_of(&written(time)), Some(whole));
        assert_eq!(time_of("yesterday"), None);
    }
}
