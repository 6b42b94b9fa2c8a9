//! When what failed of load alone is tried again: nothing else would, for no file changes.
//! Not the trying, which is `reload`.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// A pause that doubles with each try that was in vain.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    in_vain: u32,
    at: Option<Instant>,
}

impl Retry {
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| now >= at)
    }

    /// How often it was tried in vain since something changed.
    pub(crate) fn in_vain(&self) -> u32 {
        self.in_vain
    }

    /// After every try, whatever led to it. `busy`: load alone was in the way of something.
    pub(crate) fn note(&mut self, now: Instant, busy: bool) {
        if !busy {
            return self.forget();
        }
        let factor = 2_u32.saturating_pow(self.in_vain);
        self.at = Some(now + FIRST.saturating_mul(factor).min(LONGEST));
        self.in_vain = self.in_vain.saturating_add(1);
    }

    /// Something changed: the next pause is the first again.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_half_a_minute_and_is_forgotten() {
        let (mut retry, now) = (Retry::default(), Instant::now());
        assert!(!retry.is_due(now));
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            retry.note(now, true);
            let due = now + Duration::from_secs(pause);
            assert!(retry.is_due(due) && !retry.is_due(due - Duration::from_millis(1)), "{pause}");
        }
        (0..100).for_each(|_| retry.note(now, true));
        assert!(retry.is_due(now + LONGEST));
        retry.note(now, false);
        assert!(!retry.is_due(now + LONGEST));
        retry.note(now, true);
        assert!(retry.is_due(now + FIRST));
    }
}
