//! Wills: stored at CONNECT, published when the connection ends without a clean DISCONNECT.
//! Timing is in `timers`, the publishing itself in `publish`.

use std::time::Duration;

use theseus_mqtt::Publish;

use crate::{Message, Time};

/// A will that may be published later [MQTT-3.1.2-7].
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) message: Message,
    /// Will Delay Interval (MQTT 5.0, 3.1.3.2.2).
    pub(crate) delay: Duration,
    /// When it is published, once its connection is gone; [`Time::NEVER`] until then.
    pub(crate) due: Time,
}

impl Will {
    /// The will of a CONNECT packet.
    pub(crate) fn from_connect(will: &theseus_mqtt::Will<'_>) -> Self {
        let delay = will.properties.will_delay_interval().unwrap_or(0);
        let publish = Publish {
            dup: false,
            qos: will.qos,
            retain: will.retain,
            topic: will.topic,
            packet_id: None,
            properties: will.properties,
            payload: will.payload,
        };
        Self {
            // Its expiry counts from its publication.
            message: Message::from_parts(&publish, Time::NEVER),
            delay: Duration::from_secs(delay.into()),
            due: Time::NEVER,
        }
    }
}
