//! `[retainer]`: retained messages.
//! Not how they are stored or found.
//! Used by the host and handed to the core.

use crate::kind::{Bytes, Count, Flag, OrWord};
use crate::section::section;

section! {
    /// Retained messages: the last one of each topic, kept for those who subscribe later.
    pub struct Retainer["retainer"] {
        /// Takes and sends retained messages; MQTT 5 clients are told when not.
        enable: bool = true as Flag;
        /// Topics that may hold a retained message; at the bound new topics are refused.
        max_retained_messages: Option<usize> = 1_000_000
            as OrWord("infinity", Count { min: 1, max: 1_000_000_000 });
        /// The largest payload that is retained; a larger one is delivered but not kept.
        max_payload_size: usize = "1MB" as Bytes { min: 1, max: 256 << 20 };
    }
}
