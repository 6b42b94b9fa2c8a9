//! The end of a process that has libraries, whatever leads to it: they are not to blame for an end in order.

use std::sync::Arc;

use crate::loader::Loader;

/// Ends a loader when it is dropped, but for a panic.
#[must_use]
pub struct Ending(Option<Arc<Loader>>);

impl Loader {
    /// [Ends](Self::end) it however the caller's scope is left.
    pub fn until_end(self: &Arc<Self>) -> Ending {
        Ending(Some(self.clone()))
    }
}

impl Ending {
    /// The process ends, and not in order: what was new may be to blame.
    pub fn leave_marks(mut self) {
        self.0 = None;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(loader) = self.0.take().filter(|_| !std::thread::panicking()) {
            loader.end();
        }
    }
}
