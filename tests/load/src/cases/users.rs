//! A users file of many lines: memory, time to load it at the start and when it changes, and what a
//! CONNECT costs that has to find its user there.
//! Not what a hash costs: it is the cheapest there is.

use std::fs;
use std::time::{Duration, Instant};

use super::connect;
use crate::arrangement::{USERS_FILE, write_users};
use crate::broker::{Broker, Memory, pause};
use crate::ctl;
use crate::fault::Fault;
use crate::sample::Sample;

/// Time for a broker to give back what loading took.
const SETTLE: Duration = Duration::from_secs(1);

/// Runs the case; `time` is how long it measures connects.
pub(super) fn run(broker: &Broker, time: Duration) -> Result<Sample, Fault> {
    pause(SETTLE);
    let started = broker.memory()?;
    let sample = connect::run(true, broker, time)?;
    let before = broker.memory()?.resident_kib;
    let (reload, during) = reload(broker)?;
    pause(SETTLE);
    let after = broker.memory()?.resident_kib;
    let figures = vec![
        ("start ms", millis(broker.start_time)),
        ("resident after start MiB", mib(started.resident_kib)),
        ("peak at start MiB", mib(started.peak_kib)),
        ("reload ms", millis(reload)),
        ("resident before reload MiB", mib(before)),
        ("peak while reloading MiB", mib(during.peak_kib)),
        ("resident after reload MiB", mib(after)),
    ];
    Ok(Sample { figures, ..sample })
}

/// From a changed file's rename to its being live, and the memory that took.
fn reload(broker: &Broker) -> Result<(Duration, Memory), Fault> {
    let login = broker.login.ok_or_else(|| Fault::Usage("the case needs users".into()))?;
    let fresh = broker.dir().join("users.new");
    write_users(&fresh, login.users, 1)?;
    let live = ctl::generation(broker.dir())?;
    broker.reset_peak()?;
    let begun = Instant::now();
    fs::rename(&fresh, broker.dir().join(USERS_FILE))?;
    ctl::wait_beyond(broker.dir(), live)?;
    let took = begun.elapsed();
    if let Some(line) = broker.log().lines().rev().find(|line| line.contains(USERS_FILE)) {
        eprintln!("{line}");
    }
    Ok((took, broker.memory()?))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
