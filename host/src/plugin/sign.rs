//! `theseus plugin sign`: a signature in minisign's format that also says which plugin is meant.

use std::fs;
use std::path::Path;

use theseus_trust::{SecretKey, Statement};

use super::examine::examine;
use super::{FILE_MAX, beside, read, read_text};
use crate::passwd;

/// Signs what the plugin in `file` says it is, with its content.
pub(super) fn sign(file: &Path, key: &Path) -> Result<String, String> {
    let bytes = read(file, FILE_MAX)?;
    let secret = unlock(key)?;
    let examined = examine(file, &bytes)?;
    let (name, version) = (examined.description.name, examined.description.version);
    let statement = Statement { name, version, sha256: examined.sha256 };
    let text = secret.sign(&bytes, &statement)?;
    let (path, public) = (beside(file), secret.public()?);
    replace(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    let Statement { name, version, .. } = statement;
    Ok(format!(
        "{}: {name} {version}, signed by the key {:016X}\ntrust.public_keys = [\"{public}\"]",
        path.display(),
        public.id()
    ))
}

/// The broker watches it: it is whole or not there.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path).inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn unlock(path: &Path) -> Result<SecretKey, String> {
    let text = read_text(path)?;
    let shown = path.display();
    let failed = |why| format!("{shown}: {why}");
    let password = match SecretKey::is_locked(&text).map_err(failed)? {
        true => Some(passwd::secret(&format!("password of {shown}: "))?),
        false => None,
    };
    SecretKey::read(&text, password).map_err(failed)
}
