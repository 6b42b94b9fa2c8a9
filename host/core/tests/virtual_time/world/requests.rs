//! What connected clients ask for: subscriptions, and messages to be passed on.

use theseus_mqtt::{QoS, RetainHandling, SubscribeOptions};

use super::World;
use super::oracle::clearer;
use crate::packets::{self, Post};

/// Topics whose messages are never retained.
const PLAIN: [&str; 4] = ["alpha/bee", "alpha/cee", "b/cee", "alpha/bee/cee"];
/// Topics whose messages may be.
const KEPT: [&str; 3] = ["retained/0", "s/0", "third-one/0"];
/// Filters that match at most one topic of `KEPT`.
const NARROW: [&str; 12] = [
    "alpha/bee",
    "alpha/+",
    "alpha/#",
    "+/cee",
    "b/cee",
    "retained/0",
    "retained/+",
    "s/#",
    "third-one/0",
    "s/0",
    "w0",
    "w1/#",
];
/// Filters that match several.
const WIDE: [&str; 3] = ["#", "+/0", "+/#"];

/// Topics whose messages groups share, besides others.
const POOL: [&str; 2] = ["pool/first-one", "pool/2"];
/// The groups, each with an identifier of its own, so that one sees which a message came by. 3.x has
/// no identifiers: its clients are in one group only.
const GROUPS: [(&str, u32); 3] =
    [("$share/one/pool/+", 11), ("$share/two/pool/+", 12), ("$share/two/pool/first-one/#", 13)];

/// Topics that plugins are asked about: by an ask rule, by a hook, by both.
pub(super) const ASKED: [&str; 3] = ["asked/one", "hooked/one", "asked/hooked"];
/// The filter that an ask rule leaves open, and one that it does not.
const ASKED_FILTERS: [&str; 2] = ["asked/#", "hooked/one"];

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

impl World {
    pub(super) fn subscribe(&mut self, client: usize) {
        let version = self.clients[client].hello.version;
        let v5 = version.is_v5();
        let filters: Vec<_> = (0..1 + self.rng.below(2))
            .filter_map(|_| {
                let wide = self.rng.chance(25);
                let filter = if wide { *self.rng.pick(&WIDE) } else { *self.rng.pick(&NARROW) };
                let asked = self.kind.asks && !wide && self.rng.chance(40);
                let filter = if asked { *self.rng.pick(&ASKED_FILTERS) } else { filter };
                let qos = *self.rng.pick(&ALL_QOS);
                let mut options = SubscribeOptions::new(qos);
                if v5 {
                    options.no_local = self.rng.chance(20);
                    options.retain_as_published = self.rng.chance(30);
                    options.retain_handling = *self.rng.pick(&[
                        RetainHandling::Send,
                        RetainHandling::SendIfNew,
                        RetainHandling::DoNotSend,
                    ]);
                }
                if wide && !self.kind.wild {
                    options.retain_handling = RetainHandling::DoNotSend;
                    return v5.then_some((filter, options));
                }
                Some((filter, options))
            })
            .collect();
        if filters.is_empty() {
            return;
        }
        let identifier = if v5 { self.rng.below(3) as u32 } else { 0 };
        let granted = filters.iter().map(|(_, options)| options.qos as u8).collect();
        let packet_id = self.clients[client].ask(granted);
        self.note(format!("client {client} subscribes ({identifier}) {filters:?}"));
        let bytes = packets::subscribe(version, packet_id, &filters, identifier);
        self.send(client, bytes);
    }

    /// Joins a group, or changes the options it is in it with.
    pub(super) fn join(&mut self, client: usize) {
        let version = self.clients[client].hello.version;
        // Without identifiers it could not tell a copy for the group from one for its own wildcards.
        if !version.is_v5() && self.kind.wild {
            return;
        }
        let groups = if version.is_v5() { GROUPS.len() } else { 1 };
        let (filter, identifier) = GROUPS[self.rng.below(groups)];
        let mut options = SubscribeOptions::new(*self.rng.pick(&ALL_QOS));
        options.retain_as_published = version.is_v5() && self.rng.chance(30);
        let packet_id = self.clients[client].ask(vec![options.qos as u8]);
        self.note(format!("client {client} joins {filter} {options:?}"));
        let bytes = packets::subscribe(version, packet_id, &[(filter, options)], identifier);
        self.send(client, bytes);
    }

    pub(super) fn unsubscribe(&mut self, client: usize) {
        let filter = match self.rng.below(100) {
            0..=19 => *self.rng.pick(&WIDE),
            20..=49 => self.rng.pick(&GROUPS).0,
            _ if self.kind.shared => self.rng.pick(&GROUPS).0,
            _ => *self.rng.pick(&NARROW),
        };
        let packet_id = self.clients[client].ask(Vec::new());
        self.note(format!("client {client} unsubscribes {filter}"));
        let version = self.clients[client].hello.version;
        self.send(client, packets::unsubscribe(version, packet_id, &[filter]));
    }

    pub(super) fn publish(&mut self, client: usize) {
        let qos = *self.rng.pick(&ALL_QOS);
        if !self.clients[client].may_publish(qos) {
            return;
        }
        let kept = self.rng.chance(if self.kind.shared { 10 } else { 40 });
        let shared = !kept && self.rng.chance(if self.kind.shared { 90 } else { 40 });
        let others = if shared { &POOL[..] } else { &PLAIN[..] };
        let topic = if kept { *self.rng.pick(&KEPT) } else { *self.rng.pick(others) };
        let asked = self.kind.asks && self.rng.chance(50);
        let topic = if asked { *self.rng.pick(&ASKED) } else { topic };
        let (kept, shared) = (kept && !asked, shared && !asked);
        let clears = kept && clearer(topic) == client && self.rng.chance(30);
        let len = *self.rng.pick(&[0, 0, 10, 120, 400, 5000]);
        let payload = if clears { Vec::new() } else { self.identity(client).payload(len) };
        let retain = clears
            || (topic == "hooked/one" && self.rng.chance(30))
            || (kept && self.rng.chance(70))
            || (shared && self.rng.chance(20));
        let v5 = self.clients[client].hello.version.is_v5();
        let expiry =
            (v5 && !clears && self.rng.chance(30)).then(|| *self.rng.pick(&[1, 2, 4, 9, 40, 900]));
        let post = Post { topic: topic.to_owned(), payload, qos, retain, expiry, extra: &[] };
        let number = self.published;
        let most = usize::from(self.clients[client].aliases.own_max);
        let aliased = most > 0 && self.rng.chance(60);
        let standing = self.clients[client].aliases.of(topic).filter(|_| self.rng.chance(70));
        let any = (1 + self.rng.below(most.max(1))) as u16;
        let alias = aliased.then(|| (standing.unwrap_or(any), self.rng.chance(80)));
        self.note(format!(
            "client {client} publishes {number} on {topic} {qos:?} retain {retain} \
             expiry {expiry:?} alias {alias:?}"
        ));
        let bytes = self.clients[client].publish(post, alias);
        self.send(client, bytes);
    }
}
