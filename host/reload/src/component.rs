//! The back end for WebAssembly components: the calls of `theseus-wasm` in their order, made from a
//! thread that is none of the runtime's. Not what they do.

use std::sync::Arc;
use std::time::Instant;

use theseus_policy::{Description, Setup};
use theseus_wasm::{Engine, Faults, Rejection, Version};
use tokio::runtime::Handle;

use crate::backend::{Backend, Built, Code, Health, Running, Started};
use crate::digest::Digest;
use crate::refusal::Refusal;

/// Components, compiled by one engine and run on one runtime.
pub(crate) struct Components {
    engine: Arc<Engine>,
    runtime: Handle,
}

/// The code of one.
struct Component {
    code: theseus_wasm::Code,
    runtime: Handle,
}

impl Components {
    pub(crate) fn new(engine: Arc<Engine>, runtime: Handle) -> Self {
        Self { engine, runtime }
    }
}

impl Backend for Components {
    fn compile(&self, bytes: &[u8], digest: Digest) -> Result<Built, Refusal> {
        let start = Instant::now();
        let slots = theseus_wasm::inspect(bytes, self.engine.bounds()).map_err(said)?;
        let code = self.engine.compile(bytes, digest.0).map_err(said)?;
        let description = self.runtime.block_on(code.describe()).map_err(said)?;
        let cached = code.from_cache();
        let code = Box::new(Component { code, runtime: self.runtime.clone() });
        Ok(Built { digest, description, slots, took: start.elapsed(), cached, code })
    }
}

impl Code for Component {
    fn start(
        &self,
        description: &Description,
        setup: Setup,
        rules: bool,
    ) -> Result<Started, Refusal> {
        self.runtime.block_on(self.started(description, setup, rules)).map_err(said)
    }
}

impl Component {
    async fn started(
        &self,
        description: &Description,
        setup: Setup,
        rules: bool,
    ) -> Result<Started, Rejection> {
        let start = Instant::now();
        let version = Version::start(&self.code, description, Arc::new(setup)).await?;
        let sets = if rules { Some(version.rule_sets().await?.into()) } else { None };
        let init = start.elapsed();
        version.self_test().await?;
        let self_test = start.elapsed().saturating_sub(init);
        Ok(Started { version, sets, init, self_test })
    }
}

impl Running for Version {
    fn health(&self) -> Health {
        let health = Self::health(self);
        Health {
            instances: health.instances as u64,
            calls: health.calls,
            faults: of_plugin(&health.faults),
        }
    }
}

/// Overload is not the plugin's fault.
fn of_plugin(faults: &Faults) -> u64 {
    faults.trap + faults.cpu_time + faults.wall_time + faults.memory + faults.invalid
}

/// What a plugin says about a file has a line for each that is wrong there. They arrive escaped, as
/// what may stand in one line of a log; here each gets its own, with its place before it.
fn said(rejection: Rejection) -> Refusal {
    let transient = rejection.is_transient();
    Refusal { why: rejection.to_string().replace("\\n", "\n"), transient }
}
