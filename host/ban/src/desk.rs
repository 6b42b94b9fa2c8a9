//! The table as one plugin may write it: under its own name, and only while it is live.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::ban::Author;
use crate::table::{Bounds, Refused, Table};
use crate::target::Target;

/// Where a plugin adds and removes bans. Clones are the same desk.
#[derive(Clone, Debug)]
pub struct Desk {
    table: Arc<Table>,
    plugin: Box<str>,
    /// Of a version that is not live: every ban seems to be added, and none is.
    withheld: Arc<AtomicBool>,
}

impl Desk {
    /// For the plugin of this name.
    pub fn new(table: Arc<Table>, plugin: &str) -> Self {
        Self { table, plugin: plugin.into(), withheld: Arc::default() }
    }

    /// With a table that nobody shares; for tests and benchmarks.
    pub fn alone() -> Self {
        let bounds = Bounds { entries_max: 1000, ipv4_bits_min: 16, ipv6_bits_min: 32 };
        Self::new(Table::new(bounds), "alone")
    }

    /// The table it writes.
    pub const fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// From now on nothing that is written here counts, or it does again.
    pub fn withhold(&self, withheld: bool) {
        self.withheld.store(withheld, Ordering::Release);
    }

    /// Adds a ban, as [`Table::add`].
    ///
    /// # Errors
    /// [`Refused`].
    pub fn add(
        &self,
        now: u64,
        target: Target,
        lasts: Option<Duration>,
        reason: &str,
    ) -> Result<(), Refused> {
        if self.withheld.load(Ordering::Acquire) {
            return Ok(());
        }
        self.table.add(now, target, lasts, reason, self.author()).map(|_| ())
    }

    /// Removes a ban, as [`Table::remove`].
    pub fn remove(&self, now: u64, target: &Target) {
        if !self.withheld.load(Ordering::Acquire) {
            self.table.remove(now, target, &self.author());
        }
    }

    fn author(&self) -> Author {
        Author::Plugin(self.plugin.clone())
    }
}
