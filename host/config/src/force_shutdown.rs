//! `[force_shutdown]`: when a connection that harms the others is closed.
//! Not the queue's own bounds, which are in `[mqtt]`.
//! Used by the host's connections.

use std::time::Duration;

use crate::kind::{Flag, Span};
use crate::section::section;

section! {
    /// Closes connections whose client does not take what it subscribed to.
    pub struct ForceShutdown["force_shutdown"] {
        /// Closes such connections at all.
        enable: bool = true as Flag;
        /// How long a client may take nothing while its queue is at its bound.
        max_stall_time: Duration = "30s"
            as Span { min: Duration::from_millis(100), max: Duration::from_secs(86_400) };
    }
}
