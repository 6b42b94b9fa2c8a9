//! The verdicts a session's latest publishes got, so that a client that keeps to a few topics is
//! judged once per generation. Nothing is cleared when rules change: the stamp is another.

use std::ops::Range;

use theseus_mqtt::{Publish, QoS};

use crate::policy::{Judged, Verdict};

/// Topics remembered per session that publishes: a device keeps to a few.
const SLOTS: usize = 8;
/// Topics remembered for one that publishes to many, such as a gateway.
const SLOTS_MANY: usize = 128;
/// A topic has this many slots to be in, so that some topics whose marks meet do not keep evicting each other.
const WAYS: usize = 4;
/// So often a topic takes another's slot before a session counts as one that publishes to many.
const EVICTED_MAX: u32 = 64;
/// Longer topic names are judged each time, so that a session remembers 32 KiB at most.
const TOPIC_MAX: usize = 256;

/// Verdicts of one generation, by topic, quality of service and RETAIN flag: up to 128 of them. Nothing
/// until a client publishes.
#[derive(Debug, Default)]
pub struct Verdicts(Option<Box<Table>>);

#[derive(Debug)]
struct Table {
    generation: u64,
    evicted: u32,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Of the topic: another one's topic is seldom read.
    mark: u32,
    topic: String,
    /// `None`: the slot is empty.
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    qos: QoS,
    retain: bool,
    verdict: Verdict,
    hooked: bool,
}

impl Verdicts {
    /// How this PUBLISH was judged before, if `generation` still is the one that did.
    pub fn find(&self, generation: u64, publish: &Publish<'_>) -> Option<Judged> {
        let table = self.0.as_ref().filter(|table| table.generation == generation)?;
        let mark = mark(publish.topic);
        let slots = table.slots.get(table.set(mark))?;
        let slot = slots.iter().find(|slot| slot.is_of(mark, publish.topic))?;
        let Known { qos, retain, verdict, hooked } = slot.known?;
        (qos == publish.qos && retain == publish.retain).then_some(Judged {
            verdict,
            hooked,
            generation: Some(generation),
        })
    }

    /// Remembers what was judged, if it is of a generation and the topic is not longer than 256 bytes.
    pub fn keep(&mut self, publish: &Publish<'_>, judged: Judged) {
        let Some(generation) = judged.generation else { return };
        if publish.topic.len() > TOPIC_MAX {
            return;
        }
        let table = self.0.get_or_insert_with(|| Table::of(generation));
        if table.generation != generation {
            table.generation = generation;
            table.slots.iter_mut().for_each(|slot| slot.known = None);
        }
        let mark = mark(publish.topic);
        let Some(slot) = table.slot_for(mark, publish.topic) else { return };
        slot.mark = mark;
        // The text's memory is used again: a client that wanders costs no allocation each time.
        slot.topic.clear();
        slot.topic.push_str(publish.topic);
        let Judged { verdict, hooked, .. } = judged;
        let (qos, retain) = (publish.qos, publish.retain);
        slot.known = Some(Known { qos, retain, verdict, hooked });
        if table.evicted >= EVICTED_MAX && table.slots.len() < SLOTS_MANY {
            table.grow();
        }
    }
}

impl Table {
    fn of(generation: u64) -> Box<Self> {
        let slots = std::iter::repeat_with(Slot::default).take(SLOTS).collect();
        Box::new(Self { generation, evicted: 0, slots })
    }

    /// Where a topic may be.
    fn set(&self, mark: u32) -> Range<usize> {
        let set = mark as usize % (self.slots.len() / WAYS).max(1);
        set * WAYS..(set + 1) * WAYS
    }

    /// Where a topic is, or will be; another may be evicted for it.
    fn slot_for(&mut self, mark: u32, topic: &str) -> Option<&mut Slot> {
        let set = self.set(mark);
        let slots = self.slots.get_mut(set)?;
        let there = slots.iter().position(|slot| slot.is_of(mark, topic));
        let there = there.or_else(|| slots.iter().position(|slot| slot.known.is_none()));
        let at = there.unwrap_or_else(|| {
            self.evicted = self.evicted.wrapping_add(1);
            self.evicted as usize % WAYS
        });
        slots.get_mut(at)
    }

