//! The broker's end of the socket. Only its own user may connect.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use theseus_ban::Table;
use theseus_core::Broker;
use theseus_native::Loader;
use theseus_reload::{Control, StatusView};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::answer::{Answer, Done, Status};
use super::{Question, SOCKET, Verb, bans, plugins, revalidate};
use crate::peers::Peers;

/// Questions answered at the same time; more wait.
const AT_ONCE: usize = 8;
/// Bytes of a question: its words may be a client id and a reason.
const QUESTION_MAX: u64 = 128 << 10;
/// For a question to come, and for its answer to be taken; the places of those who say nothing are few.
const PATIENCE: Duration = Duration::from_secs(1);
/// For what is asked for to be done: a plugin may have to be started first.
const DOING_MAX: Duration = Duration::from_secs(8);

/// What answers are made of.
pub(crate) struct Sources {
    pub(crate) broker: Arc<Broker>,
    pub(crate) files: StatusView,
    pub(crate) control: Control,
    pub(crate) loader: Arc<Loader>,
    pub(crate) bans: Arc<Table>,
    pub(crate) peers: Arc<Peers>,
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
                    let _ = answer(stream, &sources).await;
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
    let mut lines = BufReader::new(read.take(QUESTION_MAX));
    timeout(PATIENCE, lines.read_line(&mut question)).await??;
    let answer = timeout(DOING_MAX, sources.answer(Question::read(question.trim()))).await;
    let late = |_| Answer::Wrong("the broker is busy and does it when it can".to_owned());
    let answer = serde_json::to_vec(&answer.unwrap_or_else(late))?;
    timeout(PATIENCE, write.write_all(&answer)).await??;
    write.shutdown().await
}

impl Sources {
    async fn answer(&self, question: Option<Question>) -> Answer {
        let Some(Question { verb, words }) = question else {
            return Answer::Unknown(Verb::ALL.map(|verb| verb.name().to_owned()).to_vec());
        };
        match verb {
            Verb::Status => Answer::Status(self.status()),
            Verb::Plugins => plugins::answer(self, &words).await,
            Verb::Revalidate => revalidate::answer(&self.broker, &self.peers, &words).await,
            Verb::Bans => Answer::Bans(bans::list(&self.bans)),
            Verb::Ban => match bans::carry_out(&self.bans, &words) {
                Ok(done) => Answer::Ban(Done { done }),
                Err(why) => Answer::Wrong(why),
            },
        }
    }

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
