//! Shared subscriptions: each message goes to one member of the group, and on to another one only if
//! that one left without having acknowledged it. Who may have been picked is everybody who was a
//! member since the message was published.

use std::collections::{BTreeMap, BTreeSet};

use theseus_mqtt::QoS;

use super::excuse::Excuse;
use super::expected::{Identity, Subscribed};
use crate::packets::{Copy, Post};
use crate::world::seen::Seen;

pub(crate) fn is_shared(filter: &str) -> bool {
    filter.starts_with("$share/")
}

/// What stands behind the share name.
pub(crate) fn topic_filter(filter: &str) -> &str {
    filter.splitn(3, '/').nth(2).expect("a shared filter")
}

/// A client and which of its sessions.
pub(crate) type Member = (usize, u64);

/// Where a message comes from and with which effort.
pub(crate) struct Receiver {
    pub(crate) member: Member,
    pub(crate) socket: usize,
    /// When the server put the packet together, in steps of the run.
    pub(crate) encoded: u64,
    /// When its connection ended, if it has.
    pub(crate) over: Option<u64>,
}

/// The messages of all groups.
#[derive(Debug, Default)]
pub(crate) struct Shares(Vec<Share>);

/// A message for one member of a group.
#[derive(Debug)]
struct Share {
    filter: String,
    identity: Identity,
    post: Post,
    /// By member, what it was subscribed with since then.
    members: BTreeMap<Member, Candidate>,
    /// Those of them who are members now.
    present: BTreeSet<Member>,
    receipts: Vec<Receipt>,
    /// Why nobody may get it.
    may_be_lost: bool,
    excuse: Excuse,
}

/// Somebody who may have been picked.
#[derive(Debug, Default)]
struct Candidate {
    options: Vec<Subscribed>,
    /// It was there, so that a delivery may have begun.
    met: bool,
}

/// A member has got it.
#[derive(Debug)]
struct Receipt {
    member: Member,
    socket: usize,
    packet_id: u16,
    qos: QoS,
    encoded: u64,
    /// When its acknowledgement was read.
    settled: Option<u64>,
    /// When its connection was over.
    over: Option<u64>,
}

/// A member as it is when a message is published or it joins.
pub(crate) struct Joined<'a> {
    pub(crate) member: Member,
    pub(crate) subscribed: &'a Subscribed,
    /// Bytes of the largest packet that it takes; `None` if it is away.
    pub(crate) room: Option<usize>,
}

