//! Compiled code, kept from one start of the broker to the next in a folder of its own.
//!
//! What lies there is machine code: who can change it owns the broker. So the folder must be the
//! broker's alone, and each entry carries a MAC under a key that lies beside it. Only bytes whose MAC
//! was verified, in memory, are handed to the runtime. Used by the engine's `compile`.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// What is kept: the newest, as many and as much.
const ENTRIES_MAX: usize = 64;
const BYTES_MAX: u64 = 1 << 30;

/// One block of SHA-256: what HMAC takes as it is.
const KEY_SIZE: usize = 64;
const MAC_SIZE: usize = 32;
const ENTRY_SUFFIX: &str = ".code";
/// The ending of a file that is being written.
const UNFINISHED: &str = "new";

/// The folder, found to be private.
pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; KEY_SIZE],
    /// Stands for the runtime's version and everything that shapes the code it makes.
    runtime: [u8; 32],
}

impl Cache {
    /// Opens the folder, or creates it for the broker's user alone.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> Result<Self, String> {
        let shown = dir.display();
        let failed = |error: io::Error| format!("cannot use the cache folder `{shown}`: {error}");
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let metadata = fs::symlink_metadata(dir).map_err(failed)?;
        if !metadata.is_dir() || !is_private(&metadata) {
            return Err(format!(
                "the cache folder `{shown}` must be a folder of the broker's user that nobody else \
                 can use: chmod 700"
            ));
        }
        remove_unfinished(dir);
        let key = key_of(dir).map_err(failed)?;
        Ok(Self { dir: dir.to_owned(), key, runtime: fingerprint(engine) })
    }

    /// The code of these bytes, if it is there and authentic.
    pub(crate) fn load(&self, engine: &Engine, sha256: &[u8; 32]) -> Option<Component> {
        let path = self.path(sha256);
        let entry = fs::read(&path).ok()?;
        let Some(code) = self.authentic(&path, &entry) else {
            tracing::warn!("`{}` is damaged or not ours: compiling again", path.display());
            return None;
        };
        touch(&path);
        deserialize(engine, code)
            .inspect_err(|error| tracing::warn!("`{}`: {error}", path.display()))
            .ok()
    }

    /// Keeps the code of these bytes. A failure costs a compilation at the next start.
    pub(crate) fn store(&self, component: &Component, sha256: &[u8; 32]) {
        let path = self.path(sha256);
        let stored = component.serialize().map_err(io::Error::other).and_then(|code| {
            let mac = self.mac(&path, &code).finalize().into_bytes();
            replace(&path, &[&mac, &code])?;
            self.prune()
        });
        if let Err(error) = stored {
            tracing::warn!("cannot keep compiled code in `{}`: {error}", path.display());
        }
    }

    fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        let name = Sha256::new().chain_update(sha256).chain_update(self.runtime).finalize();
        self.dir.join(hex(&name) + ENTRY_SUFFIX)
    }

    fn authentic<'a>(&self, path: &Path, entry: &'a [u8]) -> Option<&'a [u8]> {
        let (mac, code) = entry.split_at_checked(MAC_SIZE)?;
        self.mac(path, code).verify_slice(mac).ok()?;
        Some(code)
    }

    /// Over the name too: an entry put in another's place is as false as a changed one.
    fn mac(&self, path: &Path, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        mac.update(code);
        mac
    }

    fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.dir)? {
            let path = file?.path();
            if path.as_os_str().as_encoded_bytes().ends_with(ENTRY_SUFFIX.as_bytes()) {
                let metadata = fs::symlink_metadata(&path)?;
                entries.push((metadata.modified()?, metadata.len(), path));
            }
        }
        entries.sort_unstable_by_key(|(modified, ..)| std::cmp::Reverse(*modified));
        let mut bytes = 0;
        for (place, (_, size, path)) in entries.iter().enumerate() {
            bytes += size;
            // The newest stays, however large: it was just made.
            if place > 0 && (place >= ENTRIES_MAX || bytes > BYTES_MAX) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

#[expect(unsafe_code, reason = "compiled code can be read back in no other way")]
fn deserialize(engine: &Engine, authentic: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are the output of `Component::serialize` of this version: `load`, the only
    // caller, verified their MAC in this very buffer, and the key of the MAC is readable by the
    // broker's own user only.
    unsafe { Component::deserialize(engine, authentic) }
}

fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0
}

/// What a broker that was killed left. Nobody else writes here: there is one broker to a folder.
fn remove_unfinished(dir: &Path) {
    for file in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|end| end == UNFINISHED) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The key, made at first use. One that others could read is replaced, and with it all entries.
fn key_of(dir: &Path) -> io::Result<[u8; KEY_SIZE]> {
    let path = dir.join("key");
    if let Some(key) = read_key(&path) {
        return Ok(key);
    }
    let mut key = [0; KEY_SIZE];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    replace(&path, &[&key])?;
    Ok(key)
}

fn read_key(path: &Path) -> Option<[u8; KEY_SIZE]> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || !is_private(&metadata) || metadata.len() != KEY_SIZE as u64 {
        return None;
    }
    let mut key = [0; KEY_SIZE];
    File::open(path).ok()?.read_exact(&mut key).ok()?;
    Some(key)
}

/// Writes a file whole or not at all.
fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{UNFINISHED}"));
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = parts.iter().try_for_each(|part| file.write_all(part));
    let done = written.and_then(|()| fs::rename(&temporary, path));
    done.inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// What was used last is kept longest. If it cannot be said, it is kept less long.
fn touch(path: &Path) {
    let _ = File::options().append(true).open(path).and_then(|f| f.set_modified(SystemTime::now()));
}

fn fingerprint(engine: &Engine) -> [u8; 32] {
    let mut hasher = Fingerprint(Sha256::new_with_prefix("wasmtime"));
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Takes what is hashed as bytes; the 64 bits of [`Hasher::finish`] are not used.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
