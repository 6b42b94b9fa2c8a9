//! The verdicts a session's latest publishes got, so that a client that keeps to a few topics is
//! judged once per generation. Nothing is cleared when rules change: the stamp is another.

use theseus_mqtt::{Publish, QoS};

use crate::policy::{Judged, Verdict};

/// Topics remembered per session that publishes: a device keeps to a few.
const SLOTS: usize = 8;
/// Topics remembered for one that publishes to many, such as a gateway.
const SLOTS_MANY: usize = 128;
/// So often a topic takes another's slot before a session counts as one that publishes to many.
const EVICTED_MAX: u8 = 64;
/// Longer topic names are judged each time, so that a session remembers 32 KiB at most.
const TOPIC_MAX: usize = 256;

/// Verdicts of one generation, by topic, quality of service and RETAIN flag. Nothing until a
/// client publishes.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(Option<Box<Table>>);

#[derive(Debug)]
struct Table {
    generation: u64,
    evicted: u8,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    topic: String,
    /// `None`: the slot is empty.
    known: Option<(QoS, bool, Verdict)>,
}

impl Verdicts {
    /// The verdict this PUBLISH got before, if `generation` still is the one that gave it.
    pub(crate) fn find(&self, generation: u64, publish: &Publish<'_>) -> Option<Verdict> {
        let table = self.0.as_ref().filter(|table| table.generation == generation)?;
        let slot = table.slots.get(index(publish.topic, table.slots.len()))?;
        let (qos, retain, verdict) = slot.known?;
        let same = qos == publish.qos && retain == publish.retain && slot.topic == publish.topic;
        same.then_some(verdict)
    }

    /// Remembers what was judged.
    pub(crate) fn keep(&mut self, publish: &Publish<'_>, judged: Judged) {
        let Some(generation) = judged.generation else { return };
        if publish.topic.len() > TOPIC_MAX {
            return;
        }
        let table = self.0.get_or_insert_with(|| Table::of(generation));
        if table.generation != generation {
            table.generation = generation;
            table.slots.iter_mut().for_each(|slot| slot.known = None);
        }
        let at = index(publish.topic, table.slots.len());
        let Some(slot) = table.slots.get_mut(at) else { return };
        if slot.known.is_some() && slot.topic != publish.topic {
            table.evicted = table.evicted.saturating_add(1);
        }
        // The text's memory is used again: a client that wanders costs no allocation each time.
        slot.topic.clear();
        slot.topic.push_str(publish.topic);
        slot.known = Some((publish.qos, publish.retain, judged.verdict));
        if table.evicted == EVICTED_MAX {
            table.grow();
        }
    }
}

impl Table {
    fn of(generation: u64) -> Box<Self> {
        let slots = std::iter::repeat_with(Slot::default).take(SLOTS).collect();
        Box::new(Self { generation, evicted: 0, slots })
    }

    /// Once; what was known is asked for again.
    fn grow(&mut self) {
        if self.slots.len() < SLOTS_MANY {
            self.slots = std::iter::repeat_with(Slot::default).take(SLOTS_MANY).collect();
        }
    }
}

/// Cheap, and good enough for so few slots: topics of one client mostly differ at the end.
fn index(topic: &str, slots: usize) -> usize {
    let tail = topic.bytes().rev().take(8);
    let mixed = tail.fold(topic.len(), |sum, byte| sum.wrapping_mul(31) ^ usize::from(byte));
    (mixed ^ (mixed >> 7)) % slots.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_mqtt::Properties;

    fn publish(topic: &str, qos: QoS, retain: bool) -> Publish<'_> {
        let properties = Properties::default();
        Publish { dup: false, qos, retain, topic, packet_id: None, properties, payload: b"" }
    }

    #[test]
    fn a_verdict_holds_for_the_same_publish_in_the_same_generation() {
        let mut verdicts = Verdicts::default();
        let it = publish("a/b", QoS::AtMostOnce, false);
        assert_eq!(verdicts.find(1, &it), None);
        verdicts.keep(&it, Judged { verdict: Verdict::Deny, generation: Some(1) });
        assert_eq!(verdicts.find(1, &it), Some(Verdict::Deny));
        assert_eq!(verdicts.find(2, &it), None);
        for other in [
            publish("a/c", QoS::AtMostOnce, false),
            publish("a/b", QoS::AtLeastOnce, false),
            publish("a/b", QoS::AtMostOnce, true),
        ] {
            assert_eq!(verdicts.find(1, &other), None);
        }
    }

    #[test]
    fn nothing_of_an_older_generation_comes_back() {
        let mut verdicts = Verdicts::default();
        for number in 0..100 {
            let topic = format!("topic/{number}");
            let judged = Judged { verdict: Verdict::Allow, generation: Some(1) };
            verdicts.keep(&publish(&topic, QoS::AtMostOnce, false), judged);
        }
        let it = publish("new", QoS::AtMostOnce, false);
        verdicts.keep(&it, Judged { verdict: Verdict::Deny, generation: Some(2) });
        for number in 0..100 {
            let topic = format!("topic/{number}");
            assert_eq!(verdicts.find(2, &publish(&topic, QoS::AtMostOnce, false)), None);
        }
        assert_eq!(verdicts.find(2, &it), Some(Verdict::Deny));
    }

    #[test]
    fn a_client_with_many_topics_is_given_more_room() {
        let mut verdicts = Verdicts::default();
        let topics: Vec<_> =
            (0..60).map(|number| format!("gateway/meter-{number}/power")).collect();
        let judged = Judged { verdict: Verdict::Allow, generation: Some(1) };
        for _ in 0..5 {
            for topic in &topics {
                verdicts.keep(&publish(topic, QoS::AtMostOnce, false), judged);
            }
        }
        let known = |topic: &&String| {
            verdicts.find(1, &publish(topic, QoS::AtMostOnce, false)) == Some(Verdict::Allow)
        };
        let remembered = topics.iter().filter(known).count();
        assert!(remembered > 30, "{remembered} of 60");
    }

    #[test]
    fn what_says_not_to_be_remembered_is_not() {
        let mut verdicts = Verdicts::default();
        let it = publish("a", QoS::AtMostOnce, false);
        verdicts.keep(&it, Judged { verdict: Verdict::Allow, generation: None });
        assert!(verdicts.0.is_none());
    }
}
