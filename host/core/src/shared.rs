//! Shared subscriptions: one member of each group gets the message, and what a member cannot finish
//! goes on to another one.
//!
//! Who is in a group and whose turn it is, `theseus_route::Group` knows. The member is picked when the
//! message is published; should it be gone when the message reaches its shard, the next one is picked
//! there. What waits for a member is marked with its group, so that it can be found and passed on.

use std::collections::VecDeque;
use std::sync::Arc;

use slotmap::KeyData;
use theseus_mqtt::QoS;
use theseus_route::{Group, Matches, Member, Subscriber, Subscription};

use crate::deliver::Routed;
use crate::inbox::{Outbound, Parcel, ShardId, Ticket};
use crate::keys::SessionKey;
use crate::queue::{Delivery, Identifiers};
use crate::session::Session;
use crate::shard::Shard;
use crate::{Message, Time};

/// A message on its way to the member of a group that was picked for it.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) message: Message,
    /// The acknowledgement that waits to hear whether the member is slow.
    ticket: Option<Ticket>,
    group: Arc<Group>,
    session: u64,
    subscription: Subscription,
    /// How often a member was picked for it.
    picked: u8,
}

/// What a member left behind for the others of its groups, oldest first.
#[derive(Debug)]
pub(crate) struct Legacy {
    deliveries: VecDeque<Delivery>,
    /// Bytes of all that it was at first: what its parcel is charged until it is handled.
    pub(crate) size: usize,
}

/// Members picked for one message before it is given up: each had gone before it arrived.
const PICKS_MAX: u8 = 8;

/// Members with a full queue that are passed over for one message; the next one gets it all the same.
const FULL_SKIPPED_MAX: u8 = 4;

/// Messages passed on in one go before others get a turn.
const PASSED_AT_ONCE: usize = 256;

/// What stands before the share name.
const PREFIX: &str = "$share/";

/// Whether a valid filter is a shared one.
pub(crate) fn is_shared(filter: &str) -> bool {
    filter.starts_with(PREFIX)
}

/// The topic filter of a valid filter, shared or not.
pub(crate) fn topic_filter(filter: &str) -> &str {
    let shared = filter.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
    shared.map_or(filter, |(_, filter)| filter)
}

impl Share {
    fn new(message: Message, ticket: Option<Ticket>, group: Arc<Group>, member: Member) -> Self {
        let (session, subscription) = (member.subscriber.session, member.subscription);
        Self { message, ticket, group, session, subscription, picked: 1 }
    }

    fn key(&self) -> SessionKey {
        SessionKey::from(KeyData::from_ffi(self.session))
    }

    /// Picks another member; `None` if there is none, or too many have been tried.
    fn pick_again(&mut self) -> Option<ShardId> {
        self.picked += 1;
        let member = self.group.pick().filter(|_| self.picked <= PICKS_MAX)?;
        (self.session, self.subscription) = (member.subscriber.session, member.subscription);
        Some(member.subscriber.shard)
    }

    fn to_delivery(&self) -> Delivery {
        let granted = QoS::try_from(self.subscription.qos).unwrap_or(QoS::AtMostOnce);
        Delivery {
            message: self.message.clone(),
            qos: self.message.qos().min(granted),
            retain: self.subscription.retain_as_published && self.message.retain(),
            identifiers: Identifiers::of(self.subscription),
            group: Some(self.group.clone()),
        }
    }
}

impl Legacy {
    fn of(deliveries: VecDeque<Delivery>) -> Self {
        let size = deliveries.iter().map(|delivery| delivery.message.size()).sum();
        Self { deliveries, size }
    }
}

impl Shard {
    /// Gives the message to one member of each group: here at once, or as a parcel.
    pub(crate) fn share(
        &mut self,
        now: Time,
        outbound: &Outbound,
        matches: &Matches,
        routed: &mut Routed,
    ) {
        for group in matches.groups() {
            // Empty only if its last member left since the matches were looked up.
            let Some(member) = group.pick() else { continue };
            let (message, group) = (outbound.message.clone(), group.clone());
            let share = Share::new(message, outbound.ticket, group, member);
            let shard = member.subscriber.shard;
            if shard == self.id && self.work.is_empty() && self.can_take(&share) {
                routed.holds += i32::from(self.deliver_share(now, &share));
            } else {
                self.send_share(shard, share, routed);
            }
        }
    }

    fn send_share(&mut self, shard: ShardId, mut share: Share, routed: &mut Routed) {
        share.ticket = share.ticket.filter(|_| self.is_pressed(shard));
        routed.asked += u16::from(share.ticket.is_some());
        self.send(shard, Parcel::Share(share));
        routed.full = routed.full.or_else(|| self.broker.is_full(shard).then_some(shard));
    }

    /// Queues a message for the member that was picked; true if that one holds the publisher back.
    fn deliver_share(&mut self, now: Time, share: &Share) -> bool {
        self.push(share.key(), share.to_delivery());
        self.press(now, share.key(), share.ticket)
    }

    /// A message for a member on this shard has arrived. If that one is gone, or away while others
    /// are not, the next one gets it.
    pub(crate) fn handle_share(&mut self, now: Time, mut share: Share) {
        let mut holds = 0;
        while !self.can_take(&share) {
            match share.pick_again() {
                Some(shard) if shard == self.id => {}
                Some(shard) => return self.send(shard, Parcel::Share(share)),
                None => {
                    self.metrics().messages_dropped_no_member.add(1);
                    return self.tell_holds(now, share.ticket, holds);
                }
            }
        }
        holds += i32::from(self.deliver_share(now, &share));
        self.tell_holds(now, share.ticket, holds);
    }

