//! What wakes the reloading before its next look, from any thread: something is compiled, something
//! is wanted of it, or it is to end. Not what is done then, which is `thread`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::command::{Command, Outcome};

/// Errands that wait; who wakes somebody that has this much before him need not.
const ERRANDS_MAX: usize = 64;

/// The end that is read.
pub(crate) struct Inbox {
    errands: Receiver<Errand>,
    stopped: Arc<AtomicBool>,
    hurried: Arc<AtomicUsize>,
}

/// The end that is called. All clones are the same.
#[derive(Clone)]
pub(crate) struct Waker {
    errands: SyncSender<Errand>,
    stopped: Arc<AtomicBool>,
    /// Errands that wait and must not wait for the start of a version.
    hurried: Arc<AtomicUsize>,
}

/// What there is to do.
pub(crate) enum Errand {
    /// To look, now.
    Look,
    /// To do what an operator wants.
    Command(Command, oneshot::Sender<Outcome>),
}

pub(crate) fn inbox() -> (Waker, Inbox) {
    let (send, errands) = sync_channel(ERRANDS_MAX);
    let stopped = Arc::new(AtomicBool::new(false));
    let hurried = Arc::new(AtomicUsize::new(0));
    let waker = Waker { errands: send, stopped: stopped.clone(), hurried: hurried.clone() };
    (waker, Inbox { errands, stopped, hurried })
}

impl Errand {
    /// It must not wait for the start of a version.
    const fn is_hurried(&self) -> bool {
        matches!(self, Self::Command(Command::Rollback(_), _))
    }
}

impl Waker {
    /// Has it look. Never waits.
    pub(crate) fn wake(&self) {
        // Full: it will look in any case.
        let _ = self.errands.try_send(Errand::Look);
    }

    /// Never waits either.
    pub(crate) fn send(&self, errand: Errand) -> Result<(), ()> {
        let hurry = usize::from(errand.is_hurried());
        self.hurried.fetch_add(hurry, Ordering::AcqRel);
        self.errands.try_send(errand).map_err(|_| {
            self.hurried.fetch_sub(hurry, Ordering::AcqRel);
        })
    }

    /// What it is at is put off if it takes long.
    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Acquire) > 0
    }

    /// Has it end, after what it is at.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }
}

impl Inbox {
    /// The next errand, or to look once `pause` is over; none: it is to end.
    pub(crate) fn next(&self, pause: Duration) -> Option<Errand> {
        let errand = match self.errands.recv_timeout(pause) {
            Ok(errand) => Some(errand),
            Err(RecvTimeoutError::Timeout) => Some(Errand::Look),
            Err(RecvTimeoutError::Disconnected) => None,
        };
        let hurry = errand.as_ref().is_some_and(Errand::is_hurried);
        self.hurried.fetch_sub(usize::from(hurry), Ordering::AcqRel);
        errand.filter(|_| !self.stopped.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_hurry_is_so_until_it_is_done() {
        let (waker, inbox) = inbox();
        let errand = || Errand::Command(Command::Rollback("a".to_owned()), oneshot::channel().0);
        let send = || waker.send(errand());
        (0..2).for_each(|_| send().unwrap());
        for is_left in [true, false] {
            assert!(waker.is_hurried() && inbox.next(Duration::ZERO).is_some());
            assert_eq!(waker.is_hurried(), is_left);
        }
        // Nor does one that found no room make others wait, or be forgotten.
        (0..ERRANDS_MAX).for_each(|_| send().unwrap());
        send().unwrap_err();
        (0..ERRANDS_MAX).for_each(|_| drop(inbox.next(Duration::ZERO)));
        assert!(!waker.is_hurried());
        waker.send(Errand::Look).unwrap();
        assert!(!waker.is_hurried());
    }
}
