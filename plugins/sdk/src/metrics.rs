//! Counters of the plugin's own, shown beside the broker's under the plugin's name.

use crate::broker;

/// Adds to a counter, which begins at 0. A name is 1 to 64 of `a-z`, `0-9` and `_`; a plugin has at
/// most 64 of them, and those beyond are not counted.
pub fn count(name: &str, by: u64) {
    broker::metrics::count(name, by);
}
