//! What happened, in the guest's words.

use std::time::Duration;

use theseus_policy::{Event, Happening};

use crate::bindings::interface::ban as wit;
use crate::{limit, login};

pub(crate) fn batch(events: &[Event]) -> Vec<wit::Event> {
    events.iter().map(event).collect()
}

fn event(event: &Event) -> wit::Event {
    wit::Event {
        happening: happening(&event.happening),
        at_ms: event.at_ms,
        who: login::client(&event.who),
        count: event.count,
    }
}

fn happening(happening: &Happening) -> wit::Happening {
    match happening {
        Happening::ConnectSeen => wit::Happening::ConnectSeen,
        Happening::Connected => wit::Happening::Connected,
        Happening::Refused(reason) => wit::Happening::Refused(*reason as u8),
        Happening::AuthFailed => wit::Happening::AuthFailed,
        Happening::ProtocolError => wit::Happening::ProtocolError,
        Happening::LimitExceeded { name, meter, scope } => {
            wit::Happening::LimitExceeded(wit::Exceeded {
                name: name.to_string(),
                meter: limit::written_meter(*meter),
                scope: limit::written_scope(scope),
            })
        }
        Happening::Disconnected { reason, by_client, duration } => {
            wit::Happening::Disconnected(wit::Ended {
                reason_code: *reason as u8,
                by_client: *by_client,
                duration_ms: millis(*duration),
            })
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
