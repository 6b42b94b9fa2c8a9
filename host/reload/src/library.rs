//! The back end for native libraries: the calls of `theseus-native` in their order, made from a thread that
//! is none of the runtime's. Not what they do, nor whether a file is trusted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use theseus_acl::RuleSet;
use theseus_limit::Limit;
use theseus_native::{Loader, Place, Version};
use theseus_policy::{Description, Setup};
use theseus_wasm::Rejection;
use tokio::runtime::Handle;

use crate::backend::{Built, Code, Running, Started};
use crate::component::said;
use crate::digest::Digest;
use crate::forms::Form;
use crate::refusal::Refusal;
use crate::wanted::Roles;

/// Libraries, loaded by one loader.
pub(crate) struct Libraries {
    loader: Arc<Loader>,
    runtime: Handle,
}

/// The code of one.
struct Library {
    code: theseus_native::Code,
    runtime: Handle,
}

impl Libraries {
    pub(crate) fn new(loader: Arc<Loader>, runtime: Handle) -> Self {
        Self { loader, runtime }
    }

    pub(crate) fn compile(&self, bytes: &[u8], digest: Digest) -> Result<Built, Refusal> {
        let start = Instant::now();
        let code = self.loader.prepare(bytes, digest.0).map_err(said)?;
        let (description, slots) = (code.description().clone(), code.slots().to_vec());
        let code = Box::new(Library { code, runtime: self.runtime.clone() });
        Ok(Built {
            digest,
            form: Form::Library,
            description,
            slots,
            took: start.elapsed(),
            cached: false,
            code,
        })
    }
}

impl Code for Library {
    fn start(
        &self,
        description: &Description,
        setup: Setup,
        roles: Roles,
        isolated: bool,
    ) -> Result<Started, Refusal> {
        let setup = Arc::new(setup);
        let started = async {
            // What it does with these very settings it does to a child process first, without a trace.
            let apart = (!isolated).then(|| setup.state.keep_apart());
            let child = self.ready(Place::Process, description, &setup, roles).await?;
            let self_test = tested(&child.version, &setup).await?;
            drop(apart);
            let ready = match isolated {
                true => child,
                false => self.ready(Place::Here, description, &setup, roles).await?,
            };
            Ok(ready.started(self_test))
        };
        self.runtime.block_on(started).map_err(said)
    }
}

/// A version that may be asked.
struct Ready {
    version: Version,
    sets: Option<Arc<[RuleSet]>>,
    globals: Arc<[Limit]>,
    init: Duration,
}

impl Library {
    async fn ready(
        &self,
        place: Place,
        description: &Description,
        setup: &Arc<Setup>,
        roles: Roles,
    ) -> Result<Ready, Rejection> {
        let start = Instant::now();
        let version = self.code.start(place, description, setup.clone()).await?;
        if let Some(from) = setup.state.from_schema() {
            version.migrate(from).await?;
        }
        let sets = if roles.authz { Some(version.rule_sets().await?.into()) } else { None };
        let globals = if roles.limit { version.global_limits().await? } else { Vec::new() };
        Ok(Ready { version, sets, globals: globals.into(), init: start.elapsed() })
    }
}

impl Ready {
    fn started(self, self_test: Duration) -> Started {
        let Self { version, sets, globals, init } = self;
        Started { version: Arc::new(version), sets, globals, init, self_test }
    }
}

/// Whatever it does there leaves no trace. One that is to run in this process is tested in the other alone:
/// a test that goes wrong must not take the broker with it.
async fn tested(version: &Version, setup: &Setup) -> Result<Duration, Rejection> {
    let start = Instant::now();
    let apart = setup.state.keep_apart();
    version.self_test().await?;
    drop(apart);
    Ok(start.elapsed())
}

impl Running for Version {
    fn instances(&self) -> u64 {
        self.health().instances as u64
    }

    fn hanging(&self) -> u64 {
        Self::hanging(self) as u64
    }

    fn counters(&self) -> Vec<(String, u64)> {
        Self::counters(self)
    }
}
