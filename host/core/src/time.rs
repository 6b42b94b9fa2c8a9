//! Points in time as the core knows them: milliseconds on a scale the shell chooses.
//! The core never reads a clock; every entry point takes `now`. Used by all of `theseus-core`.

use std::time::Duration;

/// A point on the broker's monotonic scale, in milliseconds since the process started.
///
/// It never leaves the process: what is stored or moved is a *remaining* duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// Later than every deadline: "never".
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `millis` milliseconds after the start of the scale.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start of the scale.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This point plus `span`; saturates at [`Time::NEVER`].
    pub fn after(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// This point less `span`, or the beginning of the scale.
    pub fn before(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// How long from here to `deadline`; zero if it has passed.
    pub fn until(self, deadline: Self) -> Duration {
        Duration::from_millis(deadline.0.saturating_sub(self.0))
    }
}
