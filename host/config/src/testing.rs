//! `[testing]`: switches that only tests turn.
//! Not for production: nothing here makes a broker better.
//! Used by the host to run what is otherwise rare.

use std::time::Duration;

use crate::kind::{Flag, OrWord, Span};
use crate::section::section;

const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// Switches for tests; leave them alone in production.
    pub struct Testing["testing"] {
        /// Freezes random live connections this often and continues them on another shard.
        move_connections_every: Option<Duration> = "disabled"
            as OrWord("disabled", Span { min: Duration::from_millis(1), max: DAY });
        /// Panics while it handles a PUBLISH to the topic `testing/panic`.
        panic_on_publish: bool = false as Flag;
    }
}
