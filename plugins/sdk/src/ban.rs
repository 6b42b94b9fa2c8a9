//! The slot `ban`: who is shut out for a while. It watches what happens and acts through
//! [`bans`](crate::bans).

pub use crate::bindings::interface::ban::{Ended, Event, Exceeded, Happening};

use crate::bindings::interface::ban::Guest;
use crate::export::{Exported, ask};
use crate::{Client, Plugin};

/// Watches clients and shuts out those it must.
pub trait Ban: Plugin {
    /// Gets what happened, at most 256 events at a time.
    fn on_events(&self, batch: &[Event]);

    /// True if this client must not connect. Asked at each CONNECT, after the broker's own table.
    fn check(&self, _who: &Client) -> bool {
        false
    }
}

impl<E: Exported<Plugin: Ban>> Guest for E {
    fn on_events(batch: Vec<Event>) {
        ask::<E, _>(|plugin| plugin.on_events(&batch));
    }

    fn check(who: Client) -> bool {
        ask::<E, _>(|plugin| plugin.check(&who))
    }
}
