//! The clock of guests: a thread that counts the engine's epoch up each millisecond.
//! It ticks only while a guest is called; a broker without such calls is left to sleep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// One slice of a guest's time.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without a call after which the thread sleeps: logins come in bursts, and waking it costs
/// some microseconds.
const LINGER: u32 = 50;

/// Stops its thread when dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

impl Ticker {
    /// Starts the thread, which goes to sleep at once.
    pub(crate) fn start(engine: &wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (weak, theirs) = (engine.weak(), shared.clone());
        let thread = thread::Builder::new().name("plugin-clock".into()).spawn(move || {
            tick(&weak, &theirs);
        })?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// Ticks until the returned is dropped.
    pub(crate) fn run(&self) -> Running {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(self.shared.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// A guest is being called.
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(engine: &EngineWeak, shared: &Shared) {
    let mut idle = 0;
    while !shared.stopped.load(Ordering::SeqCst) {
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        drop(engine);
        if shared.running.load(Ordering::SeqCst) > 0 {
            idle = 0;
        } else {
            idle += 1;
        }
        if idle < LINGER {
            thread::park_timeout(TICK);
        } else {
            idle = 0;
            sleep(shared);
        }
    }
}

/// Sleeps until somebody runs. Who counts up `running` after it was looked at here sees `asleep`.
fn sleep(shared: &Shared) {
    shared.asleep.store(true, Ordering::SeqCst);
    while shared.asleep.load(Ordering::SeqCst) && !shared.stopped.load(Ordering::SeqCst) {
        if shared.running.load(Ordering::SeqCst) > 0 {
            shared.asleep.store(false, Ordering::SeqCst);
            return;
        }
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(5);
        while !holds() {
            assert!(Instant::now() < end, "never: {what}");
            thread::park_timeout(TICK);
        }
    }

    #[test]
    fn ticks_while_somebody_runs_and_sleeps_otherwise() {
        let engine = wasmtime::Engine::default();
        let ticker = Ticker::start(&engine).unwrap();
        let asleep = || ticker.shared.asleep.load(Ordering::SeqCst);
        until("asleep at first", asleep);
        for _ in 0..20 {
            let running = ticker.run();
            assert!(!asleep());
            drop(running);
        }
        until("asleep again", asleep);
    }
}
