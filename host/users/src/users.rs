//! What a line of a users file must be: `USER:HASH[:FIELD,FIELD…]`.
//! Not the line's place in the file, nor what a field means to a plugin.
//! Used to check users files, and before a line is written into one.

use crate::hash::Stored;
use crate::lines::BYTE_ORDER_MARK;

const SUPERUSER: &str = "superuser";
/// `superuser`, and as many attributes as a plugin may give a client.
const FIELDS_MAX: usize = 33;
const NAME_MAX: usize = 128;
const VALUE_MAX: usize = 1024;

/// Checks one line. An error is what is wrong, without the hash or a field's value in it.
pub(crate) fn check(user: &str, value: &str) -> Result<(), String> {
    check_user(user)?;
    match value.split_once(':') {
        None => check_hash(value),
        Some((hash, fields)) => check_hash(hash).and_then(|()| check_fields(fields)),
    }
}

/// A user's name as it may stand before the `:`.
pub(crate) fn check_user(user: &str) -> Result<(), String> {
    if user.is_empty() {
        Err("the user's name is empty".into())
    } else if user.chars().any(char::is_control) {
        Err("a control character in the user's name".into())
    } else {
        Ok(())
    }
}

/// A user's name that is about to be written: it must be read as the same name again.
pub(crate) fn check_new_user(user: &str) -> Result<(), String> {
    check_user(user)?;
    if user.contains(':') {
        Err("a user's name holds no `:`".into())
    } else if user.starts_with(['#', BYTE_ORDER_MARK]) {
        Err("a user's name does not begin with `#` or a byte order mark".into())
    } else {
        Ok(())
    }
}

/// The form and the bounds of a hash; no work is done.
pub(crate) fn check_hash(hash: &str) -> Result<(), String> {
    if hash.is_empty() {
        return Err("no hash of a password behind the user".into());
    }
    Stored::parse(hash).map(|_| ()).map_err(|error| error.to_string())
}

/// Fields as they stand in a line, with commas between them.
pub(crate) fn check_fields(fields: &str) -> Result<(), String> {
    let mut names = Vec::new();
    for (index, field) in fields.split(',').enumerate() {
        let name = name_of(field).map_err(|problem| format!("field {}: {problem}", index + 1))?;
        if names.contains(&name) {
            return Err(format!("field {}: `{name}` is given twice", index + 1));
        }
        names.push(name);
        // Checked here, so that no line makes the search for its names long.
        if names.len() > FIELDS_MAX {
            return Err(format!("more than {FIELDS_MAX} fields"));
        }
    }
    Ok(())
}

/// The name of a field that is well formed.
fn name_of(field: &str) -> Result<&str, &'static str> {
    if field == SUPERUSER {
        return Ok(field);
    }
    let (name, value) = field.split_once('=').ok_or("neither `superuser` nor `NAME=VALUE`")?;
    if name == SUPERUSER {
        Err("`superuser` takes no value: write it alone, or leave it out")
    } else if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_of_name) {
        Err("a name is 1 to 128 of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`")
    } else if value.len() > VALUE_MAX {
        Err("a value is at most 1024 bytes")
    } else if value.contains(':') || value.chars().any(char::is_control) {
        Err("a value holds no `:` and no control characters")
    } else {
        Ok(name)
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}
