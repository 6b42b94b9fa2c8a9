//! An application message: one reference-counted allocation, copied once out of the read buffer.
//! It knows nothing of receivers: what differs per delivery is in `queue` and `publication`.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use theseus_mqtt::{Properties, PropertiesBuf, Property, Publish, QoS};
use triomphe::ThinArc;

use crate::Time;

/// A published message, shared by every queue it stands in; cloning copies a pointer.
#[derive(Clone)]
pub struct Message(ThinArc<Layout, u8>);

/// Where the parts of a message lie in its bytes.
pub(crate) struct Layout {
    topic: Range<u32>,
    properties: Range<u32>,
    payload: Range<u32>,
    qos: QoS,
    retain: bool,
    /// The stored properties go out as they are: none belongs to the publisher's connection only
    /// and none changes while the message waits.
    verbatim: bool,
    expires: Time,
    /// The frame of a large message, taken over from the reader instead of copied.
    frame: Option<Box<[u8]>>,
}

impl Message {
    /// The message of a PUBLISH whose frame body is `body` (as [`theseus_mqtt::Frame::body`]).
    ///
    /// The one allocation a PUBLISH costs. `publish` must have been decoded from `body`.
    pub fn from_publish(publish: &Publish<'_>, body: &[u8], now: Time) -> Self {
        let layout = Layout::of_frame(publish, 0, body.len(), now);
        Self(ThinArc::from_header_and_slice(layout, body))
    }

    /// Like [`Message::from_publish`] for a large packet: its buffer becomes the message.
    pub(crate) fn from_large(mut layout: Layout, packet: Vec<u8>) -> Self {
        layout.frame = Some(packet.into_boxed_slice());
        Self(ThinArc::from_header_and_slice(layout, &[]))
    }

    /// The message of a PUBLISH whose topic name its alias stood for, without that alias. `scratch` is
    /// where it is put together, and is left empty.
    pub(crate) fn without_alias(publish: &Publish<'_>, now: Time, scratch: &mut Vec<u8>) -> Self {
        let (before, after) = publish.properties.around_topic_alias();
        let parts = [publish.topic.as_bytes(), before, after, publish.payload];
        parts.into_iter().for_each(|part| scratch.extend_from_slice(part));
        let properties_at = publish.topic.len();
        let payload_at = properties_at + before.len() + after.len();
        let properties = Properties::from_checked(&scratch[properties_at..payload_at]);
        let layout = Layout {
            topic: 0..properties_at as u32,
            properties: properties_at as u32..payload_at as u32,
            payload: payload_at as u32..scratch.len() as u32,
            qos: publish.qos,
            retain: publish.retain,
            verbatim: is_verbatim(properties),
            expires: expiry(properties, now),
            frame: None,
        };
        let message = Self(ThinArc::from_header_and_slice(layout, scratch));
        scratch.clear();
        scratch.shrink_to(SCRATCH_KEPT_MAX);
        message
    }

    /// A message put together from its parts: a will, or one read back from a snapshot.
    ///
    /// Properties that are not forwarded (a will's delay) may be among `properties`.
    pub fn from_parts(publish: &Publish<'_>, expires: Time) -> Self {
        let (topic, payload) = (publish.topic.as_bytes(), publish.payload);
        let properties = publish.properties.as_bytes();
        let bytes = [topic, properties, payload].concat();
        let properties_at = topic.len() as u32;
        let payload_at = properties_at + properties.len() as u32;
        let layout = Layout {
            topic: 0..properties_at,
            properties: properties_at..payload_at,
            payload: payload_at..bytes.len() as u32,
            qos: publish.qos,
            retain: publish.retain,
            verbatim: is_verbatim(publish.properties),
            expires,
            frame: None,
        };
        Self(ThinArc::from_header_and_slice(layout, &bytes))
    }

    /// The same message published anew at `now`: its expiry starts to count then.
    pub(crate) fn reissued(&self, now: Time) -> Self {
        let publish = Publish {
            dup: false,
            qos: self.qos(),
            retain: self.retain(),
            topic: self.topic(),
            packet_id: None,
            properties: self.properties(),
            payload: self.payload(),
        };
        Self::from_parts(&publish, expiry(self.properties(), now))
    }

    /// The topic name.
    pub fn topic(&self) -> &str {
        // Validated when the packet was decoded; a second check is cheaper than `unsafe`.
        str::from_utf8(self.topic_bytes()).unwrap_or_default()
    }

