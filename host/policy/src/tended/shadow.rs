//! A candidate beside the live version: after an answer is out, a sample of the questions is put to it
//! too, and the answers are compared. It decides nothing, and nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::question::{Answer, Question, Version as _};
use crate::tended::Tended;
use crate::tended::comparison::Comparison;
use crate::tended::record::{Recorded, can_be_asked_again};

/// Questions that wait; beyond, they are left out and counted.
const PENDING_MAX: usize = 256;
/// Questions that the candidate is asked at the same time: the live version needs the threads.
const AT_ONCE: usize = 2;

/// See above.
pub struct Shadow {
    candidate: Arc<Tended>,
    runtime: Handle,
    percent: AtomicU64,
    /// Questions that could have been sampled.
    seen: AtomicU64,
    left_out: AtomicU64,
    pending: AtomicUsize,
    /// It is asked no more: it is live now, or let go.
    closed: AtomicBool,
    places: Arc<Semaphore>,
    comparison: Mutex<Comparison>,
}

impl Shadow {
    /// `percent` of the questions are put to `candidate`, on `runtime`.
    pub fn new(candidate: Arc<Tended>, runtime: Handle, percent: u64) -> Arc<Self> {
        Arc::new(Self {
            candidate,
            runtime,
            percent: percent.into(),
            seen: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            pending: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            comparison: Mutex::default(),
        })
    }

    /// From now on so much of the questions is put to its candidate.
    pub fn sample(&self, percent: u64) {
        self.percent.store(percent, Ordering::Relaxed);
    }

    /// What was found so far.
    pub fn comparison(&self) -> Comparison {
        self.comparison.lock().clone()
    }

    /// From now on its candidate is asked nothing more, nor what waits.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Its candidate does not leave after all.
    pub fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }

    /// It is closed, and what its candidate was asked before that is answered: from then on all that it does
    /// it was asked for by somebody else.
    pub fn is_over(&self) -> bool {
        self.closed.load(Ordering::SeqCst) && self.pending.load(Ordering::SeqCst) == 0
    }

    /// Sampled questions that were not put to it, since too many waited.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// The live version has answered.
    pub(crate) fn offer(self: &Arc<Self>, question: &Question, answer: &Answer) {
        let is_closed = self.closed.load(Ordering::SeqCst);
        if is_closed || !can_be_asked_again(question, answer) || !self.is_sampled() {
            return;
        }
        // Before it is looked at once more whether this is closed: else it might be over, and asked.
        if self.pending.fetch_add(1, Ordering::SeqCst) >= PENDING_MAX {
            self.pending.fetch_sub(1, Ordering::SeqCst);
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (pending, question, answer) = (Pending(self.clone()), question.clone(), answer.clone());
        self.runtime.spawn(async move {
            let shadow = &pending.0;
            // Never closed.
            if let Ok(_place) = shadow.places.acquire().await
                && !shadow.closed.load(Ordering::SeqCst)
            {
                let candidate = shadow.candidate.ask(question.clone()).await;
                shadow.comparison.lock().note(&question, Some(&answer), &candidate);
            }
        });
    }

    fn is_sampled(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        is_drawn(seen, self.percent.load(Ordering::Relaxed))
    }
}

/// Questions come in turns: a login asks first of one slot and then of another, devices report one after the
/// other. Every second or tenth would always be of the same slot, or of the same device; so this is drawn, by
/// the mixing of SplitMix64, which needs no secret.
const fn is_drawn(seen: u64, percent: u64) -> bool {
    let mixed = seen.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % 100 < percent
}

