//! A component, compiled and joined to what it imports: ready to have instances.

use std::fmt;
use std::sync::Arc;

use theseus_policy::{Budget, Description, Fault, Slot};
use tokio::time::timeout;
use wasmtime::component::{Component, InstancePre};

use crate::bindings::interface::lifecycle;
use crate::describe;
use crate::engine::Engine;
use crate::exports::Indices;
use crate::fault::rejected;
use crate::inspect::{Inspected, inspect};
use crate::instance::{Alive, Instance};
use crate::interface::Interface;
use crate::rejection::Rejection;
use crate::state::State;
use crate::voice::Voice;

/// A compiled plugin; all clones are the same.
#[derive(Clone)]
pub struct Code(pub(crate) Arc<Linked>);

pub(crate) struct Linked {
    pub(crate) engine: Arc<Engine>,
    pub(crate) pre: InstancePre<State>,
    pub(crate) exports: Indices,
    inspected: Inspected,
    from_cache: bool,
    /// What it is called in the log as long as it has not said its name.
    short_hash: String,
}

impl Engine {
    /// Compiles a file, or takes its code from the cache. Blocks for as long as that takes (about a
    /// tenth of a second for a small plugin, many seconds for one with an interpreter in it): call it
    /// on a thread of low priority. `sha256` is the digest of `bytes`.
    ///
    /// # Errors
    /// What [`inspect`] finds, or what it imports or exports with another type than `wit/` says.
    pub fn compile(self: &Arc<Self>, bytes: &[u8], sha256: [u8; 32]) -> Result<Code, Rejection> {
        let inspected = inspect(bytes, &self.bounds)?;
        let cached = self.cache.as_ref().and_then(|cache| cache.load(&self.runtime, &sha256));
        let from_cache = cached.is_some();
        let component = match cached {
            Some(component) => component,
            None => self.compile_anew(bytes, &sha256)?,
        };
        let short_hash = sha256[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        let linked = Linked::new(self.clone(), &component, inspected, from_cache, short_hash);
        Ok(Code(Arc::new(linked.map_err(|error| mismatch(&error))?)))
    }

    fn compile_anew(&self, bytes: &[u8], sha256: &[u8; 32]) -> Result<Component, Rejection> {
        let component = Component::from_binary(&self.runtime, bytes)
            .map_err(|error| Rejection::new(format!("it cannot be compiled: {error:#}")))?;
        if let Some(cache) = &self.cache {
            cache.store(&component, sha256);
        }
        Ok(component)
    }
}

fn mismatch(error: &wasmtime::Error) -> Rejection {
    Rejection::new(format!("it does not fit the interface: {error:#}"))
}

impl Linked {
    fn new(
        engine: Arc<Engine>,
        component: &Component,
        inspected: Inspected,
        from_cache: bool,
        short_hash: String,
    ) -> wasmtime::Result<Self> {
        let pre = engine.linker.instantiate_pre(component)?;
        let exports = Indices::find(&pre, &inspected)?;
        Ok(Self { engine, pre, exports, inspected, from_cache, short_hash })
    }
}

impl Code {
    /// The slots it fills.
    pub fn slots(&self) -> &[Slot] {
        &self.0.inspected.slots
    }

    /// The version of the interface that it was built for.
    pub fn interface(&self) -> Interface {
        self.0.inspected.interface
    }

    /// Bytes that the instances of one version could hold together.
    pub fn memory_max(&self, own: &Budget) -> usize {
        self.0.engine.bounds.with(own).version_memory()
    }

    /// True if nothing had to be compiled.
    pub fn from_cache(&self) -> bool {
        self.0.from_cache
    }

    /// Asks an instance made for the purpose who it is.
    ///
    /// # Errors
    /// It fails, takes too long, or says what the interface does not allow.
    pub async fn describe(&self) -> Result<Description, Rejection> {
        let wall = self.0.engine.bounds.call_wall;
        let said = timeout(wall, self.ask_description()).await.unwrap_or(Err(Fault::WallTime));
        let said = said.map_err(|fault| rejected("describe", &fault))?;
        describe::description(said).map_err(|why| Rejection::said(&why))
    }

    async fn ask_description(&self) -> Result<lifecycle::Description, Fault> {
        let voice = Arc::new(Voice::new("unknown", &*self.0.short_hash));
        let alive = Alive::count(&Arc::default());
        Instance::new(&self.0, voice, None, alive).await?.describe().await
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("inspected", &self.0.inspected).finish_non_exhaustive()
    }
}
