//! The proof of what Theseus is for: a thousand clients notice nothing while the plugin that let them
//! in, or the rules they live under, are replaced a hundred times.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod acl_edits;
mod announced;
mod fleet;
mod gate;
mod knock;
mod noticing;
mod plugin;
mod switch;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use theseus_tests::Site;

/// Clients of each of the two libraries.
const EACH: usize = 500;
/// How often each client publishes.
const PERIOD: Duration = Duration::from_secs(1);
/// How often something is changed under them.
const CHANGES: u64 = 100;

/// An installation in which `gate` lets clients in and `acl` holds these rules.
fn installation(rules: &str) -> Site {
    let site = Site::new();
    site.config(
        "authentication = [\"gate\"]\nallow_anonymous = false\n\
         [authorization]\nsources = [\"acl\"]\n\
         [plugins.acl]\nrules_file = \"etc/acl.toml\"\n",
    );
    site.write("etc/acl.toml", rules);
    site.drop_in("acl", "acl.wasm");
    site.write(gate::FILE, gate::bytes(gate::Gate::Odd));
    site
}

/// Two of these tests at once would only slow each other down.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of some times the median and the longest, for a person.
fn median_and_max(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let max = times.last().copied().unwrap_or_default();
    format!("median {:?}, max {max:?} of {}", times[times.len() / 2], times.len())
}
