//! When a backend is left alone: after so many failures one after the other it is asked no more for a
//! while, then by one call that tries, and longer each time that one fails too.
//! Reads no clock: callers say what time it is.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::tally::BreakerState;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Failures in a row; none: it never opens.
    pub(crate) failures: Option<usize>,
    /// All of them within this time.
    pub(crate) window: Duration,
    /// The first pause; each one after a failed try is twice as long.
    pub(crate) pause: Duration,
    /// But no longer than this.
    pub(crate) pause_max: Duration,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    habits: Habits,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Counts changes of the state: what began before the last one says nothing of the present.
    epoch: u64,
    opened: u64,
}

#[derive(Debug)]
enum State {
    /// When the latest calls failed, none of which was followed by one that did not.
    Closed(VecDeque<Instant>),
    Open {
        until: Instant,
        pause: Duration,
    },
    Trying {
        pause: Duration,
    },
}

/// A call that was let through. Dropped without a word, it says nothing of the backend.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    breaker: &'a Breaker,
    epoch: u64,
    began: Instant,
    ended: bool,
}

/// What a call has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    None,
    /// It is asked no more for this long.
    Opened(Duration),
    /// It answers again.
    Closed,
}

impl Breaker {
    pub(crate) fn new(habits: Habits) -> Self {
        let state = State::Closed(VecDeque::new());
        Self { habits, inner: Mutex::new(Inner { state, epoch: 0, opened: 0 }) }
    }

    /// Whether a call would be refused, without making one.
    pub(crate) fn refuses(&self, now: Instant) -> bool {
        match self.inner.lock().state {
            State::Closed(_) => false,
            State::Open { until, .. } => now < until,
            State::Trying { .. } => true,
        }
    }

    /// Lets a call through, or not.
    pub(crate) fn attempt(&self, now: Instant) -> Option<Attempt<'_>> {
        let mut inner = self.inner.lock();
        match inner.state {
            State::Closed(_) => {}
            State::Open { until, pause } if now >= until => {
                inner.change(State::Trying { pause });
            }
            State::Open { .. } | State::Trying { .. } => return None,
        }
        Some(Attempt { breaker: self, epoch: inner.epoch, began: now, ended: false })
    }

    /// What it does at the moment, and how often it has opened.
    pub(crate) fn state(&self, now: Instant) -> (BreakerState, u64) {
        let inner = self.inner.lock();
        let state = match inner.state {
            State::Closed(_) => BreakerState::Closed,
            State::Open { until, .. } if now < until => BreakerState::Open,
            State::Open { .. } | State::Trying { .. } => BreakerState::Trying,
        };
        (state, inner.opened)
    }

    fn failed(&self, inner: &mut Inner, now: Instant) -> Turn {
        let Some(failures_max) = self.habits.failures else { return Turn::None };
        let pause = match &mut inner.state {
            State::Closed(failures) => {
                let window = self.habits.window;
                failures.retain(|at| now.saturating_duration_since(*at) < window);
                failures.push_back(now);
                if failures.len() < failures_max {
                    return Turn::None;
                }
                self.habits.pause
            }
            State::Trying { pause } => pause.saturating_mul(2).min(self.habits.pause_max),
            State::Open { .. } => return Turn::None,
        };
        inner.change(State::Open { until: now + pause, pause });
        inner.opened += 1;
        Turn::Opened(pause)
    }
}

impl Inner {
    fn change(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

impl Attempt<'_> {
    /// The backend answered.
    pub(crate) fn succeed(mut self) -> Turn {
        self.ended = true;
        let mut inner = self.breaker.inner.lock();
        if inner.epoch != self.epoch {
            return Turn::None;
        }
        match &mut inner.state {
            State::Closed(failures) => {
                failures.clear();
                Turn::None
            }
            State::Open { .. } => Turn::None,
            State::Trying { .. } => {
                inner.change(State::Closed(VecDeque::new()));
                Turn::Closed
            }
        }
    }

    /// It did not.
    pub(crate) fn fail(mut self, now: Instant) -> Turn {
        self.ended = true;
        let mut inner = self.breaker.inner.lock();
        if inner.epoch != self.epoch {
            return Turn::None;
        }
        self.breaker.failed(&mut inner, now)
    }
}

impl Drop for Attempt<'_> {
    /// Somebody else may try at once.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut inner = self.breaker.inner.lock();
        if let State::Trying { pause } = inner.state
            && inner.epoch == self.epoch
        {
            inner.change(State::Open { until: self.began, pause });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker(failures: usize) -> (Breaker, Instant) {
        let habits = Habits {
            failures: Some(failures),
            window: 10 * SECOND,
            pause: SECOND,
            pause_max: 3 * SECOND,
        };
        (Breaker::new(habits), Instant::now())
    }

    fn fail(breaker: &Breaker, now: Instant) -> Turn {
        breaker.attempt(now).unwrap().fail(now)
    }

    #[tokio::test]
    async fn opens_after_failures_in_a_row_within_the_window() {
        let (breaker, now) = breaker(3);
        assert_eq!(fail(&breaker, now), Turn::None);
        assert_eq!(fail(&breaker, now + SECOND), Turn::None);
        // One that answers between them, or a long time, and it counts anew.
        assert_eq!(breaker.attempt(now).unwrap().succeed(), Turn::None);
        assert_eq!(fail(&breaker, now + 2 * SECOND), Turn::None);
        assert_eq!(fail(&breaker, now + 3 * SECOND), Turn::None);
        assert_eq!(fail(&breaker, now + 12 * SECOND), Turn::None);
        assert_eq!(fail(&breaker, now + 12 * SECOND), Turn::Opened(SECOND));
        assert!(breaker.attempt(now + 12 * SECOND).is_none());
        assert!(breaker.refuses(now + 12 * SECOND));
        assert_eq!(breaker.state(now + 12 * SECOND), (BreakerState::Open, 1));
    }

    #[tokio::test]
    async fn one_tries_when_the_pause_is_over_and_the_pauses_grow() {
        let (breaker, mut now) = breaker(1);
        assert_eq!(fail(&breaker, now), Turn::Opened(SECOND));
        for pause in [2, 3, 3] {
            now += 3 * SECOND;
            assert!(!breaker.refuses(now));
            let trying = breaker.attempt(now).unwrap();
            assert!(breaker.attempt(now).is_none(), "two try at once");
            assert_eq!(breaker.state(now).0, BreakerState::Trying);
            assert_eq!(trying.fail(now), Turn::Opened(pause * SECOND));
        }
        now += 3 * SECOND;
        assert_eq!(breaker.attempt(now).unwrap().succeed(), Turn::Closed);
        assert_eq!(breaker.state(now), (BreakerState::Closed, 4));
        // From the beginning.
        assert_eq!(fail(&breaker, now), Turn::Opened(SECOND));
    }

    #[tokio::test]
    async fn a_try_that_was_called_off_leaves_its_turn_to_another() {
        let (breaker, now) = breaker(1);
        fail(&breaker, now);
        tokio::time::pause();
        tokio::time::advance(SECOND).await;
        drop(breaker.attempt(Instant::now()).unwrap());
        assert!(breaker.attempt(Instant::now()).is_some());
    }

    #[tokio::test]
    async fn what_began_before_it_opened_says_nothing() {
        let (breaker, now) = breaker(1);
        let (early, late) = (breaker.attempt(now).unwrap(), breaker.attempt(now).unwrap());
        fail(&breaker, now);
        assert_eq!(early.succeed(), Turn::None);
        assert_eq!(late.fail(now), Turn::None);
        assert_eq!(breaker.state(now), (BreakerState::Open, 1));
    }
}
