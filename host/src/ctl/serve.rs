//! The broker's end of the socket. Only its own user may connect.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use theseus_core::Broker;
use theseus_reload::StatusView;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::answer::{Answer, Status};
use super::{SOCKET, Verb};

/// Questions answered at the same time; more wait.
const AT_ONCE: usize = 8;
/// A question is one word.
const QUESTION_MAX: u64 = 64;
/// For a question to come and its answer to be taken; the places of those who say nothing are few.
const PATIENCE: Duration = Duration::from_secs(1);

/// What answers are made of.
pub(crate) struct Sources {
    pub(crate) broker: Arc<Broker>,
    pub(crate) files: StatusView,
    pub(crate) node: String,
    pub(crate) listeners: Vec<String>,
    pub(crate) started: Instant,
}

/// The socket; its file goes with it.
pub(crate) struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Listens in `data_dir`, which is ours: what an earlier process left there is replaced.
    ///
    /// # Errors
    /// Those of the system; the path of a socket may be about 100 bytes long.
    pub(crate) fn open(data_dir: &Path, pool: &Handle, sources: Sources) -> io::Result<Self> {
        let path = data_dir.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let _inside = pool.enter();
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        pool.spawn(accept(listener, Arc::new(sources)));
        Ok(Self { path })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, sources: Arc<Sources>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        // Never closed: the task ends with its runtime.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let sources = sources.clone();
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(PATIENCE, answer(stream, &sources)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("ctl: {error}");
                tokio::time::sleep(PATIENCE).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, sources: &Sources) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut question = String::new();
    BufReader::new(read.take(QUESTION_MAX)).read_line(&mut question).await?;
    let answer = match Verb::named(question.trim()) {
        Some(Verb::Status) => Answer::Status(sources.status()),
        Some(Verb::Plugins) => Answer::Plugins(sources.files.status()),
        None => Answer::Unknown(Verb::ALL.map(|verb| verb.name().to_owned()).to_vec()),
    };
    write.write_all(&serde_json::to_vec(&answer)?).await?;
    write.shutdown().await
}

impl Sources {
    fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            node: self.node.clone(),
            uptime_seconds: self.started.elapsed().as_secs(),
            listeners: self.listeners.clone(),
            shards: self.broker.shards(),
            connections: self.broker.connections(),
            sessions: self.broker.sessions(),
            retained: self.broker.retained(),
            live: self.files.status(),
        }
    }
}
