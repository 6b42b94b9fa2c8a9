//! The content of a users file after one user is added, changed or removed: all other lines, and
//! their ends, stay as they are.
//! Not the reading and writing of the file.
//! Used by `edit`.

use crate::edit::{Change, Entry};
use crate::line_errors::shown;
use crate::lines::{Line, lines};
use crate::users::{check_fields, check_hash, check_new_user};

/// A line that cannot be edited: its number and what is wrong with it.
pub(crate) type Stuck = (usize, String);

/// A user and an entry that can stand in a file.
pub(crate) struct Written<'a> {
    user: &'a str,
    hash: &'a str,
    /// With commas between them.
    fields: Option<String>,
}

impl<'a> Written<'a> {
    pub(crate) fn check(user: &'a str, entry: &'a Entry) -> Result<Self, String> {
        check_new_user(user)?;
        check_hash(&entry.hash)?;
        for field in entry.fields.iter().flatten() {
            if field.contains(',') {
                return Err("a field holds no `,`".into());
            }
        }
        let fields = entry.fields.as_ref().map(|fields| fields.join(","));
        if entry.fields.as_ref().is_some_and(|fields| !fields.is_empty()) {
            check_fields(fields.as_deref().unwrap_or(""))?;
        }
        Ok(Self { user, hash: &entry.hash, fields })
    }

    /// Without a line end; `fields` are those that the user has.
    pub(crate) fn line(&self, fields: Option<&str>) -> String {
        let Self { user, hash, .. } = self;
        match self.fields.as_deref().or(fields) {
            None | Some("") => format!("{user}:{hash}"),
            Some(fields) => format!("{user}:{hash}:{fields}"),
        }
    }

    pub(crate) fn put_into(&self, old: &str) -> Result<(String, Change), Stuck> {
        let Some(line) = find(old, self.user)? else {
            return Ok((self.append_to(old), Change::Added));
        };
        let (_, value) = line.pair().unwrap_or((line.text, ""));
        let fields = value.split_once(':').map(|(_, fields)| fields);
        if let (None, Some(fields)) = (&self.fields, fields) {
            check_fields(fields).map_err(|problem| (line.number, problem))?;
        }
        let mut new = old.to_owned();
        new.replace_range(line.range(), &self.line(fields));
        Ok((new, Change::Changed))
    }

    /// With the line end that the file has.
    fn append_to(&self, old: &str) -> String {
        let end = if old.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n")) {
            "\r\n"
        } else {
            "\n"
        };
        let joint = if old.is_empty() || old.ends_with('\n') { "" } else { end };
        format!("{old}{joint}{}{end}", self.line(None))
    }
}

/// The one line where the user stands.
pub(crate) fn find<'a>(file: &'a str, user: &str) -> Result<Option<Line<'a>>, Stuck> {
    let mut found = lines(file)
        .filter(|line| !line.is_skipped() && line.pair().is_some_and(|(key, _)| key == user));
    let Some(first) = found.next() else { return Ok(None) };
    match found.next() {
        None => Ok(Some(first)),
        Some(second) => {
            let problem = format!("{} stands in line {} already", shown(user), first.number);
            Err((second.number, problem))
        }
    }
}

pub(crate) fn without_line(file: &str, line: &Line<'_>) -> String {
    let behind = file[line.start..].find('\n').map_or(file.len(), |end| line.start + end + 1);
    format!("{}{}", &file[..line.start], &file[behind..])
}
