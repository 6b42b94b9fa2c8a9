//! `theseus plugin keygen`: a pair of keys that minisign can use too.

use std::path::Path;

use theseus_trust::new_key;

use crate::new_file::write_new;
use crate::passwd;

/// Writes the secret key to `key`, for its owner alone, and the other half beside it with the ending `.pub`.
pub(super) fn keygen(key: &Path, no_password: bool) -> Result<String, String> {
    let public = key.with_extension("pub");
    if public == key {
        return Err(format!("{}: the secret key must not end in .pub", key.display()));
    }
    let password = if no_password { None } else { Some(new_password(key)?) };
    let pair = new_key(password)?;
    write_new(key, &pair.secret, 0o600)?;
    write_new(&public, &pair.public.to_file(), 0o644)?;
    let (key, public) = (key.display(), public.display());
    Ok(format!(
        "{key}: keep it secret\n{public}: the key {:016X}\ntrust.public_keys = [\"{}\"]",
        pair.public.id(),
        pair.public
    ))
}

fn new_password(key: &Path) -> Result<String, String> {
    let shown = key.display();
    let first = passwd::secret(&format!("password for {shown}: "))?;
    if first.is_empty() {
        return Err("an empty password locks nothing; --no-password says so".to_owned());
    }
    if !passwd::is_asked_for() {
        return Ok(first);
    }
    let second = passwd::secret("the same again: ")?;
    if first == second { Ok(first) } else { Err("the two are not the same".to_owned()) }
}
