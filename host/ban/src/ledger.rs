//! What those who write the table know of it: how much there is, and what ends when.

use std::collections::BTreeSet;

use crate::ban::Ban;
use crate::target::Target;

/// Behind the one lock of those who write.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Bans, those included whose time is over.
    pub(crate) bans: usize,
    /// Bytes of their texts.
    pub(crate) bytes: usize,
    /// Bans that have an end, the next one first.
    ends: BTreeSet<(u64, Target)>,
}

impl Ledger {
    pub(crate) fn enter(&mut self, ban: &Ban) {
        self.bans += 1;
        self.bytes += ban.text_len();
        self.ends.extend(ban.ends.map(|ends| (ends, ban.target.clone())));
    }

    pub(crate) fn strike(&mut self, ban: &Ban) {
        self.bans -= 1;
        self.bytes -= ban.text_len();
        if let Some(ends) = ban.ends {
            self.ends.remove(&(ends, ban.target.clone()));
        }
    }

    /// Somebody whose ban is over.
    pub(crate) fn next_over(&self, now: u64) -> Option<Target> {
        let (ends, target) = self.ends.first()?;
        (*ends <= now).then(|| target.clone())
    }
}
