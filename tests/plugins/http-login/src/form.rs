//! Forms as browsers send them: `application/x-www-form-urlencoded`.

use std::fmt::Write as _;

/// Fields as a form. Whatever a client sent stays within its field.
pub(crate) fn encode(fields: &[(&str, &[u8])]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        let separator = if form.is_empty() { "" } else { "&" };
        form += separator;
        form += name;
        form.push('=');
        for byte in *value {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    form.push(char::from(*byte));
                }
                // Writing to a String does not fail.
                _ => drop(write!(form, "%{byte:02X}")),
            }
        }
    }
    form
}
