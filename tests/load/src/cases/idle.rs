//! Many connected clients that say nothing: resident memory of the broker for each.
//! Not kernel memory: socket buffers are not in a process' resident set.

use std::time::Duration;

use super::Mark;
use super::setup::connect_all;
use crate::broker::{Broker, pause};
use crate::client::Pool;
use crate::fault::Fault;
use crate::sample::Sample;

/// Time for a broker to finish what connecting started.
const SETTLE: Duration = Duration::from_secs(1);

/// Connects `clients` and compares memory before and after; the first few are not counted, so
/// that what a broker allocates once is not charged to the clients.
pub(super) fn run(clients: usize, broker: &Broker) -> Result<Sample, Fault> {
    let mut first = Pool::new(broker)?;
    connect_all(&mut first, 1)?;
    drop(first);
    pause(SETTLE);
    let before = broker.memory()?.resident_kib;
    let start = Mark::now(broker, 0)?;
    let mut pool = Pool::new(broker)?;
    connect_all(&mut pool, clients)?;
    let end = Mark::now(broker, clients as u64)?;
    pause(SETTLE);
    let resident_kib = broker.memory()?.resident_kib;
    let cost = resident_kib.saturating_sub(before) as f64 / clients as f64;
    Ok(Sample { cost, resident_kib, ..start.until(&end)? })
}
