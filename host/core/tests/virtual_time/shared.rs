//! Shared subscriptions (MQTT 5.0, 4.8.2): one member of a group gets each message, as it asked.
//! What becomes of the messages of one that leaves is in `passing_on`.

use theseus_core::{ClientLimits, Limits};
use theseus_mqtt::{QoS, ReasonCode, RetainHandling, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5, WillSpec};

pub(crate) const GROUP: &str = "$share/g/a";

/// Members on three shards whose sessions are kept, and a publisher.
pub(crate) struct Room {
    pub(crate) bench: Bench,
    pub(crate) members: Vec<usize>,
    pub(crate) publisher: usize,
    sent: u16,
}

impl Room {
    pub(crate) fn new(members: usize, qos: QoS) -> Self {
        Self::with(Limits::default(), members, qos, |name| Hello::resumed(V5, name))
    }

    pub(crate) fn with(
        limits: impl Into<Limits>,
        members: usize,
        qos: QoS,
        hello: impl Fn(&str) -> Hello,
    ) -> Self {
        let mut bench = Bench::with(limits);
        let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
        let mut room = Self { bench, members: Vec::new(), publisher, sent: 0 };
        for number in 0..members {
            let name = room.name(number);
            let (socket, _) = room.bench.connect(&hello(&name));
            room.bench.subscribe(socket, GROUP, qos);
            room.members.push(socket);
        }
        room
    }

    pub(crate) fn name(&self, number: usize) -> String {
        self.bench.name(number % 3, &format!("member{number}"))
    }

    /// Publishes so many messages, numbered from 1 on; the answers are not looked at.
    pub(crate) fn publish(&mut self, count: usize, qos: QoS) {
        for _ in 0..count {
            self.sent += 1;
            let post = Post::new("a", &self.sent.to_string(), qos);
            self.bench.publish(self.publisher, &post, self.sent);
            if qos == QoS::ExactlyOnce {
                self.bench.ack(self.publisher, AckType::Rel, self.sent);
            }
        }
        self.bench.hear(self.publisher);
    }

    /// The numbers of the messages that a member has got and not looked at.
    pub(crate) fn numbers(&mut self, member: usize) -> Vec<usize> {
        let socket = self.members[member];
        self.bench.texts(socket).iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The same, all acknowledged.
    pub(crate) fn settled(&mut self, member: usize) -> Vec<usize> {
        let socket = self.members[member];
        let mut numbers = Vec::new();
        loop {
            let copies = self.bench.messages(socket);
            if copies.is_empty() {
                return numbers;
            }
            for copy in copies {
                self.bench.ack(socket, AckType::Ack, copy.packet_id);
                numbers.push(copy.text().parse().unwrap());
            }
        }
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.bench.shell.metric(name)
    }
}

pub(crate) fn sorted(numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers
}

pub(crate) fn counted(end: usize) -> Vec<usize> {
    (1..=end).collect()
}

#[test]
fn messages_are_spread_evenly_over_members_on_all_shards() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut room = Room::new(6, qos);
        room.publish(60, qos);
        let shares: Vec<_> = (0..6).map(|member| room.numbers(member)).collect();
        for share in &shares {
            assert_eq!(share.len(), 10, "{qos:?}: {shares:?}");
            assert!(share.is_sorted(), "{qos:?}: {shares:?}");
        }
        assert_eq!(sorted(shares.concat()), counted(60));
    }
}

#[test]
fn a_session_gets_one_copy_for_its_own_subscriptions_and_one_for_each_group() {
    let mut bench = Bench::new();
    let (reader, _) = bench.connect(&Hello::clean(V5, "reader"));
    let filters =
        [("a/b", 1), ("a/#", 2), ("$share/one/a/b", 3), ("$share/one/a/+", 4), ("$share/two/#", 5)];
    for (filter, identifier) in filters {
        let options = SubscribeOptions::new(QoS::AtMostOnce);
        bench.subscribe_as(reader, filter, options, identifier);
    }
    let (publisher, _) = bench.connect(&Hello::clean(V3, "publisher"));
    bench.publish(publisher, &Post::new("a/b", "x", QoS::AtMostOnce), 0);
    let copies = bench.messages(reader).into_iter();
    let mut identifiers: Vec<_> = copies.map(|copy| copy.identifiers).collect();
    identifiers.sort();
    assert_eq!(identifiers, [vec![1, 2], vec![3], vec![4], vec![5]]);
}

