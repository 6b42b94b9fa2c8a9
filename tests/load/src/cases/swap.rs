//! Clients at work while the authentication plugin is swapped again and again, and the same without
//! swaps, in turn within one process. The versions were live before and come from the compile cache,
//! or each is new and has to be compiled. Not what the clients do (`work`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Mark;
use super::flow::WARM_UP;
use super::work::{Timed, Work};
use crate::arrangement::PLUGINS;
use crate::broker::{Broker, pause};
use crate::client::Pool;
use crate::ctl;
use crate::fault::Fault;
use crate::sample::Sample;

/// Swaps over all windows, at least.
const SWAPS: usize = 100;

/// Between two looks of a window without swaps, as often as one with swaps looks.
const LOOK: Duration = Duration::from_millis(20);

/// A slice of work between two looks at whether the swaps are done.
const SLICE: Duration = Duration::from_millis(100);

/// Where the versions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Two take turns, both compiled before.
    Cache,
    /// Each is new, and compiled while clients are served.
    Compiler,
}

/// A case of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Swaps {
    pub(crate) origin: Origin,
    pub(crate) timed: Timed,
}

/// A window with swaps, and the one of the same length without that followed it.
pub(crate) struct Windows {
    pub(crate) swaps: Sample,
    pub(crate) control: Sample,
}

/// Runs `rounds` pairs of windows.
pub(crate) fn run(case: Swaps, broker: &Broker, rounds: usize) -> Result<Vec<Windows>, Fault> {
    let mut swapper = Swapper::new(case.origin, broker.dir())?;
    let mut pool = Pool::new(broker)?;
    let work = case.timed.begin(&mut pool)?;
    let mut clients = Clients { broker, pool, work, origin: case.origin };
    clients.work.run_for(&mut clients.pool, WARM_UP)?;
    let each = SWAPS.div_ceil(rounds);
    (0..rounds).map(|_| clients.windows(&mut swapper, each)).collect()
}

struct Clients<'a> {
    broker: &'a Broker,
    pool: Pool,
    work: Box<dyn Work>,
    origin: Origin,
}

impl Clients<'_> {
    fn windows(&mut self, swapper: &mut Swapper, each: usize) -> Result<Windows, Fault> {
        let before = ctl::generation(self.broker.dir())?;
        let (swaps, time) = self.window(Duration::MAX, |_| swapper.swap(each))?;
        let after = ctl::generation(self.broker.dir())?;
        if after - before != each as u64 {
            return Err(Fault::Broker(format!("{each} swaps led from {before} to {after}")));
        }
        let dir = self.broker.dir().to_owned();
        let (control, _) = self.window(time, |over| look_until(&dir, over))?;
        Ok(Windows { swaps, control })
    }

    /// Goes on until `beside`, on a thread of its own, has ended or `time` is over, which it is told;
    /// returns also how long that was.
    fn window(
        &mut self,
        time: Duration,
        beside: impl FnOnce(&AtomicBool) -> Result<(), Fault> + Send,
    ) -> Result<(Sample, Duration), Fault> {
        let over = AtomicBool::new(false);
        self.work.resume();
        self.work.run_for(&mut self.pool, WARM_UP)?;
        self.work.start_timing(time.min(Duration::from_secs(60)));
        let start = Mark::now(self.broker, self.work.done())?;
        thread::scope(|scope| {
            let beside = scope.spawn(|| beside(&over));
            let sent = loop {
                if let Err(fault) = self.work.run_for(&mut self.pool, SLICE.min(time)) {
                    break Err(fault);
                }
                if beside.is_finished() || start.at.elapsed() >= time {
                    break Ok(());
                }
            };
            over.store(true, Ordering::Relaxed);
            let ended = beside.join();
            sent?;
            ended.unwrap_or_else(|_| Err(Fault::Broker("the swapping thread panicked".into())))
        })?;
        let end = Mark::now(self.broker, self.work.done())?;
        Ok((self.sample(&start, &end)?, end.at - start.at))
    }

    fn sample(&mut self, start: &Mark, end: &Mark) -> Result<Sample, Fault> {
        let sample = self.work.finish(&mut self.pool, start.until(end)?)?;
        let memory = self.broker.memory()?;
        let figures = vec![("broker us each", sample.cost)];
        let (resident_kib, peak_kib) = (memory.resident_kib, memory.peak_kib);
        let cost = sample.latency.map_or(0.0, |latency| match self.origin {
            Origin::Cache => latency.p999,
            Origin::Compiler => latency.p99,
        });
        Ok(Sample { cost, figures, resident_kib, peak_kib, ..sample })
    }
}

/// Asks as often as the window with swaps does.
fn look_until(dir: &Path, over: &AtomicBool) -> Result<(), Fault> {
    while !over.load(Ordering::Relaxed) {
        ctl::generation(dir)?;
        pause(LOOK);
    }
    Ok(())
}

/// Versions that take turns in the plugin's place.
struct Swapper {
    dir: PathBuf,
    place: PathBuf,
    code: Vec<u8>,
    origin: Origin,
    turn: u32,
}

impl Swapper {
    /// Two have been live once when this returns.
    fn new(origin: Origin, dir: &Path) -> Result<Self, Fault> {
        let place = dir.join(PLUGINS).join("password.wasm");
        let code = fs::read(&place)?;
        let mut swapper = Self { dir: dir.to_owned(), place, code, origin, turn: 0 };
        swapper.swap(2)?;
        Ok(swapper)
    }

    /// The file of this turn.
    fn version(&self) -> Vec<u8> {
        let number = match self.origin {
            Origin::Cache => self.turn % 2,
            Origin::Compiler => self.turn,
        };
        marked(&self.code, &number.to_le_bytes())
    }

    /// One after the other, each by rename and waited for.
    fn swap(&mut self, count: usize) -> Result<(), Fault> {
        let fresh = self.dir.join("fresh.wasm");
        for _ in 0..count {
            let live = ctl::generation(&self.dir)?;
            fs::write(&fresh, self.version())?;
            fs::rename(&fresh, &self.place)?;
            ctl::wait_beyond(&self.dir, live)?;
            self.turn += 1;
        }
        Ok(())
    }
}

/// The same component with one custom section more: another file with the same code.
fn marked(code: &[u8], mark: &[u8; 4]) -> Vec<u8> {
    const NAME: &[u8] = b"load";
    let mut out = code.to_vec();
    out.extend_from_slice(&[0, (1 + NAME.len() + mark.len()) as u8, NAME.len() as u8]);
    out.extend_from_slice(NAME);
    out.extend_from_slice(mark);
    out
}
