//! What tests run libraries in: a folder, a loader whose child processes are this very test, and libraries
//! made of `tests/plugins/rogue/rogue.c` by the system's compiler.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use theseus_native::{Code, Loader, Marks, Options, Place, Program, Version, WORD};
use theseus_policy::Version as _;
use theseus_policy::{Answer, Call, Decision, Fault, Hashing, Login, PluginState, Question, Setup};
use theseus_wasm::{Bounds, Rejection};
use tokio::runtime::Handle;

/// How long a call may take here: wide enough for a busy machine, short enough to be waited for.
pub(crate) const WALL: Duration = Duration::from_secs(3);

/// Marks in memory.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<BTreeSet<[u8; 32]>>);

impl Marks for Kept {
    fn mark(&self, sha256: &[u8; 32]) -> io::Result<()> {
        self.0.lock().unwrap().insert(*sha256);
        Ok(())
    }

    fn unmark(&self, sha256: &[u8; 32]) -> io::Result<()> {
        self.0.lock().unwrap().remove(sha256);
        Ok(())
    }
}

pub(crate) struct World {
    folder: PathBuf,
    pub(crate) loader: Arc<Loader>,
    pub(crate) marks: Arc<Kept>,
}

impl World {
    /// Must be made within a runtime of several threads.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("theseus-native-{}-{n}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let marks = Arc::new(Kept::default());
        let loader = Loader::new(Options {
            dir: folder.join("native"),
            program: program(),
            bounds: Bounds { instances: 4, call_wall: WALL, ..Bounds::default() },
            process_memory: 256 << 20,
            hanging_max: 2,
            runtime: Handle::current(),
            marks: marks.clone(),
        });
        Self { folder, loader, marks }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The rogue in this version and with this misdeed, as a file.
    pub(crate) fn build(&self, name: &str, version: &str, misdeed: &str) -> PathBuf {
        build(
            &self.path(name),
            &[&format!("-DVERSION=\"{version}\""), &format!("-DMISDEED=\"{misdeed}\"")],
        )
    }

    pub(crate) async fn prepare(&self, bytes: Vec<u8>) -> Result<Code, Rejection> {
        let loader = self.loader.clone();
        let sha256 = Sha256::digest(&bytes).into();
        tokio::task::spawn_blocking(move || loader.prepare(&bytes, sha256)).await.unwrap()
    }

    /// The file as it is now, started.
    pub(crate) async fn start(&self, file: &Path, place: Place) -> Version {
        let code = self.prepare(std::fs::read(file).unwrap()).await.unwrap();
        code.start(place, code.description(), setup()).await.unwrap()
    }

    /// Why a rogue with this misdeed is no plugin.
    pub(crate) async fn refused(&self, misdeed: &str) -> String {
        let file = self.build("refused.so", "1.0.0", misdeed);
        match self.prepare(std::fs::read(file).unwrap()).await {
            Ok(_) => panic!("{misdeed}: it is taken"),
            Err(rejection) => rejection.to_string(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Builds `rogue.c` to this path.
pub(crate) fn build(to: &Path, options: &[&str]) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/plugins/rogue/rogue.c");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(to);
    let built = command.args(options).arg(source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    to.to_owned()
}

/// This test, told to be a child: see `serves_as_a_child`.
fn program() -> Program {
    let words = ["--exact", "serves_as_a_child", "--nocapture", WORD];
    Program { path: std::env::current_exe().unwrap(), args: words.iter().map(Into::into).collect() }
}

/// What a test named `serves_as_a_child` does: nothing, unless it is a child.
pub(crate) fn serve_as_a_child() {
    let mut words = std::env::args().skip_while(|word| word != WORD).skip(1);
    if let (Some(file), Some(memory)) = (words.next(), words.next()) {
        let _ = theseus_native::serve(Path::new(&file), memory.parse().unwrap());
        std::process::exit(0);
    }
}

pub(crate) fn setup() -> Arc<Setup> {
    let hashing = Hashing::new(1, 16, WALL);
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

/// Who a client with this user name is let in as.
pub(crate) async fn ask(version: &Version, user: &str) -> Result<String, Fault> {
    match version.ask(question(user)).await? {
        Answer::Decision(Decision::Allow(admitted)) => {
            Ok(admitted.grant.user_name.unwrap_or_default().into())
        }
        other => panic!("{other:?}"),
    }
}

/// About a client with this user name, which is what the rogue does for it.
pub(crate) fn question(user: &str) -> Question {
    let login = Login {
        client_id: "c".into(),
        user_name: (!user.is_empty()).then(|| user.into()),
        ..Login::default()
    };
    Question::about(Arc::new(login), Call::Authenticate)
}
