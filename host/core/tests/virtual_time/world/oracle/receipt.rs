//! A message has reached a client: was it owed, as it is, now?

use theseus_mqtt::{QoS, filter_matches};

use super::expected::{Identity, Owed, Session};
use super::model::Oracle;
use super::shared::Receiver;
use crate::packets::Copy;
use crate::shell::Moment;
use crate::world::seen::Seen;

/// A publisher and its session: what takes one road keeps its order.
type Road = (usize, u64);

impl Oracle {
    /// Judges a message that a client's application got; the server put it together at `encoded`,
    /// and `drops` is what the core has admitted to have dropped.
    pub(crate) fn receipt(
        &mut self,
        socket: usize,
        copy: &Copy,
        again: bool,
        encoded: Moment,
        drops: u64,
    ) {
        let Some(link) = self.sockets.get(&socket) else { panic!("no CONNECT, yet {copy:?}") };
        let (client, v5, member) = (link.client, link.v5, (link.client, link.generation));
        let receiver = Receiver { member, socket, encoded: encoded.step, over: link.over };
        let encoded = encoded.time.as_millis();
        let identity = Identity::of(&copy.topic, &copy.payload);
        let counted_down = self.lifetimes.judge(identity, copy, v5, encoded);
        self.seen.note_if(counted_down, "an expiry interval was counted down");
        if again {
            assert_eq!(copy.qos, QoS::AtLeastOnce);
            self.shares.again(&receiver, copy);
        }
        // What a connection that ended still had in flight is judged while its session lives.
        let Some(session) = self.sessions.get_mut(&client) else {
            if !again {
                self.shares.receipt(&receiver, copy, &mut self.seen);
            }
            return;
        };
        if again {
            session.either.insert(identity);
            return;
        }
        let stored = self.stored.get(&(copy.topic.clone(), copy.payload.clone()));
        let stored = stored.map_or(&[][..], Vec::as_slice);
        let next = session.next_owed(identity, copy, encoded);
        // A retained message that was published twice may come by itself between its live copies.
        if next.is_some_and(|(_, _, skipped)| self.skipped + skipped > drops)
            && let Some(number) = session.replayed(copy, stored, &self.replaced)
        {
            return session.note_replay(&copy.topic, number, stored);
        }
        match next {
            Some((road, at, skipped)) => {
                self.skipped += skipped;
                assert!(self.skipped <= drops, "{skipped} copies skipped before {copy:?}");
                let owed = session.take(road, at, encoded, &mut self.seen);
                if owed.qos == QoS::AtMostOnce || owed.excuse.is_possible() {
                    session.either.insert(identity);
                }
                session.note_live(&owed, stored.last().copied());
            }
            None if self.shares.receipt(&receiver, copy, &mut self.seen) => {}
            None => {
                let number = session.replayed(copy, stored, &self.replaced);
                let number = number.unwrap_or_else(|| {
                    let (owed, shared) = (&session.owed, self.shares.show(identity));
                    panic!("client {client} is not owed {copy:?}\nowed: {owed:?}\nshared: {shared}")
                });
                session.note_replay(&copy.topic, number, stored);
            }
        }
    }

    /// After everything has been delivered: what has not come was dropped with a word.
    pub(crate) fn check_drained(&self, drops: u64) {
        for (socket, link) in self.sockets.iter().filter(|(_, link)| link.open) {
            assert!(link.auths.is_empty(), "socket {socket} never heard {:?}", link.auths);
        }
        let mut missing = self.skipped;
        let of_groups = self.shares.missing(self.now);
        missing += of_groups.len() as u64;
        assert!(missing <= drops, "no member ever got {of_groups:?}");
        for (client, session) in &self.sessions {
            let left = session.owed.values().flatten();
            let left = left.filter(|owed| !session.may_skip(owed, self.now));
            let left: Vec<_> = left.collect();
            missing += left.len() as u64;
            assert!(missing <= drops, "client {client} never got {left:?}");
            let wanted = session.wanted.iter().filter(|wanted| !wanted.excuse.holds(self.now));
            let wanted: Vec<_> = wanted.collect();
            assert!(wanted.is_empty() || drops > 0, "client {client} never saw {wanted:?}");
        }
    }
}

impl Session {
    /// Where this copy stands in its publisher's order, and how many before it did not come.
    fn next_owed(
        &self,
        identity: Identity,
        copy: &Copy,
        encoded: u64,
    ) -> Option<(Road, usize, u64)> {
        let publisher = identity.publisher;
        let mut roads = self.owed.range((publisher, 0)..=(publisher, u64::MAX));
        roads.find_map(|(road, queue)| {
            let is_it = |owed: &Owed| {
                owed.identity == identity
                    && owed.fits(copy)
                    && (copy.dup || !owed.excuse.is_over(encoded))
            };
            let at = queue.iter().position(is_it)?;
            let skipped =
                queue.iter().take(at).filter(|owed| !self.may_skip(owed, encoded)).count();
            Some((*road, at, skipped as u64))
        })
    }

    /// QoS 0 may be lost with a connection; what is over by `at`, or too large, does not come.
    fn may_skip(&self, owed: &Owed, at: u64) -> bool {
        let lost = owed.qos == QoS::AtMostOnce && (owed.away || owed.epoch != self.epoch);
        lost || owed.excuse.holds(at) || self.either.contains(&owed.identity)
    }

    fn take(&mut self, road: Road, at: usize, encoded: u64, seen: &mut Seen) -> Owed {
        let queue = self.owed.get_mut(&road).unwrap();
        for skipped in queue.drain(..at) {
            seen.note_if(skipped.excuse.is_over(encoded), "a message was over before its delivery");
            seen.note_if(skipped.excuse.is_too_large(), "a message was too large for its client");
        }
        queue.pop_front().unwrap()
    }

    /// A message may have been published twice, when its publisher did not hear the answer: then
    /// it stands for the latest of the two where it might be too old.
    fn note_live(&mut self, owed: &Owed, latest: Option<u64>) {
        let Some(stored) = owed.stored else { return };
        let seen = self.seen.entry(owed.topic.clone()).or_default();
        let replayed = seen.1;
        let latest = latest.unwrap_or(stored);
        assert!(latest >= replayed, "{latest} after retained number {replayed}: {owed:?}");
        seen.0 = seen.0.max(stored);
        self.settle(&owed.topic, latest);
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

    fn note_replay(&mut self, topic: &str, number: u64, stored: &[u64]) {
        let seen = self.seen.entry(topic.to_owned()).or_default();
        let newest = seen.0;
        assert!(number >= newest, "retained number {number} of {topic} after live {newest}");
        seen.1 = seen.1.max(stored.first().copied().unwrap_or(number));
        self.settle(topic, number);
    }

    fn settle(&mut self, topic: &str, number: u64) {
        self.wanted.retain(|wanted| wanted.topic != topic || wanted.stored > number);
    }
}

impl Owed {
    fn fits(&self, copy: &Copy) -> bool {
        self.topic == copy.topic
            && self.qos == copy.qos
            && self.identifiers == copy.identifiers
            && self.retain == copy.retain
    }
}
