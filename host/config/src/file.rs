//! Finding and reading the configuration file: the only place of this crate that touches the file
//! system. Not watching it, which is the host's work. Used by the host at start and at each change.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::{self, Config, Loaded};
use crate::error::{ConfigErrors, Errors, Origin};

/// Where a configuration is looked for when none is named, in this order.
pub const DEFAULT_FILES: [&str; 2] = ["etc/theseus.toml", "/etc/theseus/theseus.toml"];

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

impl Config {
    /// Reads and checks the file at `path`, or the first of [`DEFAULT_FILES`] that exists.
    ///
    /// `env` is [`variables`](crate::variables) or a test's own.
    ///
    /// # Errors
    /// All errors of file and variables together; one when there is no file or it cannot be read.
    pub fn load(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigErrors> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => find()?,
        };
        let name = path.to_string_lossy();
        let text = read(&path, &name)?;
        // An absolute path tells whether the current folder is named `etc`.
        let base = base_folder(&std::path::absolute(&path).unwrap_or_else(|_| path.clone()));
        let mut loaded = config::build(&text, &name, &base, env)?;
        loaded.path = Some(path);
        Ok(loaded)
    }
}

/// The folder of a configuration file, or its parent where that folder is named `etc`.
pub(crate) fn base_folder(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    let in_etc = folder.file_name().is_some_and(|name| name == "etc");
    let base = if in_etc { folder.parent().unwrap_or(folder) } else { folder };
    if base.as_os_str().is_empty() { PathBuf::from(".") } else { base.to_owned() }
}

fn find() -> Result<PathBuf, ConfigErrors> {
    let found = DEFAULT_FILES.iter().map(Path::new).find(|path| path.exists());
    found.map(Path::to_owned).ok_or_else(|| {
        let [first, second] = DEFAULT_FILES;
        whole(first, format!("there is no such file and no {second}; name one with --config FILE"))
    })
}

fn read(path: &Path, name: &str) -> Result<String, ConfigErrors> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Err(whole(name, format!("cannot be read: {error}")));
    }
    if u64::try_from(bytes.len()).map_or(true, |len| len > MAX_BYTES) {
        return Err(whole(name, format!("is larger than {} MB", MAX_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(name, &error))
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> ConfigErrors {
    let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
    let mut errors = Errors::new(name);
    errors.whole(&Origin::File { line }, "this is not UTF-8");
    errors.finish()
}

fn whole(name: &str, problem: String) -> ConfigErrors {
    let mut errors = Errors::new(name);
    errors.whole(&Origin::Default, problem);
    errors.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_start_at_the_folder_or_above_etc() {
        let base = |file: &str| base_folder(Path::new(file)).to_string_lossy().into_owned();
        assert_eq!(base("/srv/theseus/etc/theseus.toml"), "/srv/theseus");
        assert_eq!(base("/etc/theseus/theseus.toml"), "/etc/theseus");
        assert_eq!(base("/etc/theseus.toml"), "/");
        assert_eq!(base("/theseus.toml"), "/");
        assert_eq!(base("etc/theseus.toml"), ".");
        assert_eq!(base("a/etc/theseus.toml"), "a");
        assert_eq!(base("theseus.toml"), ".");
    }
}
