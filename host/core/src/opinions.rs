//! What plugins have said about a session's requests, for as long as they said it holds: the few that
//! were asked for last. Nothing is cleared when rules change: the stamp is another.

use crate::Time;
use crate::policy::{Action, Verdict};
use crate::question::Opinion;

/// Answers remembered per session.
const ENTRIES_MAX: usize = 64;
/// Longer topics are asked about each time, so that a session remembers about 20 KiB at most.
const TOPIC_MAX: usize = 256;

/// Answers, the one used last in front. Nothing until a plugin gives one that holds.
#[derive(Debug, Default)]
pub(crate) struct Opinions(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    topic: Box<str>,
    kind: Kind,
    generation: u64,
    ends: Time,
    verdict: Verdict,
}

/// An action without its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Publish(theseus_mqtt::QoS, bool),
    Subscribe(theseus_mqtt::QoS),
}

impl Opinions {
    /// The verdict that was given on this action, if `generation` still is the one that gave it and it
    /// still holds.
    pub(crate) fn find(
        &mut self,
        now: Time,
        generation: u64,
        action: Action<'_>,
    ) -> Option<Verdict> {
        let (kind, topic) = parts(action);
        let is_it = |entry: &Entry| entry.kind == kind && *entry.topic == *topic;
        let at = self.0.iter().position(is_it)?;
        let entry = &self.0[at];
        if entry.generation != generation || entry.ends <= now {
            self.0.remove(at);
            return None;
        }
        let verdict = entry.verdict;
        self.0[..=at].rotate_right(1);
        Some(verdict)
    }

    /// Remembers an answer that holds for a while, in the place of the one unused for the longest time.
    pub(crate) fn keep(&mut self, now: Time, action: Action<'_>, opinion: Opinion) {
        let (kind, topic) = parts(action);
        if opinion.holds.is_zero() || topic.len() > TOPIC_MAX {
            return;
        }
        self.0.retain(|entry| entry.kind != kind || *entry.topic != *topic);
        self.0.truncate(ENTRIES_MAX - 1);
        let Opinion { verdict, generation, holds } = opinion;
        let entry =
            Entry { topic: topic.into(), kind, generation, ends: now.after(holds), verdict };
        self.0.insert(0, entry);
    }
}

fn parts(action: Action<'_>) -> (Kind, &str) {
    match action {
        Action::Publish { topic, qos, retain } => (Kind::Publish(qos, retain), topic),
        Action::Subscribe { filter, qos } => (Kind::Subscribe(qos), filter),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use theseus_mqtt::QoS;

    use super::*;

    const START: Time = Time::from_millis(1000);

    fn publish(topic: &str) -> Action<'_> {
        Action::Publish { topic, qos: QoS::AtMostOnce, retain: false }
    }

    fn opinion(verdict: Verdict, seconds: u64) -> Opinion {
        Opinion { verdict, generation: 7, holds: Duration::from_secs(seconds) }
    }

    #[test]
    fn holds_for_the_same_request_in_its_generation_until_its_end() {
        let mut opinions = Opinions::default();
        opinions.keep(START, publish("a"), opinion(Verdict::Deny, 10));
        assert_eq!(opinions.find(START, 7, publish("a")), Some(Verdict::Deny));
        for other in [
            publish("b"),
            Action::Publish { topic: "a", qos: QoS::AtLeastOnce, retain: false },
            Action::Publish { topic: "a", qos: QoS::AtMostOnce, retain: true },
            Action::Subscribe { filter: "a", qos: QoS::AtMostOnce },
        ] {
            assert_eq!(opinions.find(START, 7, other), None, "{other:?}");
        }
        let end = START.after(Duration::from_secs(10));
        let before = end.before(Duration::from_millis(1));
        assert_eq!(opinions.find(before, 7, publish("a")), Some(Verdict::Deny));
        assert_eq!(opinions.find(end, 7, publish("a")), None);
        opinions.keep(START, publish("a"), opinion(Verdict::Allow, 10));
        assert_eq!(opinions.find(START, 8, publish("a")), None);
        assert_eq!(opinions.find(START, 7, publish("a")), None, "an older one never comes back");
    }

    #[test]
    fn what_holds_for_once_is_not_kept() {
        let mut opinions = Opinions::default();
        opinions.keep(START, publish("a"), opinion(Verdict::Allow, 0));
        opinions.keep(START, publish(&"a".repeat(TOPIC_MAX + 1)), opinion(Verdict::Allow, 9));
        assert!(opinions.0.is_empty());
    }

    #[test]
    fn the_one_unused_for_the_longest_time_goes_first() {
        let mut opinions = Opinions::default();
        let topics: Vec<_> = (0..=ENTRIES_MAX).map(|number| number.to_string()).collect();
        for topic in &topics {
            opinions.keep(START, publish(topic), opinion(Verdict::Allow, 9));
            assert_eq!(opinions.find(START, 7, publish("0")), Some(Verdict::Allow));
        }
        assert_eq!(opinions.0.len(), ENTRIES_MAX);
        assert_eq!(opinions.find(START, 7, publish("1")), None);
        assert_eq!(opinions.find(START, 7, publish("2")), Some(Verdict::Allow));
    }
}