/// [MQTT-4.8.2-3], and the other options of the member's own subscription.
#[test]
fn each_member_gets_it_as_it_asked() {
    let mut bench = Bench::new();
    let mut members = Vec::new();
    for (number, qos) in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].iter().enumerate() {
        let (socket, _) = bench.connect(&Hello::clean(V5, &format!("member{number}")));
        let mut options = SubscribeOptions::new(*qos);
        options.retain_as_published = number == 1;
        bench.subscribe_as(socket, GROUP, options, number as u32 + 7);
        members.push((socket, *qos, number == 1, number as u32 + 7));
    }
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    for id in 1..=3 {
        bench.publish(publisher, &Post::retained("a", "x", QoS::ExactlyOnce), id);
    }
    for (socket, qos, retain, identifier) in members {
        let [copy] = &bench.messages(socket)[..] else { panic!("one copy") };
        let got = (copy.qos, copy.retain, &copy.identifiers[..]);
        assert_eq!(got, (qos, retain, &[identifier][..]));
    }
}

#[test]
fn a_second_subscribe_replaces_the_options() {
    let mut room = Room::new(1, QoS::AtMostOnce);
    let socket = room.members[0];
    room.bench.subscribe_as(socket, GROUP, SubscribeOptions::new(QoS::AtLeastOnce), 5);
    room.publish(1, QoS::AtLeastOnce);
    let [copy] = &room.bench.messages(socket)[..] else { panic!("one copy") };
    assert_eq!((copy.qos, &copy.identifiers[..]), (QoS::AtLeastOnce, &[5][..]));
    assert_eq!(room.metric("shared_subscriptions_begun"), 1);
}

#[test]
fn retained_messages_are_not_sent_for_a_shared_subscription() {
    let mut bench = Bench::new();
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::retained("a", "kept", QoS::AtMostOnce), 0);
    let (reader, _) = bench.connect(&Hello::clean(V5, "reader"));
    for handling in [RetainHandling::Send, RetainHandling::SendIfNew] {
        let mut options = SubscribeOptions::new(QoS::AtMostOnce);
        options.retain_handling = handling;
        bench.subscribe_as(reader, GROUP, options, 0);
        assert!(bench.messages(reader).is_empty());
    }
    bench.subscribe(reader, "a", QoS::AtMostOnce);
    assert_eq!(bench.texts(reader), ["kept"]);
}

#[test]
fn a_publisher_is_told_whether_a_group_heard_it() {
    let mut room = Room::new(1, QoS::AtMostOnce);
    let ask = |room: &mut Room| {
        room.bench.publish(room.publisher, &Post::new("a", "x", QoS::AtLeastOnce), 1);
        room.bench.hear(room.publisher)
    };
    assert_eq!(ask(&mut room), [Got::Ack(AckType::Ack, 1, ReasonCode::Success)]);
    let member = room.members[0];
    room.bench.say(member, packets::unsubscribe(V5, 4, &["a", GROUP]));
    let expected = vec![ReasonCode::NoSubscriptionExisted.value(), 0];
    assert!(room.bench.hear(member).contains(&Got::UnsubAck(4, expected)));
    let unheard = ReasonCode::NoMatchingSubscribers;
    assert_eq!(ask(&mut room), [Got::Ack(AckType::Ack, 1, unheard)]);
    assert_eq!(room.metric("shared_subscriptions_ended"), 1);
}

#[test]
fn where_they_are_switched_off_they_are_refused() {
    for (version, code) in [(V5, 0x9E), (V3, 0x80)] {
        let limits = ClientLimits { shared_subscriptions: false, ..ClientLimits::default() };
        let mut bench = Bench::with(limits);
        let (reader, _) = bench.connect(&Hello::clean(version, "reader"));
        let options = SubscribeOptions::new(QoS::AtMostOnce);
        bench.say(reader, packets::subscribe(version, 5, &[(GROUP, options)], 0));
        assert_eq!(bench.hear(reader), [Got::SubAck(5, vec![code])]);
    }
}

#[test]
fn members_that_are_away_get_nothing_while_others_are_there() {
    let mut room = Room::new(3, QoS::AtLeastOnce);
    let away = room.members[1];
    room.bench.cut(away);
    room.publish(6, QoS::AtLeastOnce);
    let shares = [room.numbers(0), room.numbers(2)];
    assert_eq!((shares[0].len(), shares[1].len()), (3, 3), "{shares:?}");
    assert_eq!(sorted(shares.concat()), counted(6));
}