impl Shares {
    /// A message is published to a group with these members.
    pub(crate) fn publish<'a>(
        &mut self,
        filter: &str,
        post: &Post,
        expires: Option<u64>,
        members: impl Iterator<Item = Joined<'a>>,
    ) {
        let mut share = Share {
            filter: filter.to_owned(),
            identity: Identity::of(&post.topic, &post.payload),
            post: post.clone(),
            members: BTreeMap::new(),
            present: BTreeSet::new(),
            receipts: Vec::new(),
            may_be_lost: false,
            // As if it were for a v5 client with an identifier.
            excuse: Excuse::of(post, post.qos, &[1], true, expires, None),
        };
        members.for_each(|joined| share.join(&joined));
        self.0.push(share);
    }

    /// A session subscribes to the group of `filter`, or again with other options.
    pub(crate) fn join(&mut self, filter: &str, joined: &Joined<'_>) {
        self.of(filter).for_each(|share| share.join(joined));
    }

    /// A session leaves the group of `filter`.
    pub(crate) fn leave(&mut self, filter: &str, member: Member) {
        self.of(filter).for_each(|share| share.leave(member));
    }

    /// The client of a session is there, and takes packets of `room` bytes.
    pub(crate) fn meet(&mut self, member: Member, room: usize) {
        for share in &mut self.0 {
            if let Some(candidate) = share.members.get_mut(&member) {
                candidate.met = true;
                share.excuse.meet(room);
                share.disturb(member);
            }
        }
    }

    /// A connection of a session is over.
    pub(crate) fn lose(&mut self, member: Member, socket: usize, now: u64) {
        for share in &mut self.0 {
            share.disturb(member);
            let of_socket = share.receipts.iter_mut().filter(|it| it.socket == socket);
            of_socket.for_each(|receipt| receipt.over = receipt.over.or(Some(now)));
        }
    }

    /// A session has ended: what it had begun with QoS 2 is over [MQTT-4.8.2-5].
    pub(crate) fn end(&mut self, member: Member) {
        for share in &mut self.0 {
            let begun = share.members.get(&member).is_some_and(|candidate| {
                candidate.met && candidate.may_get(&share.post, QoS::ExactlyOnce)
            });
            share.may_be_lost |= begun;
            share.leave(member);
        }
    }

    /// The server has read an acknowledgement that leaves nothing to be sent to anybody else.
    pub(crate) fn settle(&mut self, socket: usize, packet_id: u16, now: u64) {
        let receipts = self.0.iter_mut().flat_map(|share| &mut share.receipts);
        let of_it = receipts.filter(|it| it.socket == socket && it.packet_id == packet_id);
        of_it.for_each(|receipt| receipt.settled = receipt.settled.or(Some(now)));
    }

    /// Judges a copy; false if it is no member's.
    pub(crate) fn receipt(&mut self, receiver: &Receiver, copy: &Copy, seen: &mut Seen) -> bool {
        let identity = Identity::of(&copy.topic, &copy.payload);
        let mut known = self.0.iter_mut().filter(|share| share.identity == identity);
        let receipt = Receipt {
            member: receiver.member,
            socket: receiver.socket,
            packet_id: copy.packet_id,
            qos: copy.qos,
            encoded: receiver.encoded,
            settled: None,
            over: receiver.over,
        };
        let Some(share) = known.find(|share| share.allows(&receipt, copy)) else { return false };
        seen.note("a member of a group got a message");
        seen.note_if(!share.receipts.is_empty(), "a message was passed on and came twice");
        share.receipts.push(receipt);
        true
    }

    /// A member's client got a copy again that it may not have acknowledged.
    pub(crate) fn again(&mut self, receiver: &Receiver, copy: &Copy) {
        let identity = Identity::of(&copy.topic, &copy.payload);
        let known = self.0.iter_mut().filter(|share| share.identity == identity);
        let mut receipts = known.flat_map(|share| &mut share.receipts);
        let same =
            receipts.find(|it| it.member == receiver.member && it.packet_id == copy.packet_id);
        same.into_iter().for_each(|it| (it.socket, it.over) = (receiver.socket, receiver.over));
    }

    /// Messages that no member ever got, and should have, at the end.
    pub(crate) fn missing(&self, now: u64) -> Vec<String> {
        let got: BTreeSet<_> =
            self.0.iter().filter(|share| !share.receipts.is_empty()).map(Share::key).collect();
        let left = self.0.iter().filter(|share| share.receipts.is_empty());
        let left = left.filter(|share| {
            // If it was published twice, by a client that did not hear the answer, the two cannot be
            // told apart.
            !share.may_be_lost && !share.excuse.holds(now) && !got.contains(&share.key())
        });
        left.map(|share| format!("{share:?}")).collect()
    }

    /// What is known of a message, for the report of a failure.
    pub(crate) fn show(&self, identity: Identity) -> String {
        let known = self.0.iter().filter(|share| share.identity == identity);
        known.map(|share| format!("{share:?}\n")).collect()
    }

    fn of<'a>(&'a mut self, filter: &'a str) -> impl Iterator<Item = &'a mut Share> {
        self.0.iter_mut().filter(move |share| share.filter == filter)
    }
}

impl Share {
    fn key(&self) -> (&str, Identity) {
        (&self.filter, self.identity)
    }

    fn join(&mut self, joined: &Joined<'_>) {
        self.present.insert(joined.member);
        let candidate = self.members.entry(joined.member).or_default();
        candidate.options.push(*joined.subscribed);
        candidate.met |= joined.room.is_some();
        joined.room.into_iter().for_each(|room| self.excuse.meet(room));
        if joined.room.is_none() {
            self.disturb(joined.member);
        }
    }

    /// Without any member there is nobody to get it.
    fn leave(&mut self, member: Member) {
        self.may_be_lost |= self.present.remove(&member) && self.present.is_empty();
        self.disturb(member);
    }

    /// The connection of a member begins or ends, or it leaves: what it has at QoS 0 may be lost.
    fn disturb(&mut self, member: Member) {
        let candidate = self.members.get(&member);
        self.may_be_lost |=
            candidate.is_some_and(|candidate| candidate.may_get(&self.post, QoS::AtMostOnce));
    }

    fn allows(&self, receipt: &Receipt, copy: &Copy) -> bool {
        self.members.get(&receipt.member).is_some_and(|it| it.fits(&self.post, copy))
            && self.receipts.iter().all(|other| match other.encoded <= receipt.encoded {
                true => other.lets_follow(receipt),
                false => receipt.lets_follow(other),
            })
    }
}

impl Candidate {
    fn may_get(&self, post: &Post, qos: QoS) -> bool {
        self.options.iter().any(|it| post.qos.min(it.options.qos) == qos)
    }

    fn fits(&self, post: &Post, copy: &Copy) -> bool {
        self.options.iter().any(|it| {
            let identifier = Some(it.identifier).filter(|id| *id > 0);
            copy.qos == post.qos.min(it.options.qos)
                && copy.retain == (post.retain && it.options.retain_as_published)
                && copy.identifiers == Vec::from_iter(identifier)
        })
    }
}

impl Receipt {
    /// Another member may get what this one got only at QoS 1, and only when its connection is over
    /// without an acknowledgement.
    fn lets_follow(&self, later: &Self) -> bool {
        self.qos == QoS::AtLeastOnce
            && self.over.is_some_and(|over| over <= later.encoded)
            && self.settled.is_none_or(|settled| settled > later.encoded)
    }
}
