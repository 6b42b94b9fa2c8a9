//! Where plugins are compiled: during the first load on the spot, from then on by a thread of its own,
//! so that an edit of rules goes live while a large plugin compiles for many seconds. One at a time:
//! compilation must not take the cores from those that serve. Not what becomes of the result.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::SystemTime;

use theseus_trust::Seal;

use crate::backend::{Backend, Built, guarded};
use crate::digest::Digest;
use crate::forms::Form;
use crate::inbox::Waker;
use crate::refusal::Refusal;
use crate::watch::Content;

/// A thread that compiles must not take the cores from those that serve.
const NICENESS: i32 = 10;

/// Who compiles, and what.
pub(crate) struct Compiler {
    hands: Hands,
    /// What is compiled or waits for it, by path; so no more than there are files.
    under_way: BTreeMap<PathBuf, UnderWay>,
    waiting: VecDeque<Job>,
    /// The thread has something to do.
    at_work: bool,
    /// Results that wait for others that came with them.
    finished: Vec<Compiled>,
}

enum Hands {
    AtOnce(Box<dyn Backend>),
    Apart { jobs: SyncSender<Job>, results: Receiver<Compiled> },
}

/// A file that came to rest and is nothing yet.
pub(crate) struct Job {
    pub(crate) path: PathBuf,
    pub(crate) content: Content,
    pub(crate) form: Form,
    /// Why this content was let through at this path.
    pub(crate) seal: Seal,
    /// Which look brought it: what one look brought becomes live together.
    pub(crate) arrival: u64,
}

/// What a file turned out to be.
pub(crate) struct Compiled {
    pub(crate) path: PathBuf,
    /// Without its bytes.
    pub(crate) content: Content,
    pub(crate) built: Result<Arc<Built>, Refusal>,
    /// As it was when it was ordered.
    pub(crate) seal: Seal,
    arrival: u64,
}

/// What is known of a file meanwhile.
pub(crate) struct UnderWay {
    pub(crate) digest: Digest,
    pub(crate) since: SystemTime,
    arrival: u64,
}

impl Compiler {
    /// One that compiles on the spot.
    pub(crate) fn new(backend: Box<dyn Backend>) -> Self {
        Self {
            hands: Hands::AtOnce(backend),
            under_way: BTreeMap::new(),
            waiting: VecDeque::new(),
            at_work: false,
            finished: Vec::new(),
        }
    }

    /// From now on on a thread of its own, which calls `waker` when something is done.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn apart(mut self, waker: Waker) -> io::Result<Self> {
        let Hands::AtOnce(backend) = self.hands else { return Ok(self) };
        let ((jobs, orders), (deliver, results)) = (sync_channel(1), sync_channel(1));
        // Ends with the reloading; what it compiles then has no consequences.
        std::thread::Builder::new().name("compile".to_owned()).spawn(move || {
            // On Linux it is a thread's, not the process's. Without it all is the same, only ruder.
            let _ = rustix::process::setpriority_process(None, NICENESS);
            work(backend.as_ref(), &orders, &deliver, &waker);
        })?;
        self.hands = Hands::Apart { jobs, results };
        Ok(self)
    }

    /// Has a file compiled. What was ordered for its path before is no more wanted.
    pub(crate) fn order(&mut self, job: Job) {
        self.cancel(&job.path);
        let (digest, arrival, since) = (job.content.digest, job.arrival, SystemTime::now());
        self.under_way.insert(job.path.clone(), UnderWay { digest, since, arrival });
        self.waiting.push_back(job);
        self.hand_out();
    }

    /// Nobody wants to know any more.
    pub(crate) fn cancel(&mut self, path: &Path) {
        self.under_way.remove(path);
        self.waiting.retain(|job| job.path != path);
        self.finished.retain(|done| done.path != path);
    }

    /// Nobody wants to know any more of any.
    pub(crate) fn cancel_all(&mut self) {
        self.under_way.clear();
        self.waiting.clear();
        self.finished.clear();
    }

    /// What is done, together with all that came with it.
    pub(crate) fn finished(&mut self) -> Vec<Compiled> {
        while let Some(done) = self.next_result() {
            self.at_work = false;
            self.hand_out();
            self.accept(done);
        }
        let finished = std::mem::take(&mut self.finished);
        let held = |done: &Compiled| self.under_way.values().any(|it| it.arrival == done.arrival);
        let (held, ready) = finished.into_iter().partition(held);
        self.finished = held;
        ready
    }

    pub(crate) fn under_way(&self, path: &Path) -> Option<&UnderWay> {
        self.under_way.get(path)
    }

    /// True while any file is neither nothing nor something.
    pub(crate) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    fn hand_out(&mut self) {
        if self.at_work {
            return;
        }
        while let Some(job) = self.waiting.pop_front() {
            match &self.hands {
                Hands::AtOnce(backend) => {
                    let done = compile(backend.as_ref(), job);
                    self.accept(done);
                }
                // It has room for one, and nothing to do.
                Hands::Apart { jobs, .. } => {
                    self.at_work = jobs.try_send(job).is_ok();
                    return;
                }
            }
        }
    }

    fn next_result(&self) -> Option<Compiled> {
        match &self.hands {
            Hands::AtOnce(_) => None,
            Hands::Apart { results, .. } => results.try_recv().ok(),
        }
    }

    /// Keeps a result that is still wanted.
    fn accept(&mut self, done: Compiled) {
        let wanted = |it: &UnderWay| (it.digest, it.arrival) == (done.content.digest, done.arrival);
        if self.under_way.get(&done.path).is_some_and(wanted) {
            self.under_way.remove(&done.path);
            self.finished.push(done);
        }
    }
}

fn work(
    backend: &dyn Backend,
    orders: &Receiver<Job>,
    deliver: &SyncSender<Compiled>,
    waker: &Waker,
) {
    while let Ok(job) = orders.recv() {
        if deliver.send(compile(backend, job)).is_err() {
            return;
        }
        waker.wake();
    }
}

fn compile(backend: &dyn Backend, job: Job) -> Compiled {
    let Job { path, mut content, form, seal, arrival } = job;
    let bytes = std::mem::take(&mut content.bytes);
    // Whatever led here: what nobody answers for is not opened.
    let built = match form == Form::Library && !seal.allows_native() {
        true => Err(Refusal::lasting("a native library must be pinned or signed")),
        false => guarded(|| backend.compile(form, &bytes, content.digest)).map(Arc::new),
    };
    Compiled { path, content, built, seal, arrival }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fake::Fake;

    #[test]
    fn a_library_is_not_opened_without_a_seal_that_allows_it() {
        let mut compiler = Compiler::new(Box::new(Fake::default()));
        let mut compiled = |form, seal| {
            let bytes = b"name = door\nversion = 1.0.0\n".to_vec();
            let (digest, none) = (Digest::of(&bytes), Duration::ZERO);
            let content = Content { bytes, digest, modified: (0, 0), settled: none, read: none };
            compiler.order(Job { path: "door.so".into(), content, form, seal, arrival: 1 });
            compiler.finished().remove(0).built.map_err(|refusal| refusal.why).err()
        };
        assert_eq!(compiled(Form::Component, Seal::Unasked), None);
        assert_eq!(compiled(Form::Library, Seal::Pinned), None);
        let refused = compiled(Form::Library, Seal::Unasked);
        assert_eq!(refused.as_deref(), Some("a native library must be pinned or signed"));
    }
}
