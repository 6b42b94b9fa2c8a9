//! What the runs have come across, counted: a rule that no run meets is a rule that nobody checks.

use std::collections::BTreeMap;

/// Counts by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(BTreeMap<&'static str, u64>);

impl Seen {
    pub(crate) fn note(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(crate) fn note_if(&mut self, is_so: bool, what: &'static str) {
        self.add(what, u64::from(is_so));
    }

    pub(crate) fn add(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    /// Takes over what another has counted.
    pub(crate) fn gather(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| self.add(what, *count));
    }

    /// Which of these were not met `least` times, with how often they were.
    pub(crate) fn rare(&self, all: &[&'static str], least: u64) -> Vec<(&'static str, u64)> {
        let counted = all.iter().map(|what| (*what, self.0.get(what).copied().unwrap_or(0)));
        counted.filter(|(_, count)| *count < least).collect()
    }
}
