//! A live version with all that is done for it: its calls are counted, and when it fails too often by its
//! own doing, another takes its place or it is left alone for a while.
//! Not what follows from that in the files and generations, which is `theseus-reload`'s.

mod breaker;
mod comparison;
mod figures;
mod histogram;
mod record;
mod shadow;
mod under_way;
mod window;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

pub use crate::tended::comparison::{Comparison, Example};
pub use crate::tended::figures::{Figures, Tally};
pub use crate::tended::histogram::{Histogram, Percentiles, Within};
pub use crate::tended::record::{RecordBounds, Recorded};
pub use crate::tended::shadow::{Shadow, replay};

use crate::fault::Fault;
use crate::plugin::Slot;
use crate::question::{Answer, Asking, Call, Question, Version};
use crate::tended::breaker::{Breaker, Passage};
use crate::tended::record::Record;
use crate::tended::under_way::UnderWay;
use crate::tended::window::Window;

/// How much a version may fail within ten seconds: both must be reached.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Calls (`policy.rollback_failures`).
    pub failures: u64,
    /// Of all calls, percent (`policy.rollback_ratio`).
    pub percent: u64,
}

/// See above. It is asked as the version in it is.
pub struct Tended {
    version: Arc<dyn Version>,
    /// For the log, as `password 0.1.0 (3f2a91c0)`.
    title: Box<str>,
    tolerance: [AtomicU64; 2],
    began: Instant,
    tally: Tally,
    /// What all versions of the plugin count together, once this one is asked for real.
    together: OnceLock<Arc<Tally>>,
    window: Window,
    breaker: Breaker,
    /// On probation, and who answers once it has failed.
    previous: ArcSwapOption<Self>,
    /// But not now.
    is_way_back_shut: AtomicBool,
    /// It failed its probation.
    failed: AtomicBool,
    last_fault: ArcSwapOption<Fault>,
    record: Record,
    shadow: ArcSwapOption<Shadow>,
    on_failure: Box<dyn Fn() + Send + Sync>,
}

/// Why a version failed its probation, or is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// In ten seconds.
    pub calls: u64,
    /// Of them.
    pub faults: u64,
    /// The last one.
    pub last: Option<Fault>,
}

