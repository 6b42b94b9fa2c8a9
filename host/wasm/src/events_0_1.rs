//! What happened, in the words of 0.1.0, made of those of 0.2.0.

use crate::bindings::ban_0_1 as wit;
use crate::bindings::interface::ban as newer;
use crate::bindings::interface::types::Meter;

pub(crate) fn batch(batch: Vec<newer::Event>) -> Vec<wit::Event> {
    batch.into_iter().map(event).collect()
}

fn event(event: newer::Event) -> wit::Event {
    let newer::Event { happening, at_ms, who, count } = event;
    wit::Event { happening: self::happening(happening), at_ms, who, count }
}

fn happening(happening: newer::Happening) -> wit::Happening {
    match happening {
        newer::Happening::ConnectSeen => wit::Happening::ConnectSeen,
        newer::Happening::Connected => wit::Happening::Connected,
        newer::Happening::Refused(code) => wit::Happening::Refused(code),
        newer::Happening::AuthFailed => wit::Happening::AuthFailed,
        newer::Happening::ProtocolError => wit::Happening::ProtocolError,
        newer::Happening::LimitExceeded(newer::Exceeded { name, meter, scope: _ }) => {
            let meter = self::meter(meter).to_owned();
            wit::Happening::LimitExceeded(wit::Exceeded { name, meter })
        }
        newer::Happening::Disconnected(newer::Ended { reason_code, by_client, duration_ms }) => {
            wit::Happening::Disconnected(wit::Ended { reason_code, by_client, duration_ms })
        }
    }
}

/// A text then.
const fn meter(meter: Meter) -> &'static str {
    match meter {
        Meter::Connects => "connects",
        Meter::MessagesIn => "messages-in",
        Meter::BytesIn => "bytes-in",
        Meter::MessagesOut => "messages-out",
        Meter::BytesOut => "bytes-out",
        Meter::Subscribes => "subscribes",
    }
}
