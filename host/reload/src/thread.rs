//! The thread that looks, and its end.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::reload::Reload;
use crate::status::{Status, StatusView};

/// A thread that compiles must not take the cores from those that serve.
const NICENESS: i32 = 10;

/// How long the end is waited for.
const END_MAX: Duration = Duration::from_secs(1);

/// The running thread. Dropped, it stops without being waited for.
pub struct ReloadHandle {
    /// Dropped to stop.
    stop: Sender<()>,
    ended: Receiver<()>,
    thread: JoinHandle<()>,
    view: StatusView,
}

impl Reload {
    /// Starts to look, on a thread of low priority.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(self) -> io::Result<ReloadHandle> {
        let view = self.view();
        let ((stop, stopping), (end, ended)) = (channel(), channel());
        let thread = std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            // On Linux it is a thread's, not the process's. Without it all is the same, only ruder.
            let _ = rustix::process::setpriority_process(None, NICENESS);
            run(self, &stopping);
            drop(end);
        })?;
        Ok(ReloadHandle { stop, ended, thread, view })
    }
}

impl ReloadHandle {
    /// What a person who asks is shown.
    pub fn status(&self) -> Arc<Status> {
        self.view.status()
    }

    /// Where to ask for it, from any thread.
    pub fn view(&self) -> StatusView {
        self.view.clone()
    }

    /// Ends the thread, and waits for it at most a second: it may be compiling, and that has no
    /// consequences.
    pub fn stop(self) {
        drop(self.stop);
        if self.ended.recv_timeout(END_MAX) == Err(RecvTimeoutError::Disconnected) {
            // A panic in it was logged when it happened.
            let _ = self.thread.join();
        }
    }
}

fn run(mut reload: Reload, stopping: &Receiver<()>) {
    loop {
        let pause = reload.pause();
        if stopping.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        reload.step(Instant::now());
    }
}

impl Reload {
    /// Until the next look.
    pub(crate) fn pause(&self) -> Duration {
        if self.watch.any_unsettled() { self.pace.settle } else { self.pace.look }
    }
}
