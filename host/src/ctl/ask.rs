//! The prompt's end of the socket.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::answer::Answer;
use super::{Question, SOCKET, show, versions};

/// An answer is no longer than this, bytes.
const ANSWER_MAX: u64 = 16 << 20;

/// Asks the broker that runs on `data_dir`, and returns the answer in words, or as JSON.
pub(crate) fn ask(data_dir: &Path, question: &Question, as_json: bool) -> Result<String, String> {
    let path = data_dir.join(SOCKET);
    let answer = answer_to(&path, question).map_err(|error| unreachable(&path, &error))?;
    // Another version may answer with more than we know: as JSON it is passed on as it is.
    let unreadable = |error| format!("the answer of `{}` cannot be read: {error}", path.display());
    if as_json {
        let value: serde_json::Value = serde_json::from_str(&answer).map_err(unreadable)?;
        if let Some(why) = value.get("wrong").and_then(serde_json::Value::as_str) {
            return Err(why.to_owned());
        }
        return Ok(format!("{:#}", value.get(question.verb.name()).unwrap_or(&value)));
    }
    match serde_json::from_str(&answer).map_err(unreadable)? {
        Answer::Status(status) => Ok(show::status(&status)),
        Answer::Plugins(plugins) => Ok(show::plugins(&plugins)),
        Answer::Shadow(shadow) => Ok(versions::shadow(&shadow)),
        Answer::Quarantine(all) => Ok(versions::quarantine(&all)),
        Answer::Bans(bans) => Ok(show::bans(&bans)),
        Answer::Revalidate(revalidated) => Ok(show::revalidated(&revalidated)),
        Answer::Ban(done) | Answer::Done(done) => Ok(done.done),
        Answer::Wrong(why) => Err(why),
        Answer::Unknown(known) => {
            Err(format!("the broker that runs knows only: {}", known.join(", ")))
        }
    }
}

fn answer_to(path: &Path, question: &Question) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    writeln!(stream, "{}", question.line()?)?;
    let mut answer = String::new();
    stream.take(ANSWER_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

fn unreachable(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
            "no broker answers on `{shown}`: none runs on this data_dir; name its configuration \
             with --config"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("`{shown}` belongs to the broker's user: ask as that user ({error})")
        }
        _ => format!("`{shown}`: {error}"),
    }
}
