//! The compiler and runtime, set up once: what all plugins of a broker share.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, InstanceAllocationStrategy};

use crate::bounds::Bounds;
use crate::cache::Cache;
use crate::inspect::FEATURES;
use crate::limits::Memory;
use crate::state::State;
use crate::ticker::Ticker;
use crate::{imports, wasi};

/// How deep a guest may nest calls, in bytes of stack: the default of wasmtime.
const GUEST_STACK: usize = 512 << 10;

/// The stack of a call: the guest's part, and the broker's where the guest calls it.
const CALL_STACK: usize = 1 << 20;

/// Compiles and runs components.
pub struct Engine {
    pub(crate) runtime: wasmtime::Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) ticker: Ticker,
    pub(crate) cache: Option<Cache>,
    pub(crate) bounds: Bounds,
    /// What all instances hold.
    pub(crate) memory: Arc<Memory>,
}

/// The engine could not be set up; nothing a configuration could change.
#[derive(Debug)]
pub struct EngineError(String);

impl Engine {
    /// Sets up the runtime. `cache_dir` is created with mode 0700 if it is missing; it must belong to
    /// the broker's user and to nobody else, or compiled code is not kept, and the log says so.
    ///
    /// # Errors
    /// The system gives no thread, or the processor is not one that code can be compiled for.
    pub fn new(cache_dir: &Path, bounds: Bounds) -> Result<Arc<Self>, EngineError> {
        let runtime = wasmtime::Engine::new(&config()).map_err(failed)?;
        let mut linker = Linker::new(&runtime);
        imports::offer(&mut linker).map_err(failed)?;
        wasi::offer(&mut linker).map_err(failed)?;
        let ticker = Ticker::start(&runtime).map_err(failed)?;
        let cache = Cache::open(cache_dir, &runtime)
            .inspect_err(|why| tracing::warn!("plugins are compiled at each start: {why}"))
            .ok();
        let memory = Memory::new(bounds.memory);
        Ok(Arc::new(Self { runtime, linker, ticker, cache, bounds, memory }))
    }

    /// The bounds it was set up with.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugins cannot be run here: {}", self.0)
    }
}

impl std::error::Error for EngineError {}

fn failed(error: impl fmt::Display) -> EngineError {
    EngineError(format!("{error:#}"))
}

/// Compilation takes one core: the runtime is built without `parallel-compilation`, since all cores at
/// once would be taken from clients that are connected.
fn config() -> Config {
    let mut config = Config::new();
    config
        // The machinery of component-model async costs 0.45 us on each call, and nothing uses it.
        .concurrency_support(false)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(CALL_STACK)
        .wasm_features(FEATURES.complement(), false)
        .wasm_features(FEATURES, true);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_same_wasm_as_inspect() {
        let runtime = wasmtime::Engine::new(&config()).unwrap();
        assert_eq!(runtime.get_wasm_features(), FEATURES);
    }
}
