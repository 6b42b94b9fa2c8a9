//! What a member of a group leaves behind goes to the others, in every way there is to leave.

use theseus_core::{ClientLimits, Limits, Verdict};
use theseus_mqtt::{QoS, ReasonCode, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V5};
use crate::shared::{GROUP, Room, counted, sorted};
use crate::shell::Server;

/// What a client has been sent of QoS 2: the packet id, and the text of a PUBLISH or none of a PUBREL.
fn messages_and_releases(bench: &mut Bench, socket: usize) -> Vec<(u16, Option<String>)> {
    let step = |got| match got {
        Got::Publish(copy) => (copy.packet_id, Some(copy.text().to_owned())),
        Got::Ack(AckType::Rel, packet_id, _) => (packet_id, None),
        other => panic!("neither: {other:?}"),
    };
    bench.hear(socket).into_iter().map(step).collect()
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

#[test]
fn who_passed_everything_on_takes_new_messages_after_its_return() {
    let mut room = Room::new(1, QoS::AtLeastOnce);
    let (leaver, name) = (room.members[0], room.name(0));
    room.publish(3, QoS::AtLeastOnce);
    room.bench.cut(leaver);
    // Of what it had been sent, only one fits into its new window.
    let hello = Hello { receive_maximum: Some(1), ..Hello::resumed(V5, &name) };
    let (again, _) = room.bench.connect(&hello);
    let (other, _) = room.bench.connect(&Hello::clean(V5, "other"));
    room.bench.subscribe(other, GROUP, QoS::AtLeastOnce);
    room.members.push(other);
    room.bench.cut(again);
    assert_eq!(room.settled(1), [1, 2, 3]);
    room.bench.disconnect(other, ReasonCode::Success, None);
    let (again, _) = room.bench.connect(&hello);
    room.members[0] = again;
    room.publish(2, QoS::AtLeastOnce);
    assert_eq!(room.settled(0), [4, 5]);
}

#[test]
fn what_was_passed_on_weighs_on_the_queue_no_more() {
    let limits = ClientLimits { queue_bytes_max: 20_000, ..ClientLimits::default() };
    let hello = |name: &str| Hello { receive_maximum: Some(1), ..Hello::resumed(V5, name) };
    let mut room = Room::with(limits, 1, QoS::AtLeastOnce, hello);
    let leaver = room.members[0];
    room.bench.subscribe(leaver, "b", QoS::AtLeastOnce);
    let large = "x".repeat(4000);
    for topic in ["a", "b"] {
        for id in 1..=4 {
            room.bench.publish(room.publisher, &Post::new(topic, &large, QoS::AtLeastOnce), id);
        }
        if topic == "a" {
            room.bench.say(leaver, packets::unsubscribe(V5, 4, &[GROUP]));
        }
    }
    assert_eq!(room.metric("messages_dropped_queue_full"), 0);
}

/// What is published behind a long legacy does not overtake it on the way to the same member.
#[test]
fn newer_messages_stay_behind_what_is_passed_on() {
    let mut room = Room::new(0, QoS::AtLeastOnce);
    let [publisher, leaver, heir] = ["publishes", "leaves", "inherits"].map(|name| {
        let name = room.bench.name(1, name);
        room.bench.connect(&Hello { receive_maximum: Some(1), ..Hello::resumed(V5, &name) }).0
    });
    room.publisher = publisher;
    room.bench.subscribe(leaver, GROUP, QoS::AtLeastOnce);
    room.publish(1000, QoS::AtLeastOnce);
    room.bench.subscribe(heir, GROUP, QoS::AtLeastOnce);
    room.members.push(heir);
    let goodbye = packets::disconnect(V5, ReasonCode::Success, Some(0));
    let news = Post::new("a", "1001", QoS::AtLeastOnce).bytes(V5, 1001, false);
    for (socket, bytes) in [(leaver, goodbye), (publisher, news)] {
        room.bench.shell.send(socket, bytes);
        room.bench.shell.arrive(socket, usize::MAX, usize::MAX);
    }
    room.bench.settle();
    assert_eq!(room.settled(0), counted(1001));
}

#[test]
fn who_begins_the_group_anew_gets_what_is_still_to_be_passed_on() {
    let mut room = Room::new(0, QoS::AtLeastOnce);
    let hello = |name: String| Hello { receive_maximum: Some(1), ..Hello::resumed(V5, &name) };
    let [leaver, heir] = ["leaves", "inherits"].map(|name| {
        let hello = hello(room.bench.name(1, name));
        room.bench.connect(&hello).0
    });
    room.bench.subscribe(leaver, GROUP, QoS::AtLeastOnce);
    room.publish(1000, QoS::AtLeastOnce);
    let goodbye = packets::disconnect(V5, ReasonCode::Success, Some(0));
    let options = SubscribeOptions::new(QoS::AtLeastOnce);
    let hurry = packets::subscribe(V5, 9, &[(GROUP, options)], 0);
    for (socket, bytes) in [(leaver, goodbye), (heir, hurry)] {
        room.bench.shell.send(socket, bytes);
        room.bench.shell.arrive(socket, usize::MAX, usize::MAX);
    }
    room.bench.settle();
    let lost = room.metric("messages_dropped_no_member");
    assert!((1..1000).contains(&lost), "{lost}");
    let heard = room.bench.hear(heir);
    let [Got::SubAck(9, _), Got::Publish(first)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(first.text(), (lost + 1).to_string());
}

/// Its publisher had asked whether the member is slow, and hears that nobody is.
#[test]
fn a_message_that_nobody_is_left_to_take_holds_back_nobody() {
    let limits =
        ClientLimits { queue_len_max: 20, queue_soft_percent: 50, ..ClientLimits::default() };
    let mut room = Room::with(limits, 0, QoS::AtLeastOnce, |name| Hello::resumed(V5, name));
    let home = |room: &Room| match room.bench.shell.sockets[room.publisher].server {
        Server::Open(home, _) => home,
        _ => panic!("the publisher is connected"),
    };
    let shard = (home(&room) + 1) % 3;
    let [slow, leaver] = ["slow", "leaves"].map(|name| {
        let name = room.bench.name(shard, name);
        room.bench.connect(&Hello { receive_maximum: Some(1), ..Hello::resumed(V5, &name) }).0
    });
    // A slow receiver of something else is why the shard is asked at all.
    room.bench.subscribe(slow, "b", QoS::AtLeastOnce);
    for id in 1..=13 {
        room.bench.publish(room.publisher, &Post::new("b", "x", QoS::AtLeastOnce), id);
    }
    room.bench.seconds(3);
    room.bench.hear(room.publisher);
    room.bench.subscribe(leaver, GROUP, QoS::AtLeastOnce);
    let news = Post::new("a", "x", QoS::AtLeastOnce).bytes(V5, 77, false);
    room.bench.shell.send(room.publisher, news);
    room.bench.shell.arrive(room.publisher, usize::MAX, usize::MAX);
    let from = home(&room);
    room.bench.shell.post(from);
    room.bench.disconnect(leaver, ReasonCode::Success, Some(0));
    assert_eq!(room.metric("messages_dropped_no_member"), 1);
    let answer = Got::Ack(AckType::Ack, 77, ReasonCode::Success);
    assert_eq!(room.bench.hear(room.publisher), [answer]);
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
