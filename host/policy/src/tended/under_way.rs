//! A call until it ends. One that is dropped when its time is over has failed, and nobody else counts it;
//! one whose client has gone has not.

use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Fault;
use crate::plugin::Slot;
use crate::question::Question;
use crate::tended::Tended;

/// See above.
pub(crate) struct UnderWay<'a> {
    tended: &'a Tended,
    slot: Slot,
    began: Instant,
    until: Option<Instant>,
}

impl<'a> UnderWay<'a> {
    /// Before the version is asked.
    pub(crate) fn begin(tended: &'a Tended, question: &Question) -> Self {
        let (slot, until) = (question.call.slot(), question.until);
        Self { tended, slot, began: Instant::now(), until }
    }

    /// Counts it. `Some`: the plugin answered, or failed by its own doing.
    pub(crate) fn end(mut self, fault: Option<&Fault>) -> Option<bool> {
        self.until = None;
        self.tended.note(self.slot, self.took(), fault)
    }

    fn took(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            self.tended.note(self.slot, self.took(), Some(&Fault::WallTime));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::timeout_at;

    use super::*;
    use crate::login::Login;
    use crate::question::{Asking, Call, Version};
    use crate::tended::{RecordBounds, Tolerance};

    /// Never answers.
    struct Silent;

    impl Version for Silent {
        fn ask(&self, _: Question) -> Asking<'_> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_call_is_counted_whose_time_is_over_and_not_one_whose_client_has_gone() {
        let tolerance = Tolerance { failures: 1, percent: 1 };
        let record = RecordBounds { decisions: 0, bytes: 0 };
        let tended = Tended::new(Arc::new(Silent), "silent", tolerance, record, Box::new(|| {}));
        let ask = |until| {
            let question = Question::about(Arc::new(Login::default()), Call::LimitsFor);
            tended.ask(question.until(until))
        };
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(timeout_at(soon, ask(soon)).await.is_err());
        let count = || tended.figures().iter().map(|one| one.faults).collect::<Vec<_>>();
        let mut counted = [0; Fault::KINDS.len()];
        counted[Fault::WallTime.kind()] = 1;
        assert_eq!(count(), [counted]);
        let later = Instant::now() + Duration::from_secs(3600);
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(timeout_at(soon, ask(later)).await.is_err());
        assert_eq!(count(), [counted]);
        // Nobody is to blame for waiting.
        assert_eq!(tended.failure(), None);
    }
}
