//! A message has reached a client: was it owed, as it is, now?

use theseus_mqtt::{QoS, filter_matches};

use super::expected::{Identity, Owed, Session};
use super::model::Oracle;
use crate::packets::Copy;

impl Oracle {
    /// Judges a message that a client's application got; `drops` is what the core has admitted
    /// to have dropped.
    pub(crate) fn receipt(&mut self, socket: usize, copy: &Copy, again: bool, drops: u64) {
        let Some(link) = self.sockets.get(&socket) else { panic!("no CONNECT, yet {copy:?}") };
        let client = link.client;
        // What a connection that ended still had in flight is judged while its session lives.
        let Some(session) = self.sessions.get_mut(&client) else { return };
        if again {
            assert_eq!(copy.qos, QoS::AtLeastOnce);
            return;
        }
        let identity = Identity::of(&copy.topic, &copy.payload);
        let stored = self.stored.get(&(copy.topic.clone(), copy.payload.clone()));
        let stored = stored.map_or(&[][..], Vec::as_slice);
        match session.next_owed(identity, copy) {
            Some((at, skipped)) => {
                self.skipped += skipped;
                assert!(self.skipped <= drops, "{skipped} copies skipped before {copy:?}");
                let owed = session.take(identity.publisher, at);
                session.received.insert(identity);
                session.note_live(&owed);
            }
            None => {
                let number = session.replayed(copy, stored, &self.replaced);
                let number = number.unwrap_or_else(|| {
                    panic!(
                        "client {client} got what it is not owed: {copy:?}\nowed: {:?}",
                        session.owed.get(&identity.publisher)
                    )
                });
                session.note_replay(&copy.topic, number);
            }
        }
    }

    /// After everything has been delivered: what has not come was dropped with a word.
    pub(crate) fn check_drained(&self, drops: u64) {
        let mut missing = self.skipped;
        for (client, session) in &self.sessions {
            let left = session.owed.values().flatten().filter(|owed| !session.may_skip(owed));
            // Published twice by a client that did not hear the answer, lost once: which of the
            // two came cannot be told.
            let twice = |owed: &&Owed| {
                owed.qos == QoS::AtMostOnce && session.received.contains(&owed.identity)
            };
            let left: Vec<_> = left.filter(|owed| !twice(owed)).collect();
            missing += left.len() as u64;
            assert!(missing <= drops, "client {client} never got {left:?}");
            assert!(
                session.wanted.is_empty() || drops > 0,
                "client {client} never saw retained {:?}",
                session.wanted
            );
        }
    }
}

impl Session {
    /// Where this copy stands in its publisher's order, and how many before it did not come.
    fn next_owed(&self, identity: Identity, copy: &Copy) -> Option<(usize, u64)> {
        let queue = self.owed.get(&identity.publisher)?;
        let at = queue.iter().position(|owed| owed.identity == identity && owed.fits(copy))?;
        let skipped = queue.iter().take(at).filter(|owed| !self.may_skip(owed)).count();
        Some((at, skipped as u64))
    }

    /// QoS 0 may be lost with a connection, and nothing else may.
    fn may_skip(&self, owed: &Owed) -> bool {
        owed.qos == QoS::AtMostOnce && (owed.away || owed.epoch != self.epoch)
    }

    fn take(&mut self, publisher: usize, at: usize) -> Owed {
        let queue = self.owed.get_mut(&publisher).unwrap();
        queue.drain(..at);
        queue.pop_front().unwrap()
    }

    fn note_live(&mut self, owed: &Owed) {
        let Some(stored) = owed.stored else { return };
        let seen = self.seen.entry(owed.topic.clone()).or_default();
        let replayed = seen.1;
        assert!(stored >= replayed, "{} after retained number {replayed}: {owed:?}", stored);
        seen.0 = seen.0.max(stored);
        self.settle(&owed.topic, stored);
    }

    /// Finds the leave for a retained message; returns its number in the store.
    fn replayed(
        &mut self,
        copy: &Copy,
        stored: &[u64],
        replaced: &std::collections::BTreeMap<u64, u64>,
    ) -> Option<u64> {
        if !copy.retain {
            return None;
        }
        for grant in &mut self.grants {
            let identifiers: Vec<_> =
                Some(grant.subscribed.identifier).filter(|id| *id > 0).into_iter().collect();
            let fits = filter_matches(&grant.filter, &copy.topic)
                && !grant.used.contains(&copy.topic)
                && copy.qos <= grant.subscribed.options.qos
                && copy.identifiers == identifiers;
            // It was the topic's value at some time since the subscription.
            let current = stored.iter().rev().find(|number| {
                replaced.get(number).is_none_or(|replaced| *replaced >= grant.since)
            });
            if let Some(number) = current.filter(|_| fits) {
                grant.used.insert(copy.topic.clone());
                return Some(*number);
            }
        }
        None
    }

    fn note_replay(&mut self, topic: &str, number: u64) {
        let seen = self.seen.entry(topic.to_owned()).or_default();
        let newest = seen.0;
        assert!(number >= newest, "retained number {number} of {topic} after live {newest}");
        seen.1 = seen.1.max(number);
        self.settle(topic, number);
    }

    fn settle(&mut self, topic: &str, number: u64) {
        self.wanted.retain(|wanted| wanted.topic != topic || wanted.stored > number);
    }
}

impl Owed {
    fn fits(&self, copy: &Copy) -> bool {
        self.topic == copy.topic
            && (self.vague
                || (self.qos == copy.qos
                    && self.identifiers == copy.identifiers
                    && self.retain == copy.retain))
    }
}
