//! Makes a users file with its first user, where there is none.
//! Not its later edits, nor the password.
//! Used by the host at its first start.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::folder::Folder;
use crate::users::check_new_user;
use crate::verify::hash;

/// Creates the file with one user, readable by its owner only, and with a comment that says how to
/// change it. False, and nothing is touched, if the file exists. The folder must exist.
///
/// # Errors
/// If the user's name cannot stand in a users file (`InvalidInput`), and those of the file system.
pub fn create_first(path: &Path, user: &str, password: &[u8]) -> io::Result<bool> {
    check_new_user(user).map_err(|problem| io::Error::new(ErrorKind::InvalidInput, problem))?;
    // A link that leads nowhere is there too, but cannot be locked.
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let content = first_content(path, user, &hash(password));
    match Folder::lock(path)?.create(content.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn first_content(path: &Path, user: &str, hash: &str) -> String {
    let path = path.display().to_string().escape_debug().to_string();
    format!(
        "# Users, one in a line: USER:HASH or USER:HASH:FIELD,FIELD with `superuser` or NAME=VALUE.\n\
         # Adds a user or changes a password: theseus passwd --file {path} USER\n\
         {user}:{hash}\n"
    )
}