    /// Once; what was known is asked for again.
    fn grow(&mut self) {
        self.slots = std::iter::repeat_with(Slot::default).take(SLOTS_MANY).collect();
    }
}

impl Slot {
    fn is_of(&self, mark: u32, topic: &str) -> bool {
        self.known.is_some() && self.mark == mark && self.topic == topic
    }
}

/// Cheap, and good enough for so few slots: topics of one client mostly differ at the end.
fn mark(topic: &str) -> u32 {
    let tail = topic.bytes().rev().take(8);
    let mixed = tail.fold(topic.len() as u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
    // What differs is in the low bits, and in few of them: a product spreads it (Knuth, 6.4).
    let spread = mixed.wrapping_mul(0x9e37_79b1);
    spread ^ (spread >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_mqtt::Properties;

    fn publish(topic: &str, qos: QoS, retain: bool) -> Publish<'_> {
        let properties = Properties::default();
        Publish { dup: false, qos, retain, topic, packet_id: None, properties, payload: b"" }
    }

    fn judged(verdict: Verdict, generation: u64) -> Judged {
        Judged { verdict, hooked: true, generation: Some(generation) }
    }

    #[test]
    fn a_verdict_holds_for_the_same_publish_in_the_same_generation() {
        let mut verdicts = Verdicts::default();
        let it = publish("a/b", QoS::AtMostOnce, false);
        assert_eq!(verdicts.find(1, &it), None);
        verdicts.keep(&it, judged(Verdict::Deny, 1));
        assert_eq!(verdicts.find(1, &it), Some(judged(Verdict::Deny, 1)));
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
            let judged = judged(Verdict::Allow, 1);
            verdicts.keep(&publish(&topic, QoS::AtMostOnce, false), judged);
        }
        let it = publish("new", QoS::AtMostOnce, false);
        verdicts.keep(&it, judged(Verdict::Deny, 2));
        for number in 0..100 {
            let topic = format!("topic/{number}");
            assert_eq!(verdicts.find(2, &publish(&topic, QoS::AtMostOnce, false)), None);
        }
        assert_eq!(verdicts.find(2, &it), Some(judged(Verdict::Deny, 2)));
    }

    #[test]
    fn a_client_with_many_topics_is_given_more_room() {
        let mut verdicts = Verdicts::default();
        let topics: Vec<_> =
            (0..60).map(|number| format!("gateway/meter-{number}/power")).collect();
        let judged = judged(Verdict::Allow, 1);
        for _ in 0..5 {
            for topic in &topics {
                verdicts.keep(&publish(topic, QoS::AtMostOnce, false), judged);
            }
        }
        let known = |topic: &&String| {
            verdicts.find(1, &publish(topic, QoS::AtMostOnce, false)) == Some(judged)
        };
        let remembered = topics.iter().filter(known).count();
        assert!(remembered >= 56, "{remembered} of 60");
    }

    /// Once the set is full, whoever comes takes another's slot each time, and not always the same one's.
    #[test]
    fn more_topics_than_there_is_room_for_take_turns() {
        let mut verdicts = Verdicts::default();
        let topics: Vec<_> = (0..9).map(|number| format!("{number}/same-end")).collect();
        for topic in &topics {
            verdicts.keep(&publish(topic, QoS::AtMostOnce, false), judged(Verdict::Allow, 1));
        }
        let known =
            |topic: &&String| verdicts.find(1, &publish(topic, QoS::AtMostOnce, false)).is_some();
        let remembered: Vec<_> = topics.iter().filter(known).collect();
        assert_eq!(remembered.len(), WAYS, "{remembered:?}");
        assert!(remembered.contains(&&topics[8]), "{remembered:?}");
    }

    #[test]
    fn what_says_not_to_be_remembered_is_not() {
        let mut verdicts = Verdicts::default();
        let it = publish("a", QoS::AtMostOnce, false);
        verdicts.keep(&it, Judged { generation: None, ..judged(Verdict::Allow, 1) });
        assert!(verdicts.0.is_none());
    }
}
