//! The back end for WebAssembly components: the calls of `theseus-wasm` in their order, made from a
//! thread that is none of the runtime's. Not what they do.

use std::sync::Arc;
use std::time::Instant;

use theseus_policy::{Budget, Description, Setup};
use theseus_wasm::{Engine, Rejection, Version};
use tokio::runtime::Handle;

use crate::backend::{Built, Code, Running, Started};
use crate::digest::Digest;
use crate::forms::Form;
use crate::refusal::Refusal;
use crate::wanted::Roles;

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

impl Components {
    pub(crate) fn compile(&self, bytes: &[u8], digest: Digest) -> Result<Built, Refusal> {
        let start = Instant::now();
        let code = self.engine.compile(bytes, digest.0).map_err(said)?;
        let slots = code.slots().to_vec();
        let description = self.runtime.block_on(code.describe()).map_err(said)?;
        let cached = code.from_cache();
        let code = Box::new(Component { code, runtime: self.runtime.clone() });
        Ok(Built {
            digest,
            form: Form::Component,
            description,
            slots,
            took: start.elapsed(),
            cached,
            code,
        })
    }
}

impl Code for Component {
    fn memory_max(&self, own: &Budget) -> usize {
        self.code.memory_max(own)
    }

    fn start(
        &self,
        description: &Description,
        setup: Setup,
        roles: Roles,
        // It is isolated as it is.
        _isolated: bool,
    ) -> Result<Started, Refusal> {
        self.runtime.block_on(self.started(description, setup, roles)).map_err(said)
    }
}

impl Component {
    async fn started(
        &self,
        description: &Description,
        setup: Setup,
        roles: Roles,
    ) -> Result<Started, Rejection> {
        let start = Instant::now();
        let state = setup.state.clone();
        let version = Version::start(&self.code, description, Arc::new(setup)).await?;
        if let Some(from) = state.from_schema() {
            version.migrate(from).await?;
        }
        let sets = if roles.authz { Some(version.rule_sets().await?.into()) } else { None };
        let globals = if roles.limit { version.global_limits().await? } else { Vec::new() };
        let init = start.elapsed();
        // Whatever it does there leaves no trace.
        let apart = state.keep_apart();
        version.self_test().await?;
        drop(apart);
        let self_test = start.elapsed().saturating_sub(init);
        Ok(Started { version, sets, globals: globals.into(), init, self_test })
    }
}

impl Running for Version {
    fn instances(&self) -> u64 {
        self.health().instances as u64
    }

    fn counters(&self) -> Vec<(String, u64)> {
        Self::counters(self)
    }
}

/// What a plugin says about a file has a line for each that is wrong there. They arrive escaped, as
/// what may stand in one line of a log; here each gets its own, with its place before it.
pub(crate) fn said(rejection: Rejection) -> Refusal {
    let transient = rejection.is_transient();
    Refusal { why: rejection.to_string().replace("\\n", "\n"), transient }
}
