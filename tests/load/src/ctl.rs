//! Asks a running Theseus which generation is live, over the socket in its `data_dir`.
//! Used by the cases that change files under it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::broker::pause;
use crate::fault::Fault;

/// Between two questions.
const LOOK: Duration = Duration::from_millis(20);

/// How long a change may take to be live.
const PATIENCE: Duration = Duration::from_secs(60);

/// The live generation of the broker that runs in `dir`.
pub(crate) fn generation(dir: &Path) -> Result<u64, Fault> {
    let mut stream = UnixStream::connect(dir.join("data/theseus.sock"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"status\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status: serde_json::Value = serde_json::from_str(&answer).map_err(std::io::Error::from)?;
    let generation = status["status"]["live"]["generation"].as_u64();
    generation.ok_or_else(|| Fault::Broker(format!("no generation in its status: {answer}")))
}

/// Waits until a generation after `before` is live; returns it.
pub(crate) fn wait_beyond(dir: &Path, before: u64) -> Result<u64, Fault> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let live = generation(dir)?;
        if live > before {
            return Ok(live);
        }
        pause(LOOK);
    }
    Err(Fault::Hung(format!("generation {before} was still live after {PATIENCE:?}")))
}
