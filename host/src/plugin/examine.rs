//! What a file is, found out as the broker does it: compiled, or opened by a child process, and asked who
//! it is. Nothing of it is kept.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use theseus_config::{Config, Policy};
use theseus_native::{Loader, Marks, Options, Program, WORD};
use theseus_policy::{Description, Slot};
use theseus_trust::Hash;
use theseus_wasm::{Bounds, Engine, Interface};
use tokio::runtime::{Builder, Runtime};

use crate::settings;

/// A file that is a plugin.
pub(super) struct Examined {
    pub(super) sha256: Hash,
    /// `component` or `native library`.
    pub(super) kind: &'static str,
    /// What it was built for.
    pub(super) interface: Interface,
    pub(super) slots: Vec<Slot>,
    pub(super) description: Description,
}

/// What code says of itself.
type Found = (Interface, Vec<Slot>, Description);

/// What a child process may take to tell who it is.
const CHILD_MEMORY: u64 = 64 << 20;

/// Finds out what `bytes` are, which stood at `path`.
pub(super) fn examine(path: &Path, bytes: &[u8]) -> Result<Examined, String> {
    let failed = |error: io::Error| error.to_string();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let scratch = Scratch::new().map_err(failed)?;
    let sha256 = Hash::of(bytes);
    let bounds = settings::plugin_bounds(&policy()?);
    let native = path.extension().is_some_and(|ending| ending == "so");
    let found = match native {
        true => library(bytes, sha256, bounds, &scratch.0, &runtime),
        false => component(bytes, sha256, bounds, &scratch.0, &runtime),
    };
    let (interface, slots, description) =
        found.map_err(|why| format!("{}: {why}", path.display()))?;
    let kind = if native { "native library" } else { "component" };
    Ok(Examined { sha256, kind, interface, slots, description })
}

fn component(
    bytes: &[u8],
    sha256: Hash,
    bounds: Bounds,
    scratch: &Path,
    runtime: &Runtime,
) -> Result<Found, String> {
    let engine = Engine::new(scratch, bounds).map_err(|error| error.to_string())?;
    let code = engine.compile(bytes, sha256.0).map_err(|why| why.to_string())?;
    let description = runtime.block_on(code.describe()).map_err(|why| why.to_string())?;
    Ok((code.interface(), code.slots().to_vec(), description))
}

fn library(
    bytes: &[u8],
    sha256: Hash,
    bounds: Bounds,
    scratch: &Path,
    runtime: &Runtime,
) -> Result<Found, String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?;
    let loader = Loader::new(Options {
        dir: scratch.join("native"),
        program: Program { path, args: vec![WORD.into()] },
        bounds,
        process_memory: CHILD_MEMORY,
        hanging_max: 1,
        runtime: runtime.handle().clone(),
        marks: Arc::new(NothingLoaded),
    });
    let code = loader.prepare(bytes, sha256.0).map_err(|why| why.to_string())?;
    Ok((code.interface(), code.slots().to_vec(), code.description().clone()))
}

/// The bounds that hold where nothing else is configured.
fn policy() -> Result<Policy, String> {
    let text = "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n";
    let loaded = Config::parse(text, "the defaults", std::iter::empty());
    loaded.map(|loaded| loaded.config.policy).map_err(|errors| errors.to_string())
}

/// Nothing is loaded into this process, so nothing needs a mark.
struct NothingLoaded;

impl Marks for NothingLoaded {
    fn mark(&self, _: &[u8; 32]) -> io::Result<()> {
        Ok(())
    }

    fn unmark(&self, _: &[u8; 32]) -> io::Result<()> {
        Ok(())
    }
}

/// A private folder that goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("theseus-plugin-{}", std::process::id()));
        // It must be ours: made here, and by nobody before.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
