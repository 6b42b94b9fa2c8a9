//! The slot `hook`: the one place where a plugin sees messages, those of the filters that its
//! description names.

pub use crate::bindings::interface::hook::{Message, Verdict};

use crate::bindings::interface::hook::Guest;
use crate::export::{Exported, ask};
use crate::{Client, Plugin};

/// Judges messages, and may change them.
pub trait Hook: Plugin {
    /// Judges a PUBLISH that is authorized, before it is routed.
    fn on_publish(&self, who: &Client, message: Message) -> Verdict;
}

impl<E: Exported<Plugin: Hook>> Guest for E {
    fn on_publish(who: Client, message: Message) -> Verdict {
        ask::<E, _>(|plugin| plugin.on_publish(&who, message))
    }
}
