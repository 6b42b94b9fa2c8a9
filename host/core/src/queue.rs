//! A session's queue: references to messages that wait for their turn, counted in messages and
//! bytes. It knows its bounds only as arguments; what a hit bound means is decided in `deliver`.

use std::collections::VecDeque;
use std::sync::Arc;

use theseus_mqtt::QoS;
use theseus_route::{Group, Subscription};

use crate::Message;

/// One message on its way to one session, with what differs per receiver.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
    /// The lower of the publication's and the granted QoS [MQTT-3.8.4-8].
    pub(crate) qos: QoS,
    /// The RETAIN flag this receiver sees [MQTT-3.3.1-12], [MQTT-3.3.1-13].
    pub(crate) retain: bool,
    pub(crate) identifiers: Identifiers,
    /// The group whose member the receiver got it as.
    pub(crate) group: Option<Arc<Group>>,
}

/// The subscription identifiers that go with a delivery [MQTT-3.3.4-3].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Identifiers {
    #[default]
    None,
    One(u32),
    Many(Box<[u32]>),
}

impl Identifiers {
    /// That of one subscription.
    pub(crate) fn of(subscription: Subscription) -> Self {
        match subscription.identifier {
            0 => Self::None,
            identifier => Self::One(identifier),
        }
    }

    pub(crate) fn from_slice(identifiers: &[u32]) -> Self {
        match identifiers {
            [] => Self::None,
            [one] => Self::One(*one),
            many => Self::Many(many.into()),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::None | Self::One(_) => 0,
            Self::Many(many) => size_of_val(&**many),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Messages that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Delivery>,
    bytes: usize,
}

/// A queue that held more than this gives its memory back when it runs empty.
const CAPACITY_KEPT_MAX: usize = 64;

impl Queue {
    pub(crate) fn push(&mut self, delivery: Delivery) {
        self.bytes += cost(&delivery);
        self.waiting.push_back(delivery);
    }

    pub(crate) fn front(&self) -> Option<&Delivery> {
        self.waiting.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.waiting.pop_front()?;
        self.bytes -= cost(&delivery);
        if self.waiting.is_empty() && self.waiting.capacity() > CAPACITY_KEPT_MAX {
            self.waiting = VecDeque::new();
        }
        Some(delivery)
    }

    /// Moves those that `wants` names to the end of `taken`, in order.
    pub(crate) fn take(
        &mut self,
        wants: impl Fn(&Delivery) -> bool,
        taken: &mut VecDeque<Delivery>,
    ) {
        if !self.waiting.iter().any(&wants) {
            return;
        }
        for delivery in std::mem::take(&mut self.waiting) {
            if wants(&delivery) {
                self.bytes -= cost(&delivery);
                taken.push_back(delivery);
            } else {
                self.waiting.push_back(delivery);
            }
        }
    }

    /// True if the queue is over either bound.
    pub(crate) fn is_over(&self, len_max: usize, bytes_max: usize) -> bool {
        self.waiting.len() > len_max || self.bytes > bytes_max
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.waiting.iter()
    }
}

/// What one waiting message is charged, in bytes: a shared message counts fully in each queue,
/// so that the bound holds whoever else drops it.
fn cost(delivery: &Delivery) -> usize {
    size_of::<Delivery>() + delivery.identifiers.heap_bytes() + delivery.message.size()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;
    use theseus_mqtt::{Properties, Publish};

    /// A client may have thousands of subscriptions that match one topic.
    #[test]
    fn the_identifiers_of_a_message_are_charged_and_given_back() {
        let (qos, properties) = (QoS::AtLeastOnce, Properties::default());
        let (topic, payload) = ("a", &b""[..]);
        let publish =
            Publish { dup: false, qos, retain: false, topic, packet_id: None, properties, payload };
        let message = Message::from_parts(&publish, Time::NEVER);
        let identifiers = Identifiers::from_slice(&[7; 10_000]);
        let mut queue = Queue::default();
        queue.push(Delivery { message, qos, retain: false, identifiers, group: None });
        assert!(queue.is_over(usize::MAX, 40_000));
        assert!(!queue.is_over(usize::MAX, 40_500));
        queue.pop();
        assert!(!queue.is_over(0, 0));
    }
}