impl Tended {
    /// `on_failure` is called once when it fails its probation, by whoever was asking: it must not wait.
    pub fn new(
        version: Arc<dyn Version>,
        title: &str,
        tolerance: Tolerance,
        record: RecordBounds,
        on_failure: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Self> {
        Arc::new(Self {
            version,
            title: title.into(),
            tolerance: [tolerance.failures.into(), tolerance.percent.into()],
            began: Instant::now(),
            tally: Tally::default(),
            together: OnceLock::new(),
            window: Window::default(),
            breaker: Breaker::default(),
            previous: ArcSwapOption::empty(),
            is_way_back_shut: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            last_fault: ArcSwapOption::empty(),
            record: Record::new(record),
            shadow: ArcSwapOption::empty(),
            on_failure,
        })
    }

    /// Counts its calls with those of the other versions too from now on. The first that is given stays.
    pub fn count_together(&self, tally: Arc<Tally>) {
        let _ = self.together.set(tally);
    }

    /// From now on it may fail so much, and so much of what it decides is kept.
    pub fn bound(&self, tolerance: Tolerance, record: RecordBounds) {
        self.tolerance[0].store(tolerance.failures, Ordering::Relaxed);
        self.tolerance[1].store(tolerance.percent, Ordering::Relaxed);
        self.record.bound(record);
    }

    /// What was decided last, before it, is put to whoever comes after it too.
    pub fn go_on_from(&self, before: &Self) {
        self.record.go_on_from(&before.record);
    }

    /// Puts it on probation: should it fail, `previous` answers in its place from that moment on.
    pub fn try_before(&self, previous: Arc<Self>) {
        self.previous.store(Some(previous));
    }

    /// While the way back is shut nobody answers in its place; that it failed its probation is noticed all the same.
    pub fn shut_way_back(&self, shut: bool) {
        self.is_way_back_shut.store(shut, Ordering::Release);
    }

    /// The probation is over.
    pub fn prove(&self) {
        self.previous.store(None);
    }

    /// The last decisions, the newest first; see [`Recorded`].
    pub fn record(&self) -> Vec<Recorded> {
        self.record.decisions()
    }

    /// True if there are none.
    pub fn has_no_record(&self) -> bool {
        self.record.is_empty()
    }

    /// What is put to a candidate too from now on.
    pub fn shadow(&self, shadow: Option<Arc<Shadow>>) {
        self.shadow.store(shadow);
    }

    /// It failed its probation, and of what.
    pub fn failure(&self) -> Option<Failing> {
        self.failed.load(Ordering::Acquire).then(|| self.failing())
    }

    /// It is left alone for a while.
    pub fn is_left_alone(&self) -> bool {
        self.breaker.is_open()
    }

    /// What became of its calls, for each slot that was asked.
    pub fn figures(&self) -> Vec<Figures> {
        self.tally.figures()
    }

    fn failing(&self) -> Failing {
        let recent = self.window.recent(self.second());
        let last = self.last_fault.load_full().map(|fault| Fault::clone(&fault));
        Failing { calls: recent.calls, faults: recent.faults, last }
    }

    async fn answer(&self, mut question: Question) -> Result<Answer, Fault> {
        if let Some(previous) = self.replacement(&question.call) {
            return previous.ask(question).await;
        }
        let mut attempt = match self.breaker.passage(self.millis()) {
            Passage::Free => None,
            Passage::Try => Some(Attempt { tended: self, answered: None }),
            Passage::Shut => {
                let slot = question.call.slot();
                self.tallies().for_each(|it| it.count_unasked(slot, &Fault::LeftAlone));
                return Err(Fault::LeftAlone);
            }
        };
        let under_way = UnderWay::begin(self, &question);
        let result = self.version.ask(question.clone()).await;
        let answered = under_way.end(result.as_ref().err());
        if let Some(attempt) = &mut attempt {
            attempt.answered = answered;
        }
        drop(attempt);
        if let Ok(answer) = &result {
            // Whoever asks it again is in no hurry.
            question.until = None;
            self.record.keep(&question, answer);
            if let Some(shadow) = &*self.shadow.load() {
                shadow.offer(&question, answer);
            }
        }
        result
    }

    /// Who challenged is who goes on, failed or not: nobody else understands its state.
    fn replacement(&self, call: &Call) -> Option<Arc<Self>> {
        if !self.failed.load(Ordering::Acquire) || matches!(call, Call::Proceed { .. }) {
            return None;
        }
        let is_shut = self.is_way_back_shut.load(Ordering::Acquire);
        if is_shut { None } else { self.previous.load_full() }
    }

    /// Counts a call. `Some`: the plugin answered, or failed by its own doing.
    fn note(&self, slot: Slot, took: Duration, fault: Option<&Fault>) -> Option<bool> {
        self.tallies().for_each(|it| it.count(slot, fault, took));
        match fault {
            None => self.window.note(self.second(), false),
            Some(fault) if fault.is_of_guest() => self.note_fault(fault),
            // Load, or a back end: neither speaks for the version nor against it.
            Some(_) => return None,
        }
        Some(fault.is_none())
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        std::iter::once(&self.tally).chain(self.together.get().map(|tally| &**tally))
    }

    fn note_fault(&self, fault: &Fault) {
        self.last_fault.store(Some(Arc::new(fault.clone())));
        self.window.note(self.second(), true);
        let recent = self.window.recent(self.second());
        let [failures, percent] = self.tolerance.each_ref().map(|it| it.load(Ordering::Relaxed));
        if recent.faults < failures || recent.faults * 100 < recent.calls * percent {
            return;
        }
        if self.previous.load().is_some() {
            if !self.failed.swap(true, Ordering::AcqRel) {
                (self.on_failure)();
            }
        } else if recent.faults == recent.calls {
            // While it answers anybody it is asked: else whoever knows what it fails of could shut out
            // everybody.
            self.leave_alone(recent.faults, fault);
        }
    }

    fn leave_alone(&self, faults: u64, last: &Fault) {
        let Some(pause) = self.breaker.open(self.millis()) else { return };
        self.window.clear();
        let (title, seconds) = (&self.title, pause / 1000);
        tracing::error!(
            "{title} failed all of {faults} calls in 10 s, the last one so: {last}; it is left alone for \
             {seconds} s, and longer while it fails: what it would be asked is refused"
        );
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn second(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

impl Version for Tended {
    fn ask(&self, question: Question) -> Asking<'_> {
        Box::pin(self.answer(question))
    }
}

/// The call that tries a version again; dropped without an answer, another may.
struct Attempt<'a> {
    tended: &'a Tended,
    answered: Option<bool>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let tended = self.tended;
        tended.breaker.tried(tended.millis(), self.answered);
        if self.answered == Some(true) {
            tracing::info!("{} answers again", tended.title);
        }
    }
}
