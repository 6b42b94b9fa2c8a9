//! What one run of a case yields, and latencies summed up.
//! Not the arithmetic over rounds (`report`).

use serde::Serialize;

/// What one run of a case against one broker process measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Sample {
    /// Broker CPU microseconds each, or KiB resident each: see `Case::unit`.
    pub(crate) cost: f64,
    /// The generator's own CPU microseconds each.
    pub(crate) generator_us: f64,
    /// Deliveries or connects per second.
    pub(crate) per_second: f64,
    pub(crate) peak_kib: u64,
    pub(crate) resident_kib: u64,
    /// Deliveries that were due, over the whole run.
    pub(crate) expected: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
    pub(crate) latency: Option<Latency>,
    /// How late the generator wrote what was due.
    pub(crate) late: Option<Latency>,
    /// What only this case has, by name with its unit; every round the same names.
    pub(crate) figures: Vec<(&'static str, f64)>,
}

/// Latency from write to read in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Sample {
    /// Lost deliveries as a share of those due.
    pub(crate) fn loss_rate(&self) -> f64 {
        self.lost as f64 / self.expected.max(1) as f64
    }
}

impl Latency {
    /// Of nanoseconds in any order; zeros of none.
    pub(crate) fn of(mut ns: Vec<u64>) -> Self {
        ns.sort_unstable();
        let at = |per_mille: usize| {
            let at = ns.len() * per_mille / 1_000;
            ns.get(at.min(ns.len().saturating_sub(1))).map_or(0.0, |ns| *ns as f64 / 1e3)
        };
        Self { p50: at(500), p99: at(990), p999: at(999), max: at(1_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_list() {
        let ns: Vec<u64> = (1..=1_000).rev().map(|us| us * 1_000).collect();
        let expected = Latency { p50: 501.0, p99: 991.0, p999: 1_000.0, max: 1_000.0 };
        assert_eq!(Latency::of(ns), expected);
        assert_eq!(Latency::of(vec![]).max, 0.0);
    }
}
