//! The thread that looks, and its end.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::inbox::{Errand, Inbox, Waker};
use crate::reload::Reload;
use crate::starter::Starter;
use crate::status::{Status, StatusView};

/// Behind those that serve, before the one that compiles.
const NICENESS: i32 = 5;

/// How long the end is waited for.
const END_MAX: Duration = Duration::from_secs(1);

/// The running thread. Dropped, it stops without being waited for.
pub struct ReloadHandle {
    stop: Stop,
    ended: Receiver<()>,
    thread: JoinHandle<()>,
    view: StatusView,
}

/// Stops the thread when it is dropped.
struct Stop(Waker);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Reload {
    /// Starts to look, on a thread of low priority, to compile on another of a lower one, and to start
    /// versions on others.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(mut self) -> io::Result<ReloadHandle> {
        let view = self.view();
        let waker = self.waker.clone();
        let inbox = self.inbox.take().ok_or(io::ErrorKind::AlreadyExists)?;
        self.compiler = self.compiler.apart(waker.clone())?;
        self.starter = Starter::apart();
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("reload".to_owned()).spawn(move || {
            // On Linux it is a thread's, not the process's. Without it all is the same, only ruder.
            let _ = rustix::process::setpriority_process(None, NICENESS);
            run(self, &inbox);
            drop(end);
        })?;
        Ok(ReloadHandle { stop: Stop(waker), ended, thread, view })
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

    /// Ends the thread, and waits for it at most a second: it may be starting a plugin, and that has no
    /// consequences.
    pub fn stop(self) {
        drop(self.stop);
        if self.ended.recv_timeout(END_MAX) == Err(RecvTimeoutError::Disconnected) {
            // A panic in it was logged when it happened.
            let _ = self.thread.join();
        }
    }
}

fn run(mut reload: Reload, inbox: &Inbox) {
    while let Some(errand) = inbox.next(reload.pause()) {
        if let Errand::Command(command, answer) = errand {
            // Whoever asked may have gone.
            let _ = answer.send(reload.obey(command));
        }
        reload.step(Instant::now());
    }
}

impl Reload {
    /// Until the next look.
    pub(crate) fn pause(&self) -> Duration {
        match (self.put_off, self.watch.any_unsettled()) {
            (true, _) => Duration::ZERO,
            (false, true) => self.pace.settle,
            (false, false) => self.pace.look,
        }
    }
}