/// A question that is put to a candidate, until that is over, however it ends.
struct Pending(Arc<Shadow>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Puts recorded decisions to a candidate, one after the other, for as long as `time` lasts.
pub async fn replay(candidate: &Tended, record: Vec<Recorded>, time: Duration) -> Comparison {
    let (began, mut comparison) = (Instant::now(), Comparison::default());
    let mut record = record.into_iter();
    while began.elapsed() < time
        && let Some(Recorded { question, answer }) = record.next()
    {
        let candidate = candidate.ask(question.clone()).await;
        comparison.note(&question, answer.as_ref(), &candidate);
    }
    comparison.left_out = record.len() as u64;
    comparison
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::{Asking, Call, Version};
    use crate::tended::{RecordBounds, Tolerance};
    use tokio::sync::Notify;

    /// Answers once it is let.
    #[derive(Default)]
    struct Slow {
        asked: AtomicUsize,
        go_on: Notify,
        panics: AtomicBool,
    }

    impl Version for Slow {
        fn ask(&self, _: Question) -> Asking<'_> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Box::pin(async {
                self.go_on.notified().await;
                assert!(!self.panics.load(Ordering::SeqCst), "as told");
                Ok(Answer::Banned(false))
            })
        }
    }

    #[test]
    fn of_those_that_come_in_turns_each_is_drawn_as_often_as_all() {
        const ASKED: u64 = 2000;
        let in_turns = |percent| (1..=20).map(move |turns| (percent, turns));
        for (percent, turns) in [1, 10, 25, 50, 99].into_iter().flat_map(in_turns) {
            for turn in 0..turns {
                let drawn = (0..ASKED).filter(|n| is_drawn(n * turns + turn, percent)).count();
                let (drawn, expected) = (drawn as u64, ASKED * percent / 100);
                let is_near = drawn.abs_diff(expected) <= ASKED / 20 && (1..ASKED).contains(&drawn);
                assert!(is_near, "{percent}%, {turn} of {turns}: {drawn}");
            }
        }
        assert!((0..ASKED).all(|n| is_drawn(n, 100) && !is_drawn(n, 0)));
    }

    async fn until(holds: impl Fn() -> bool) {
        while !holds() {
            tokio::task::yield_now().await;
        }
    }

    /// Not the oldest of them, and how many there was no time for is known.
    #[tokio::test]
    async fn a_replay_that_is_too_long_asks_what_was_decided_last() {
        struct Nap;
        impl Version for Nap {
            fn ask(&self, _: Question) -> Asking<'_> {
                Box::pin(async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Ok(Answer::Banned(false))
                })
            }
        }
        let tolerance = Tolerance { failures: 5, percent: 20 };
        let bounds = RecordBounds { decisions: 100, bytes: 1 << 20 };
        let tended = || Tended::new(Arc::new(Nap), "nap", tolerance, bounds, Box::new(|| ()));
        let (live, candidate) = (tended(), tended());
        let question = Question::about(Arc::default(), Call::CheckBan);
        (0..99).for_each(|_| live.record.keep(&question, &Answer::Banned(true)));
        live.record.keep(&question, &Answer::Banned(false));
        let comparison = replay(&candidate, live.record(), Duration::from_millis(50)).await;
        let asked = comparison.asked();
        assert!((1..=3).contains(&asked) && comparison.left_out == 100 - asked, "{comparison:?}");
        assert_eq!(comparison.agreed, 1);
        let after = tended();
        after.go_on_from(&live);
        let comparison = replay(&candidate, after.record(), Duration::from_millis(50)).await;
        assert_eq!((comparison.compared, comparison.decided_before), (0, comparison.asked()));
    }

    #[tokio::test]
    async fn it_is_over_when_what_was_asked_before_it_closed_is_answered() {
        let slow = Arc::new(Slow::default());
        let tolerance = Tolerance { failures: 5, percent: 20 };
        let bounds = RecordBounds { decisions: 0, bytes: 0 };
        let candidate = Tended::new(slow.clone(), "slow", tolerance, bounds, Box::new(|| ()));
        let shadow = Shadow::new(candidate, Handle::current(), 100);
        let question = Question::about(Arc::default(), Call::CheckBan);
        let offer = || shadow.offer(&question, &Answer::Banned(false));
        (0..3).for_each(|_| offer());
        let asked = || slow.asked.load(Ordering::SeqCst);
        until(|| asked() == AT_ONCE).await;
        shadow.close();
        offer();
        assert!(!shadow.is_over(), "two are under way");
        slow.go_on.notify_waiters();
        until(|| shadow.is_over()).await;
        assert_eq!((asked(), shadow.comparison().compared), (AT_ONCE, AT_ONCE as u64));
        // It stays, and is asked on; one whose asking panics is no more under way than another.
        shadow.open();
        offer();
        until(|| asked() > AT_ONCE).await;
        slow.panics.store(true, Ordering::SeqCst);
        slow.go_on.notify_waiters();
        shadow.close();
        until(|| shadow.is_over()).await;
    }
}