    /// The topic name as bytes, for encoding.
    pub(crate) fn topic_bytes(&self) -> &[u8] {
        self.part(&self.layout().topic)
    }

    /// The application payload.
    pub fn payload(&self) -> &[u8] {
        self.part(&self.layout().payload)
    }

    /// The quality of service it was published with.
    pub fn qos(&self) -> QoS {
        self.layout().qos
    }

    /// The RETAIN flag it was published with.
    pub fn retain(&self) -> bool {
        self.layout().retain
    }

    /// When it stops being delivered; [`Time::NEVER`] without a Message Expiry Interval.
    pub fn expires(&self) -> Time {
        self.layout().expires
    }

    /// Bytes it holds in memory, for the accounts of the queues.
    pub fn size(&self) -> usize {
        let layout = self.layout();
        size_of::<Layout>() + (layout.payload.end - layout.topic.start) as usize
    }

    /// The forwarded properties as they stand on the wire, or `None` if they must be rewritten
    /// with [`Message::forwarded_properties`].
    pub(crate) fn verbatim_properties(&self) -> Option<&[u8]> {
        self.layout().verbatim.then(|| self.part(&self.layout().properties))
    }

    /// The properties a receiver gets at `now`: the expiry less the time spent here
    /// [MQTT-3.3.2-6], the rest unaltered and in order [MQTT-3.3.2-17], [MQTT-3.3.2-18].
    pub(crate) fn forwarded_properties(&self, now: Time) -> PropertiesBuf {
        let mut forwarded = PropertiesBuf::new();
        for property in self.properties().iter() {
            if let Property::MessageExpiryInterval(_) = property {
                let left = now.until(self.expires()).as_millis().div_ceil(1000);
                push(&mut forwarded, Property::MessageExpiryInterval(left as u32));
            } else if is_forwarded(&property) {
                push(&mut forwarded, property);
            }
        }
        forwarded
    }

    /// All properties as received; some are not forwarded.
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_checked(self.part(&self.layout().properties))
    }

    /// True if both are the very same message, not merely equal.
    pub fn same(&self, other: &Self) -> bool {
        std::ptr::eq(self.layout(), other.layout())
    }

    fn layout(&self) -> &Layout {
        &self.0.header.header
    }

    fn part(&self, range: &Range<u32>) -> &[u8] {
        let bytes = self.layout().frame.as_deref().unwrap_or(&self.0.slice);
        &bytes[range.start as usize..range.end as usize]
    }
}

impl Layout {
    /// The layout of a message whose frame body lies in `start..end`, as the standard puts a PUBLISH:
    /// topic length, topic, packet id, property length, properties, payload.
    pub(crate) fn of_frame(publish: &Publish<'_>, start: usize, end: usize, now: Time) -> Self {
        let topic_at = (start + 2) as u32;
        let payload_at = (end - publish.payload.len()) as u32;
        let properties_at = payload_at - publish.properties.as_bytes().len() as u32;
        Self {
            topic: topic_at..topic_at + publish.topic.len() as u32,
            properties: properties_at..payload_at,
            payload: payload_at..end as u32,
            qos: publish.qos,
            retain: publish.retain,
            verbatim: is_verbatim(publish.properties),
            expires: expiry(publish.properties, now),
            frame: None,
        }
    }
}

/// A scratch that grew beyond this gives its memory back, bytes.
const SCRATCH_KEPT_MAX: usize = 64 * 1024;

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, {} bytes, {:?})", self.topic(), self.payload().len(), self.qos())
    }
}

fn expiry(properties: Properties<'_>, now: Time) -> Time {
    match properties.message_expiry_interval() {
        Some(seconds) => now.after(Duration::from_secs(seconds.into())),
        None => Time::NEVER,
    }
}

/// Adds a property that has been on the wire once, so it fits.
fn push(properties: &mut PropertiesBuf, property: Property<'_>) {
    let pushed = properties.push(property);
    debug_assert!(pushed.is_ok(), "a property that was received fits again");
}

/// True if receivers get these properties as they are.
fn is_verbatim(properties: Properties<'_>) -> bool {
    properties.iter().all(|property| {
        is_forwarded(&property) && !matches!(property, Property::MessageExpiryInterval(_))
    })
}

fn is_forwarded(property: &Property<'_>) -> bool {
    matches!(
        property,
        Property::PayloadFormatIndicator(_)
            | Property::MessageExpiryInterval(_)
            | Property::ContentType(_)
            | Property::ResponseTopic(_)
            | Property::CorrelationData(_)
            | Property::UserProperty(..)
    )
}