    fn can_take(&self, share: &Share) -> bool {
        let session = self.sessions.get(share.key());
        session.is_some_and(|session| {
            session.subscriptions.contains_key(share.group.filter())
                && (session.connection.is_some() || !share.group.is_online())
                && (share.picked > FULL_SKIPPED_MAX || !self.is_queue_full(session))
        })
    }

    /// True if one more message would push another out: better given to somebody who has room.
    fn is_queue_full(&self, session: &Session) -> bool {
        let limits = self.broker.limits.of(session.listener);
        session.queue.is_over(limits.queue_len_max - 1, limits.queue_bytes_max)
    }

    /// Subscribes a session of this shard to a filter, shared or not; true if it is new.
    pub(crate) fn route(&self, key: SessionKey, filter: &str, subscription: Subscription) -> bool {
        let (subscriber, router) = (self.subscriber(key), &self.broker.router);
        if !is_shared(filter) {
            return router.subscribe(filter, subscriber, subscription);
        }
        let session = self.sessions.get(key);
        let is_online = session.is_some_and(|session| session.connection.is_some());
        router.subscribe_shared(filter, Member { subscriber, subscription }, is_online)
    }

    /// Ends the subscription of a session of this shard to a filter, shared or not.
    pub(crate) fn unroute(&self, subscriber: Subscriber, filter: &str) {
        let router = &self.broker.router;
        match is_shared(filter) {
            true => router.unsubscribe_shared(filter, subscriber),
            false => router.unsubscribe(filter, subscriber),
        };
    }

    /// Tells the groups of a session whether it is online.
    pub(crate) fn set_online(&self, key: SessionKey, is_online: bool) {
        let Some(session) = self.sessions.get(key) else { return };
        for filter in session.subscriptions.keys().filter(|filter| is_shared(filter)) {
            if let Some(group) = self.broker.router.group(filter) {
                group.set_online(self.subscriber(key), is_online);
            }
        }
    }

    /// The connection of a session is over: others that are online go on in its place. If there are
    /// none, what it has waits for whoever comes first: the session keeps it.
    pub(crate) fn go_offline(&mut self, now: Time, key: SessionKey) {
        self.set_online(key, false);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let left = take_shared(session, true, Group::is_online);
        self.pass_on(now, left);
    }

    /// A session is out of its groups for good. Exchanges of QoS 2 that it began die with it
    /// [MQTT-4.8.2-5].
    pub(crate) fn bequeath(&mut self, now: Time, session: &mut Session) {
        let left = take_shared(session, true, |_| true);
        self.pass_on(now, left);
    }

    /// A session has left the group of `filter` and stays: it completes what it has begun
    /// [MQTT-3.10.4-3].
    pub(crate) fn leave_group(&mut self, now: Time, key: SessionKey, filter: &str) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let left = take_shared(session, false, |group| group.filter() == filter);
        self.pass_on(now, left);
    }

    fn pass_on(&mut self, now: Time, deliveries: VecDeque<Delivery>) {
        if deliveries.is_empty() {
            return;
        }
        let mut legacy = Legacy::of(deliveries);
        // What is published after it must not overtake it where that can be had.
        if self.work.is_empty() && self.pass_slice(now, &mut legacy) {
            return;
        }
        self.push_work(Parcel::PassOn(legacy));
    }

    /// Passes the next ones on; true once that was all. A receiver's queue keeps its bounds; and
    /// what goes to another shard, however full, has left as much room where it comes from.
    pub(crate) fn pass_slice(&mut self, now: Time, legacy: &mut Legacy) -> bool {
        let count = legacy.deliveries.len().min(PASSED_AT_ONCE);
        for delivery in legacy.deliveries.drain(..count) {
            let Some((group, member)) = self.next_member(&delivery) else {
                self.metrics().messages_dropped_no_member.add(1);
                continue;
            };
            let share = Share::new(delivery.message, None, group, member);
            match member.subscriber.shard {
                shard if shard == self.id => self.handle_share(now, share),
                shard => self.send(shard, Parcel::Share(share)),
            }
        }
        self.metrics().messages_passed_on.add(count as u64);
        legacy.deliveries.is_empty()
    }

    /// Who gets what another member left. A group that ran empty may have begun anew.
    fn next_member(&self, delivery: &Delivery) -> Option<(Arc<Group>, Member)> {
        let group = delivery.group.as_ref()?;
        if let Some(member) = group.pick() {
            return Some((group.clone(), member));
        }
        let group = self.broker.router.group(group.filter())?;
        let member = group.pick()?;
        Some((group, member))
    }
}

/// Takes out of a session what it has of groups that `wants` names: what waits, and before it what
/// was sent with QoS 1 and not acknowledged, if `also_sent`. QoS 2 stays once begun [MQTT-4.8.2-4].
fn take_shared(
    session: &mut Session,
    also_sent: bool,
    wants: impl Fn(&Group) -> bool,
) -> VecDeque<Delivery> {
    let wants = |delivery: &Delivery| delivery.group.as_deref().is_some_and(&wants);
    let mut taken = VecDeque::new();
    if also_sent {
        session.inflight.take_unacknowledged(wants, &mut taken);
    }
    session.queue.take(wants, &mut taken);
    taken
}
