//! What the clocks say that a plugin is given, in the Reason String of a refusal.

use std::time::{Instant, SystemTime};

use theseus_plugin::authn::Decision;
use theseus_plugin::{Refusal, RefusalReason, clock};

/// Looks at a clock that never runs backwards.
const LOOKS: usize = 1000;

/// `wall=… wasi=… monotonic=… backwards=…;`, in milliseconds but for the last, a number of looks.
pub(crate) fn said() -> Decision {
    let wall = clock::now_ms();
    let wasi = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (wasi, monotonic) = (wasi.as_millis(), clock::monotonic_ms());
    let backwards = backwards(clock::monotonic_ms) + backwards(Instant::now);
    let said = format!("wall={wall} wasi={wasi} monotonic={monotonic} backwards={backwards};");
    Decision::deny(Refusal::saying(RefusalReason::BadCredentials, &said))
}

fn backwards<T: Copy + PartialOrd>(clock: impl Fn() -> T) -> usize {
    let mut last = clock();
    let mut is_back = || {
        let now = clock();
        now < std::mem::replace(&mut last, now)
    };
    (0..LOOKS).filter(|_| is_back()).count()
}
