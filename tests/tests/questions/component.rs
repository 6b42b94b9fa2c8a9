//! A component, started as a broker does it, with as much time as a busy machine needs.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use theseus_policy::{Hashing, PluginState, Setup, Value};
use theseus_tests::Folder;
use theseus_wasm::{Bounds, Engine, Version};

/// A busy machine must not make a difference.
const WALL: Duration = Duration::from_secs(60);

pub(crate) fn bounds() -> Bounds {
    Bounds {
        instances: 2,
        call_wall: WALL,
        login_cpu: Duration::from_secs(10),
        authorize_cpu: Duration::from_secs(10),
        ..Bounds::default()
    }
}

/// A version with the settings of `mirror`; its code is cached in `folder`.
pub(crate) async fn started(folder: &Folder, bytes: &[u8]) -> Arc<Version> {
    let engine = Engine::new(&folder.path().join("cache"), bounds()).unwrap();
    let code = engine.compile(bytes, Sha256::digest(bytes).into()).unwrap();
    let description = code.describe().await.unwrap();
    Version::start(&code, &description, setup()).await.unwrap()
}

pub(crate) fn setup() -> Arc<Setup> {
    let texts = Value::Texts(vec!["one".to_owned(), "two".to_owned()]);
    let settings = [("salt".to_owned(), Value::Text("x".to_owned())), ("more".to_owned(), texts)];
    let hashing = Hashing::new(1, 16, WALL);
    Arc::new(Setup {
        settings: settings.into(),
        files: [].into(),
        connectors: theseus_policy::Granted::default(),
        hashing,
        bans: theseus_policy::BanDesk::alone(),
        state: PluginState::alone(),
        budget: theseus_policy::Budget::default(),
    })
}
