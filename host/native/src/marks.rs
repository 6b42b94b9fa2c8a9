//! The loading marks: one for each library that was loaded into this process a short time ago. One that
//! takes the process with it leaves its mark, and whoever keeps the marks does not load it again.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;

/// Where marks are kept, so that they outlive the process.
pub trait Marks: Send + Sync {
    /// Sets the mark of a content; on the disk when it returns.
    ///
    /// # Errors
    /// It cannot be written: the library is not loaded.
    fn mark(&self, sha256: &[u8; 32]) -> io::Result<()>;

    /// Takes it away.
    ///
    /// # Errors
    /// It cannot be written: the next start takes the library for one that killed the broker.
    fn unmark(&self, sha256: &[u8; 32]) -> io::Result<()>;
}

/// A library that has been in the process for so long, and used, is believed not to end it.
pub(crate) const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// The marks that this process has set.
pub(crate) struct Pending {
    keeper: Arc<dyn Marks>,
    set: Mutex<Set>,
}

#[derive(Default)]
struct Set {
    marks: BTreeSet<[u8; 32]>,
    /// Those of them that are being opened, which runs code of theirs.
    opening: BTreeSet<[u8; 32]>,
    /// The process is about to end: no more of them.
    is_over: bool,
}

impl Pending {
    pub(crate) fn new(keeper: Arc<dyn Marks>) -> Arc<Self> {
        Arc::new(Self { keeper, set: Mutex::default() })
    }

    /// Before a library is loaded.
    pub(crate) fn mark(&self, sha256: [u8; 32]) -> io::Result<()> {
        let mut set = self.set.lock();
        if set.is_over {
            return Err(io::Error::other("the broker is ending"));
        }
        self.keeper.mark(&sha256)?;
        set.marks.insert(sha256);
        set.opening.insert(sha256);
        Ok(())
    }

    /// It has been opened: takes the mark away once the library is healthy for long enough.
    pub(crate) fn clear_later(self: &Arc<Self>, sha256: [u8; 32], runtime: &Handle) {
        self.set.lock().opening.remove(&sha256);
        let this = self.clone();
        runtime.spawn(async move {
            tokio::time::sleep(HEALTHY_AFTER).await;
            this.clear(&sha256);
        });
    }

    pub(crate) fn clear(&self, sha256: &[u8; 32]) {
        let mut set = self.set.lock();
        if set.marks.remove(sha256) {
            self.unmark(sha256);
        }
    }

    /// The process ends in order: none of them ended it, and no other is loaded. One that is being opened even
    /// now may be why somebody ends it: it keeps its mark.
    pub(crate) fn clear_all(&self) {
        let mut set = self.set.lock();
        set.is_over = true;
        let marks = std::mem::take(&mut set.marks);
        marks.difference(&set.opening).for_each(|sha256| self.unmark(sha256));
    }

    fn unmark(&self, sha256: &[u8; 32]) {
        if let Err(error) = self.keeper.unmark(sha256) {
            tracing::warn!(
                "a loading mark cannot be removed: {error}; the next start will take the library for \
                 one that ended the broker"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<BTreeSet<[u8; 32]>>);

    impl Marks for Kept {
        fn mark(&self, sha256: &[u8; 32]) -> io::Result<()> {
            self.0.lock().insert(*sha256);
            Ok(())
        }

        fn unmark(&self, sha256: &[u8; 32]) -> io::Result<()> {
            self.0.lock().remove(sha256);
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_stands_for_a_minute() {
        let kept = Arc::new(Kept::default());
        let pending = Pending::new(kept.clone());
        for content in [[1; 32], [2; 32]] {
            pending.mark(content).unwrap();
            pending.clear_later(content, &Handle::current());
            tokio::time::sleep(HEALTHY_AFTER / 3).await;
        }
        assert_eq!(kept.0.lock().len(), 2);
        tokio::time::sleep(Duration::from_secs(21)).await;
        assert_eq!(*kept.0.lock(), [[2; 32]].into());
        pending.mark([3; 32]).unwrap();
        pending.clear_later([3; 32], &Handle::current());
        pending.mark([5; 32]).unwrap();
        pending.clear_all();
        // The one that was being opened.
        assert_eq!(*kept.0.lock(), [[5; 32]].into());
        // Nobody would take away one that is set now.
        assert!(pending.mark([4; 32]).is_err());
        assert_eq!(kept.0.lock().len(), 1);
    }
}
