//! Shared subscriptions (MQTT 5.0, 4.8.2): one member of a group gets each message, and what a
//! member leaves behind goes to the others.

use theseus_core::{ClientLimits, Limits, Verdict};
use theseus_mqtt::{QoS, ReasonCode, RetainHandling, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5, WillSpec};
use crate::shell::Server;

const GROUP: &str = "$share/g/a";

/// Members on three shards whose sessions are kept, and a publisher.
struct Room {
    bench: Bench,
    members: Vec<usize>,
    publisher: usize,
    sent: u16,
}

impl Room {
    fn new(members: usize, qos: QoS) -> Self {
        Self::with(Limits::default(), members, qos, |name| Hello::resumed(V5, name))
    }

    fn with(
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

    fn name(&self, number: usize) -> String {
        self.bench.name(number % 3, &format!("member{number}"))
    }

    /// Publishes so many messages, numbered from 1 on; the answers are not looked at.
    fn publish(&mut self, count: usize, qos: QoS) {
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
    fn numbers(&mut self, member: usize) -> Vec<usize> {
        let socket = self.members[member];
        self.bench.texts(socket).iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The same, all acknowledged.
    fn settled(&mut self, member: usize) -> Vec<usize> {
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

    fn metric(&self, name: &str) -> u64 {
        self.bench.shell.metric(name)
    }
}

/// What a client has been sent of QoS 2: the packet id, and the text of a PUBLISH or none of a PUBREL.
fn messages_and_releases(bench: &mut Bench, socket: usize) -> Vec<(u16, Option<String>)> {
    let step = |got| match got {
        Got::Publish(copy) => (copy.packet_id, Some(copy.text().to_owned())),
        Got::Ack(AckType::Rel, packet_id, _) => (packet_id, None),
        other => panic!("neither: {other:?}"),
    };
    bench.hear(socket).into_iter().map(step).collect()
}

fn sorted(numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers
}

fn counted(end: usize) -> Vec<usize> {
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

/// Every way to leave, in the middle of acknowledging: what was not acknowledged goes to the other
/// member, in order, and nothing is lost or kept.
#[test]
fn who_leaves_passes_on_what_was_not_acknowledged() {
    type Leave = fn(&mut Bench, usize, &str);
    let ways: [(&str, Leave); 5] = [
        ("a failed network", |bench, socket, _| bench.cut(socket)),
        ("DISCONNECT", |bench, socket, _| bench.disconnect(socket, ReasonCode::Success, None)),
        ("the end of the session", |bench, socket, _| {
            bench.disconnect(socket, ReasonCode::Success, Some(0));
        }),
        ("a clean start elsewhere", |bench, _, name| {
            bench.connect(&Hello::clean(V5, name));
        }),
        ("a broken rule", |bench, socket, _| bench.say(socket, vec![0])),
    ];
    for (way, leave) in ways {
        for leaver in [0, 1] {
            let hello = |name: &str| Hello { receive_maximum: Some(4), ..Hello::resumed(V5, name) };
            let mut room = Room::with(Limits::default(), 2, QoS::AtLeastOnce, hello);
            room.publish(24, QoS::AtLeastOnce);
            let (socket, name) = (room.members[leaver], room.name(leaver));
            let first = room.bench.messages(socket);
            assert_eq!(first.len(), 4, "{way}");
            room.bench.ack(socket, AckType::Ack, first[0].packet_id);
            let done: usize = first[0].text().parse().unwrap();
            leave(&mut room.bench, socket, &name);
            room.bench.settle();
            let stays = 1 - leaver;
            let got = room.settled(stays);
            let (own, passed): (Vec<_>, Vec<_>) =
                got.iter().copied().partition(|number| number % 2 != done % 2);
            assert!(own.is_sorted() && passed.is_sorted(), "{way}: {got:?}");
            assert_eq!(sorted(got.into_iter().chain([done])), counted(24), "{way}");
            assert_eq!(room.metric("messages_passed_on"), 11, "{way}");
            assert_eq!(room.metric("messages_dropped_no_member"), 0, "{way}");
        }
    }
}

/// [MQTT-3.10.4-3]: who unsubscribes completes what it has begun; only what waits goes on.
#[test]
fn who_unsubscribes_completes_what_it_has_begun() {
    let hello = |name: &str| Hello { receive_maximum: Some(2), ..Hello::resumed(V5, name) };
    let mut room = Room::with(Limits::default(), 2, QoS::AtLeastOnce, hello);
    room.publish(12, QoS::AtLeastOnce);
    let leaver = room.members[0];
    room.bench.say(leaver, packets::unsubscribe(V5, 4, &[GROUP]));
    let heard = room.bench.hear(leaver);
    let copies: Vec<_> = heard
        .iter()
        .filter_map(|got| match got {
            Got::Publish(copy) => Some(copy.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(copies.len(), 2, "{heard:?}");
    for copy in &copies {
        room.bench.ack(leaver, AckType::Ack, copy.packet_id);
    }
    assert!(room.bench.hear(leaver).is_empty());
    let done = copies.iter().map(|copy| copy.text().parse().unwrap());
    let got = room.settled(1);
    assert_eq!(sorted(got.into_iter().chain(done)), counted(12));
}

/// [MQTT-4.8.2-4]: an exchange of QoS 2 that has begun is completed with its client, also later.
#[test]
fn qos_2_is_completed_with_the_client_that_comes_back() {
    let hello = |name: &str| Hello { receive_maximum: Some(2), ..Hello::resumed(V5, name) };
    let mut room = Room::with(Limits::default(), 2, QoS::ExactlyOnce, hello);
    room.publish(12, QoS::ExactlyOnce);
    let begun = room.numbers(0);
    assert_eq!(begun.len(), 2);
    let leaver = room.members[0];
    // One is released, the other one only sent.
    room.bench.ack(leaver, AckType::Rec, 1);
    room.bench.cut(leaver);
    let (other, mut got) = (room.members[1], Vec::new());
    loop {
        let copies = messages_and_releases(&mut room.bench, other);
        if copies.is_empty() {
            break;
        }
        for (packet_id, text) in copies {
            match text {
                Some(text) => {
                    got.push(text.parse().unwrap());
                    room.bench.ack(other, AckType::Rec, packet_id);
                }
                None => room.bench.ack(other, AckType::Comp, packet_id),
            }
        }
    }
    assert_eq!(sorted(got.into_iter().chain(begun.iter().copied())), counted(12));
    let name = room.name(0);
    let (again, present) = room.bench.connect(&Hello::resumed(V5, &name));
    assert!(present);
    let heard = messages_and_releases(&mut room.bench, again);
    assert_eq!(heard, [(1, None), (2, Some(begun[1].to_string()))]);
}

/// [MQTT-4.8.2-5]: it is sent to nobody else if the session ends first.
#[test]
fn qos_2_that_has_begun_ends_with_its_session() {
    let mut room = Room::new(2, QoS::ExactlyOnce);
    room.publish(2, QoS::ExactlyOnce);
    let (own, others) = (room.numbers(0), room.numbers(1));
    assert_eq!((own.len(), others.len()), (1, 1));
    let leaver = room.members[0];
    room.bench.disconnect(leaver, ReasonCode::Success, Some(0));
    assert!(room.numbers(1).is_empty());
    assert_eq!(room.metric("messages_passed_on"), 0);
}

/// [MQTT-4.8.2-6]: who refuses a message has it discarded, not sent to another.
#[test]
fn a_refused_message_goes_to_nobody_else() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut room = Room::new(2, qos);
        room.publish(2, qos);
        let (leaver, stays) = (room.members[0], room.members[1]);
        assert_eq!(room.numbers(1).len(), 1);
        let refusal: u8 = if qos == QoS::AtLeastOnce { 0x40 } else { 0x50 };
        room.bench.say(leaver, vec![refusal, 3, 0, 1, 0x80]);
        room.bench.cut(leaver);
        assert!(room.bench.hear(stays).is_empty());
        assert_eq!(room.metric("messages_passed_on"), 0);
    }
}

#[test]
fn a_takeover_that_resumes_is_no_leaving() {
    let mut room = Room::new(2, QoS::AtLeastOnce);
    room.publish(6, QoS::AtLeastOnce);
    let name = room.name(0);
    let before = room.numbers(0);
    assert_eq!(before.len(), 3);
    let (again, present) = room.bench.connect(&Hello::resumed(V5, &name));
    assert!(present);
    let copies = room.bench.messages(again);
    assert!(copies.iter().all(|copy| copy.dup) && copies.len() == 3, "{copies:?}");
    assert_eq!(room.numbers(1).len(), 3);
    assert_eq!(room.metric("messages_passed_on"), 0);
}

#[test]
fn the_last_member_keeps_its_messages_and_their_loss_is_counted() {
    let mut room = Room::new(1, QoS::AtLeastOnce);
    room.publish(5, QoS::AtLeastOnce);
    let (socket, name) = (room.members[0], room.name(0));
    room.bench.cut(socket);
    room.publish(2, QoS::AtLeastOnce);
    let (again, _) = room.bench.connect(&Hello::resumed(V5, &name));
    assert_eq!(room.bench.texts(again), ["1", "2", "3", "4", "5", "6", "7"]);
    room.bench.disconnect(again, ReasonCode::Success, Some(0));
    assert_eq!(room.metric("messages_dropped_no_member"), 7);
}

#[test]
fn a_session_that_expires_leaves_its_messages_to_those_who_are_away_too() {
    let hello = |name: &str| Hello { expiry: Some(60), ..Hello::resumed(V5, name) };
    let mut room = Room::with(Limits::default(), 1, QoS::AtLeastOnce, hello);
    let heir = Hello::resumed(V5, "heir");
    let (socket, _) = room.bench.connect(&heir);
    room.bench.subscribe(socket, GROUP, QoS::AtLeastOnce);
    room.bench.cut(socket);
    let member = room.members[0];
    room.bench.cut(member);
    room.publish(6, QoS::AtLeastOnce);
    room.bench.seconds(61);
    let (socket, _) = room.bench.connect(&heir);
    room.members.push(socket);
    assert_eq!(sorted(room.settled(1)), counted(6));
}

#[test]
fn a_long_queue_is_passed_on_in_slices_to_three_shards() {
    let hello = |name: &str| Hello { receive_maximum: Some(1), ..Hello::resumed(V5, name) };
    let mut room = Room::with(Limits::default(), 1, QoS::AtLeastOnce, hello);
    let first = room.members[0];
    room.bench.cut(first);
    room.publish(3000, QoS::AtLeastOnce);
    for number in 1..4 {
        let name = room.name(number);
        let (socket, _) = room.bench.connect(&Hello::resumed(V5, &name));
        room.bench.subscribe(socket, GROUP, QoS::AtLeastOnce);
        room.members.push(socket);
    }
    let name = room.name(0);
    let (again, _) = room.bench.connect(&Hello::resumed(V5, &name));
    room.bench.disconnect(again, ReasonCode::Success, Some(0));
    let shares: Vec<_> = (1..4).map(|number| room.settled(number)).collect();
    for share in &shares {
        assert!(share.is_sorted() && share.len() == 1000, "{}", share.len());
    }
    assert_eq!(sorted(shares.concat()), counted(3000));
}

#[test]
fn passing_on_keeps_within_the_receivers_queue() {
    let limits = ClientLimits { queue_len_max: 10, inflight_max: 2, ..ClientLimits::default() };
    let mut room = Room::with(limits, 2, QoS::AtLeastOnce, |name| Hello::resumed(V5, name));
    room.publish(24, QoS::AtLeastOnce);
    let leaver = room.members[0];
    room.bench.cut(leaver);
    let dropped = room.metric("messages_dropped_queue_full") as usize;
    assert_eq!((room.settled(1).len(), dropped), (12, 12));
}

#[test]
fn a_move_to_another_shard_is_no_leaving() {
    let hello = |name: &str| Hello { receive_maximum: Some(2), ..Hello::resumed(V5, name) };
    let mut room = Room::with(Limits::default(), 2, QoS::AtLeastOnce, hello);
    room.publish(12, QoS::AtLeastOnce);
    let moved = room.members[0];
    for to in [1, 2] {
        assert!(room.bench.shell.migrate(moved, to));
        room.bench.settle();
    }
    assert_eq!(room.metric("messages_passed_on"), 0);
    room.publish(4, QoS::AtLeastOnce);
    let first = room.bench.messages(moved);
    assert_eq!(first.len(), 2);
    // What it had of the group is known as such.
    room.bench.cut(moved);
    assert_eq!(sorted(room.settled(1)), counted(16));
    assert_eq!(room.metric("messages_passed_on"), 8);
}

#[test]
fn a_lone_member_that_moves_keeps_its_place_and_its_messages() {
    let hello = |name: &str| Hello { receive_maximum: Some(2), ..Hello::resumed(V5, name) };
    let mut room = Room::with(Limits::default(), 1, QoS::AtLeastOnce, hello);
    room.publish(5, QoS::AtLeastOnce);
    let moved = room.members[0];
    assert!(room.bench.shell.migrate(moved, 2));
    room.bench.settle();
    room.publish(1, QoS::AtLeastOnce);
    let name = room.bench.name(1, "second");
    let (second, _) = room.bench.connect(&Hello::clean(V5, &name));
    room.bench.subscribe(second, GROUP, QoS::AtLeastOnce);
    room.members.push(second);
    room.bench.cut(moved);
    assert_eq!(room.settled(1), counted(6));
}

/// Rules that have changed meanwhile: what waited for the session goes to the others.
#[test]
fn a_member_that_may_not_subscribe_any_more_is_out_of_the_group() {
    let mut room = Room::new(1, QoS::AtLeastOnce);
    let (socket, name) = (room.members[0], room.name(0));
    room.bench.cut(socket);
    room.publish(3, QoS::AtLeastOnce);
    let heir = Hello::resumed(V5, "heir");
    let (away, _) = room.bench.connect(&heir);
    room.bench.subscribe(away, GROUP, QoS::AtLeastOnce);
    room.bench.cut(away);
    room.bench.shell.policy.forbid("a", Verdict::Deny);
    let (again, present) = room.bench.connect(&Hello::resumed(V5, &name));
    assert!(present && room.bench.messages(again).is_empty());
    assert_eq!(room.metric("messages_passed_on"), 3);
}

#[test]
fn a_member_that_left_while_a_message_was_on_its_way_does_not_get_it() {
    let mut room = Room::new(2, QoS::AtLeastOnce);
    let (leaver, other) = (room.members[1], 0);
    room.publish(1, QoS::AtLeastOnce);
    // It is picked next, and gone before its shard has looked into the inbox.
    let post = Post::new("a", "2", QoS::AtLeastOnce);
    room.bench.shell.send(room.publisher, post.bytes(V5, 2, false));
    room.bench.shell.arrive(room.publisher, usize::MAX, usize::MAX);
    let Server::Open(home, _) = room.bench.shell.sockets[room.publisher].server else { panic!() };
    room.bench.shell.post(home);
    room.bench.shell.sockets[leaver].cut = true;
    room.bench.shell.drop_server_end(leaver);
    room.bench.settle();
    assert_eq!(room.settled(other), [1, 2]);
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
        assert!(room.metric("acks_withheld") > 0, "home {home}");
        assert_eq!(room.settled(0), counted(13));
        room.bench.settle();
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
