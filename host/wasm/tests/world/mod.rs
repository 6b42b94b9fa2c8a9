//! What tests run guests in: an engine with a folder of its own, a setup, a login.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here is a failed test")]
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use theseus_policy::Version as _;
use theseus_policy::{Answer, Call, Decision, Fault, Hashing, Login, PluginState, Question, Setup};
use theseus_wasm::{Bounds, Code, Engine, Rejection, Version};

use crate::guest::Guest;

/// A folder that is gone when the test is over.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("theseus-wasm-{}-{n}", std::process::id()));
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Wide enough for a busy machine, narrow enough for a test.
pub(crate) fn bounds() -> Bounds {
    Bounds {
        instances: 2,
        login_cpu: Duration::from_millis(50),
        call_wall: Duration::from_secs(20),
        ..Bounds::default()
    }
}

pub(crate) fn setup() -> Arc<Setup> {
    setup_with(Hashing::new(1, 16, Duration::from_secs(20)))
}

pub(crate) fn setup_with(hashing: Arc<Hashing>) -> Arc<Setup> {
    Arc::new(Setup {
        settings: [].into(),
        files: [].into(),
        connectors: theseus_policy::Granted::default(),
        hashing,
        bans: theseus_policy::BanDesk::alone(),
        state: PluginState::alone(),
        budget: theseus_policy::Budget::default(),
    })
}

pub(crate) fn login() -> Arc<Login> {
    Arc::new(Login {
        client_id: "c1".into(),
        user_name: Some("ada".into()),
        password: Some(b"secret".as_slice().into()),
        listener: "tcp:default".into(),
        ..Login::default()
    })
}

pub(crate) fn compile(engine: &Arc<Engine>, component: &[u8]) -> Result<Code, Rejection> {
    engine.compile(component, Sha256::digest(component).into())
}

/// Compiles and starts a guest.
pub(crate) async fn start(
    guest: &Guest,
    bounds: Bounds,
    setup: Arc<Setup>,
) -> Result<Arc<Version>, Rejection> {
    let folder = Folder::new();
    let engine = Engine::new(&folder.path().join("cache"), bounds).expect("an engine");
    let code = compile(&engine, &guest.component())?;
    let description = code.describe().await?;
    Version::start(&code, &description, setup).await
}

/// Asks `authenticate` of a version.
pub(crate) fn authenticate<'a>(version: &'a Version, who: &Arc<Login>) -> Deciding<'a> {
    decide(version, Question::about(who.clone(), Call::Authenticate))
}

/// Asks `proceed` of a version.
pub(crate) fn proceed<'a>(
    version: &'a Version,
    who: &Arc<Login>,
    state: &[u8],
    data: &[u8],
) -> Deciding<'a> {
    let call = Call::Proceed { state: state.into(), data: data.into() };
    decide(version, Question::about(who.clone(), call))
}

/// A decision on its way.
pub(crate) type Deciding<'a> = Pin<Box<dyn Future<Output = Result<Decision, Fault>> + Send + 'a>>;

fn decide(version: &Version, question: Question) -> Deciding<'_> {
    Box::pin(async move {
        match version.ask(question).await? {
            Answer::Decision(decision) => Ok(decision),
            other => panic!("{other:?}"),
        }
    })
}

/// Starts a guest that must start, and asks it once.
pub(crate) async fn ask(guest: &Guest, bounds: Bounds) -> (Result<Decision, Fault>, Arc<Version>) {
    let version = start(guest, bounds, setup()).await.expect("it starts");
    (authenticate(&version, &login()).await, version)
}
