//! What the broker says of itself: topics that begin with `$SYS`, which only it publishes to.
//! Here: who may, and where their retained messages are kept. What there is to say is in `status`
//! and, of single clients, in `events`; when it is said is the shell's business.

mod emqx;
mod events;
mod figures;
mod level;
mod load;
mod mosquitto;
mod status;

use slotmap::Key;
use theseus_mqtt::{Properties, Publish, QoS};
use theseus_route::{Retained, Subscriber};

pub use events::Events;
pub use figures::Figures;
pub use status::Status;

use crate::broker::Broker;
use crate::inbox::Outbound;
use crate::keys::SessionKey;
use crate::policy::{Action, Identity, Judged};
use crate::shard::Shard;
use crate::{Message, Time};

/// Topics of the broker's own that may hold a retained message: some more than there are. They
/// have a store to themselves, so that they take no place of the clients'.
pub(crate) const TOPICS_MAX: usize = 1024;

/// True for a topic of the broker's own, and for the filters that can match one: wildcards in the
/// first level match none [MQTT-4.7.2-1].
pub(crate) fn is_own(name: &str) -> bool {
    name.strip_prefix("$SYS").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Broker {
    /// Judges what a client wants to do. Nobody but the broker publishes to its own topics,
    /// whatever the rules say: not even a superuser.
    pub(crate) fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Judged {
        if let Action::Publish { topic, .. } = action
            && is_own(topic)
        {
            return Judged::denied();
        }
        self.policy.authorize(client, action)
    }

    /// Where the retained messages are of a topic, or of the topics that a filter matches.
    pub(crate) fn store_of(&self, name: &str) -> &Retained<Message> {
        if is_own(name) { &self.system } else { &self.retained }
    }

    /// True if a message is small enough to be retained.
    pub(crate) fn keeps(&self, message: &Message) -> bool {
        message.payload().len() <= self.limits.retained_payload_max || is_own(message.topic())
    }
}

impl Shard {
    /// Publishes a value of the broker itself, retained and with QoS 0, if it is not what is
    /// retained already; whether it was published. `topic` must be a valid topic name.
    ///
    /// While `retainer.enable` is off nothing is retained, and every value is published.
    pub fn publish_status(&mut self, now: Time, topic: &str, value: &str) -> bool {
        let known = self.broker.system.current(topic);
        let changed = known.is_none_or(|known| known.payload() != value.as_bytes());
        if changed {
            self.say(now, topic, value.as_bytes(), true);
        }
        changed
    }

    /// Publishes a message of the broker itself. It comes from no session, so it waits for nobody
    /// and counts as received from nobody.
    pub(crate) fn say(&mut self, now: Time, topic: &str, payload: &[u8], retain: bool) {
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain,
            topic,
            packet_id: None,
            properties: Properties::default(),
            payload,
        };
        let message = Message::from_parts(&publish, Time::NEVER);
        let nobody = SessionKey::null().data().as_ffi();
        let publisher = Subscriber { session: nobody, shard: self.id };
        self.publish(now, Outbound { message, publisher, ticket: None });
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn what_begins_with_the_level_is_ours_and_nothing_else() {
        for name in ["$SYS", "$SYS/", "$SYS/#", "$SYS/+/x", "$SYS/brokers"] {
            assert!(is_own(name), "{name}");
        }
        for name in ["$SYSTEM/x", "$sys/x", "SYS/x", "a/$SYS/x", "#", "+/x", "$share/g/$SYS/#"] {
            assert!(!is_own(name), "{name}");
        }
    }
}