#[test]
fn where_all_are_away_their_sessions_keep_the_messages() {
    let mut room = Room::new(3, QoS::AtLeastOnce);
    for member in room.members.clone() {
        room.bench.cut(member);
    }
    room.publish(9, QoS::AtLeastOnce);
    let mut got = Vec::new();
    for number in 0..3 {
        let hello = Hello::resumed(V5, &room.name(number));
        let (socket, present) = room.bench.connect(&hello);
        assert!(present);
        room.members[number] = socket;
        let share = room.settled(number);
        assert_eq!(share.len(), 3);
        got.extend(share);
    }
    assert_eq!(sorted(got), counted(9));
    // They are picked again.
    room.publish(3, QoS::AtLeastOnce);
    assert_eq!(sorted((0..3).flat_map(|number| room.numbers(number))), [10, 11, 12]);
}

#[test]
fn who_comes_back_has_its_turn_again() {
    let mut room = Room::new(2, QoS::AtLeastOnce);
    let (leaver, name) = (room.members[0], room.name(0));
    room.bench.cut(leaver);
    room.publish(2, QoS::AtLeastOnce);
    assert_eq!(room.settled(1), [1, 2]);
    let (again, _) = room.bench.connect(&Hello::resumed(V5, &name));
    room.members[0] = again;
    room.publish(6, QoS::AtLeastOnce);
    assert_eq!((room.settled(0).len(), room.settled(1).len()), (3, 3));
}

#[test]
fn a_slow_member_holds_its_publisher_back() {
    let limits =
        ClientLimits { queue_len_max: 20, queue_soft_percent: 50, ..ClientLimits::default() };
    for home in 0..3 {
        let hello = |name: &str| Hello { receive_maximum: Some(1), ..Hello::resumed(V5, name) };
        let mut room = Room::with(limits.clone(), 0, QoS::AtLeastOnce, hello);
        let name = room.bench.name(home, "slow");
        let (socket, _) = room.bench.connect(&hello(&name));
        room.bench.subscribe(socket, GROUP, QoS::AtLeastOnce);
        room.members.push(socket);
        room.publish(13, QoS::AtLeastOnce);
        let last = Post::new("a", "14", QoS::AtLeastOnce);
        room.bench.publish(room.publisher, &last, 14);
        assert_eq!(room.bench.hear(room.publisher), [], "home {home}");
        assert_eq!(room.settled(0), counted(14));
        let answer = Got::Ack(AckType::Ack, 14, ReasonCode::Success);
        assert_eq!(room.bench.hear(room.publisher).last(), Some(&answer), "home {home}");
        assert_eq!(room.metric("acks_released_by_stall"), 0);
    }
}

#[test]
fn the_will_of_a_member_reaches_the_others() {
    let mut bench = Bench::new();
    let will = WillSpec::new("a", "gone", QoS::AtLeastOnce);
    let (leaver, _) = bench.connect(&Hello::clean(V5, "leaver").with_will(will));
    let (stays, _) = bench.connect(&Hello::clean(V5, "stays"));
    bench.subscribe(leaver, GROUP, QoS::AtLeastOnce);
    bench.subscribe(stays, GROUP, QoS::AtLeastOnce);
    bench.cut(leaver);
    assert_eq!(bench.texts(stays), ["gone"]);
}

/// One that takes nothing does not lose what the others have room for.
#[test]
fn a_member_with_a_full_queue_is_passed_over() {
    let limits = ClientLimits {
        queue_len_max: 5,
        inflight_max: 2,
        queue_soft_percent: 100,
        shutdown_after: None,
        ..Default::default()
    };
    let mut room = Room::with(limits, 3, QoS::AtLeastOnce, |name| Hello::resumed(V5, name));
    let mut heard = 0;
    for _ in 0..30 {
        room.publish(2, QoS::AtLeastOnce);
        heard += room.settled(1).len() + room.settled(2).len();
    }
    assert_eq!(room.bench.shell.metric("messages_dropped_queue_full"), 0);
    let of_stuck = room.settled(0).len();
    assert_eq!((heard + of_stuck, of_stuck), (60, 7), "two under way and five that wait");
}

/// The name of a group is text that is kept, too.
#[test]
fn the_share_name_counts_for_the_length_of_the_filter() {
    let limits = ClientLimits { topic_len_max: 12, topic_levels_max: 2, ..Default::default() };
    let mut bench = Bench::with(limits);
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    let filters = [("$share/ab/c/d", options), ("$share/a/c/d", options)];
    bench.say(client, packets::subscribe(V5, 1, &filters, 0));
    let too_long = ReasonCode::TopicFilterInvalid.value();
    assert_eq!(bench.hear(client), [Got::SubAck(1, vec![too_long, 0])]);
}
