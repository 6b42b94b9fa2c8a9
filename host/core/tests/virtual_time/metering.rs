//! What an empty bucket does, by meter and by action, and to those that wait.

mod whose;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use theseus_core::{SlotLimits, Time, What};
use theseus_limit::{Limit, Meter, OverLimit, Scope, Whom};
use theseus_mqtt::{Property, QoS, ReasonCode, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, AckType, Got, Hello, Post, V3, V5};

/// A PINGREQ.
const PING: [u8; 2] = [0xC0, 0];

/// Three at once, and one more each second.
fn limit(meter: Meter, scope: Scope, over: OverLimit) -> Limit {
    Limit {
        plugin: "p".into(),
        name: "l".into(),
        meter,
        scope,
        amount: 1,
        period_ms: 1000,
        burst: 3,
        over,
    }
}

/// A bench with a client that has subscribed to everything, under a limit for everybody.
fn room(limits: &[Limit]) -> (Bench, usize) {
    let mut bench = Bench::new();
    let (watcher, _) = bench.connect(&Hello::clean(V5, "watcher"));
    bench.subscribe(watcher, "#", QoS::ExactlyOnce);
    bench.shell.policy.limit(limits);
    (bench, watcher)
}

fn join(bench: &mut Bench, version: theseus_mqtt::ProtocolVersion, name: &str) -> usize {
    bench.connect(&Hello::clean(version, name)).0
}

fn say(bench: &mut Bench, socket: usize, texts: std::ops::Range<u32>) {
    for text in texts {
        bench.publish(socket, &Post::new("t", &text.to_string(), QoS::AtMostOnce), 0);
    }
}

/// What comes in several reads where it is large.
fn arrive(bench: &mut Bench, socket: usize, bytes: &[u8]) {
    for read in bytes.chunks(64 * 1024) {
        bench.say(socket, read.to_vec());
    }
}

/// Lets time pass, in steps in which waiting packets have their turns one by one.
fn pass(bench: &mut Bench, millis: u64) {
    let mut left = millis;
    while left > 0 {
        let step = left.min(250);
        bench.pass(Duration::from_millis(step));
        // What was kept back goes to another shard.
        bench.settle();
        left -= step;
    }
}

fn exceeded(bench: &mut Bench) -> Vec<Arc<Limit>> {
    let shards = bench.shell.shards.iter_mut();
    let happened = shards.flat_map(|shard| std::iter::from_fn(|| shard.poll_happened()));
    let limits = happened.filter_map(|happened| match happened.what {
        What::LimitExceeded(limit) => Some(limit),
        _ => None,
    });
    limits.collect()
}

#[test]
fn a_paused_client_is_read_again_when_there_is_room_and_nothing_is_lost() {
    let (mut bench, watcher) =
        room(&[limit(Meter::MessagesIn, Scope::Connection, OverLimit::Pause)]);
    for version in [V3, V5] {
        let publisher = join(&mut bench, version, "p");
        say(&mut bench, publisher, 0..6);
        assert_eq!(bench.texts(watcher), ["0", "1", "2"]);
        pass(&mut bench, 999);
        assert!(bench.texts(watcher).is_empty());
        pass(&mut bench, 1);
        assert_eq!(bench.texts(watcher), ["3"]);
        pass(&mut bench, 2000);
        assert_eq!(bench.texts(watcher), ["4", "5"]);
        // What it says without a limit waits no longer than what is before it.
        bench.say(publisher, PING.to_vec());
        assert_eq!(bench.hear(publisher), [Got::PingResp]);
    }
    assert_eq!(bench.shell.metric("reads_paused_by_limit"), 6);
}

#[test]
fn everything_behind_a_packet_that_waits_waits_too() {
    let (mut bench, watcher) = room(&[limit(Meter::MessagesIn, Scope::Client, OverLimit::Pause)]);
    let publisher = join(&mut bench, V5, "p");
    let mut burst = Vec::new();
    for id in 1..=5 {
        let post = Post::new("t", &id.to_string(), QoS::AtLeastOnce);
        burst.extend(post.bytes(V5, id, false));
    }
    burst.extend(PING.to_vec());
    bench.say(publisher, burst);
    let acks = |ids: std::ops::RangeInclusive<u16>| {
        ids.map(|id| Got::Ack(AckType::Ack, id, ReasonCode::Success)).collect::<Vec<_>>()
    };
    assert_eq!(bench.hear(publisher), acks(1..=3));
    pass(&mut bench, 1000);
    assert_eq!(bench.hear(publisher), acks(4..=4));
    pass(&mut bench, 1000);
    assert_eq!(bench.hear(publisher), [acks(5..=5), vec![Got::PingResp]].concat());
    assert_eq!(bench.hear(watcher).len(), 5);
}

/// A packet that is read straight into its own buffer.
#[test]
fn a_large_packet_waits_as_a_small_one_does() {
    let bytes = Limit {
        amount: 100_000,
        burst: 200_000,
        ..limit(Meter::BytesIn, Scope::Connection, OverLimit::Pause)
    };
    let (mut bench, watcher) = room(&[bytes]);
    let publisher = join(&mut bench, V5, "p");
    let large = "x".repeat(150_000);
    for id in 1..=2 {
        let packet = Post::new("t", &large, QoS::AtLeastOnce).bytes(V5, id, false);
        arrive(&mut bench, publisher, &packet);
    }
    say(&mut bench, publisher, 0..1);
    assert_eq!(bench.hear(publisher).len(), 1);
    pass(&mut bench, 1100);
    let lens: Vec<_> = bench.texts(watcher).iter().map(String::len).collect();
    assert_eq!(lens, [150_000, 150_000, 1]);
}

/// Whether packets come one by one or many in one read, small or large: the bucket holds what it should.
#[test]
fn packets_that_come_together_take_what_they_take_apart() {
    for (meter, over) in [
        (Meter::MessagesIn, OverLimit::Pause),
        (Meter::BytesIn, OverLimit::Refuse),
        (Meter::MessagesOut, OverLimit::Drop),
    ] {
        let it = Limit { burst: 10_000_000, ..limit(meter, Scope::Node, over) };
        let (mut bench, watcher) = room(std::slice::from_ref(&it));
        let publisher = join(&mut bench, V5, "p");
        let now = bench.shell.now.as_millis();
        let bucket = bench.shell.broker.buckets().of(now, &it, &Whom::default());
        let mut left = 10_000_000;
        for (count, len) in [(8, 10), (8, 10), (3, 200), (20, 1), (1, 150_000), (1, 1)] {
            let text = "x".repeat(len);
            let packet = Post::new("t", &text, QoS::AtMostOnce).bytes(V5, 0, false);
            arrive(&mut bench, publisher, &packet.repeat(count));
            assert_eq!(bench.texts(watcher).len(), count);
            left -= if meter == Meter::BytesIn { count * packet.len() } else { count };
            assert_eq!(bucket.level(now), left as i128, "{meter:?}, {count} of {len} bytes");
        }
    }
}

/// A message that is larger than the whole bucket is not stuck for ever.
#[test]
fn a_packet_that_is_larger_than_the_bucket_goes_when_it_is_full() {
    let bytes =
        Limit { burst: 100, amount: 100, ..limit(Meter::BytesIn, Scope::Node, OverLimit::Pause) };
    let (mut bench, watcher) = room(&[bytes]);
    let publisher = join(&mut bench, V3, "p");
    let text = "x".repeat(495);
    bench.publish(publisher, &Post::new("t", &text, QoS::AtMostOnce), 0);
    bench.publish(publisher, &Post::new("t", "y", QoS::AtMostOnce), 0);
    assert_eq!(bench.texts(watcher), [text]);
    pass(&mut bench, 3900);
    assert!(bench.texts(watcher).is_empty());
    pass(&mut bench, 300);
    assert_eq!(bench.texts(watcher), ["y"]);
}

#[test]
fn a_dropped_message_is_answered_as_if_it_were_delivered() {
    let (mut bench, watcher) = room(&[limit(Meter::MessagesIn, Scope::Client, OverLimit::Drop)]);
    for version in [V3, V5] {
        for (qos, kind) in [(QoS::AtLeastOnce, AckType::Ack), (QoS::ExactlyOnce, AckType::Rec)] {
            let publisher = join(&mut bench, version, &format!("{version:?}{qos:?}"));
            for id in 1..=5 {
                bench.publish(publisher, &Post::new("t", &id.to_string(), qos), id);
            }
            let expected: Vec<_> =
                (1..=5).map(|id| Got::Ack(kind, id, ReasonCode::Success)).collect();
            assert_eq!(bench.hear(publisher), expected);
            // An exchange of QoS 2 goes on as usual.
            if kind == AckType::Rec {
                bench.ack(publisher, AckType::Rel, 5);
                let done = Got::Ack(AckType::Comp, 5, ReasonCode::Success);
                assert_eq!(bench.hear(publisher), [done]);
            }
            assert_eq!(bench.texts(watcher), ["1", "2", "3"]);
            bench.disconnect(publisher, ReasonCode::Success, None);
        }
    }
    assert_eq!(bench.shell.metric("messages_dropped_by_limit"), 8);
}

#[test]
fn a_refused_message_is_told_where_the_version_can() {
    let (mut bench, watcher) = room(&[limit(Meter::MessagesIn, Scope::Client, OverLimit::Refuse)]);
    for (version, reason) in [(V3, ReasonCode::Success), (V5, ReasonCode::QuotaExceeded)] {
        for (qos, kind) in [(QoS::AtLeastOnce, AckType::Ack), (QoS::ExactlyOnce, AckType::Rec)] {
            let publisher = join(&mut bench, version, &format!("{version:?}{qos:?}"));
            for id in 1..=4 {
                bench.publish(publisher, &Post::new("t", &id.to_string(), qos), id);
            }
            assert_eq!(bench.hear(publisher)[3], Got::Ack(kind, 4, reason));
            assert_eq!(bench.texts(watcher).len(), 3);
            pass(&mut bench, 1000);
            bench.publish(publisher, &Post::new("t", "later", qos), 5);
            assert_eq!(bench.texts(watcher), ["later"]);
        }
    }
    assert_eq!(bench.shell.metric("messages_refused_by_limit"), 4);
}

#[test]
fn a_limit_may_end_the_connection() {
    for version in [V3, V5] {
        let (mut bench, watcher) =
            room(&[limit(Meter::MessagesIn, Scope::Client, OverLimit::Disconnect)]);
        let publisher = join(&mut bench, version, "p");
        say(&mut bench, publisher, 0..4);
        let told = vec![Got::Disconnect(ReasonCode::MessageRateTooHigh)];
        assert_eq!(bench.hear(publisher), if version == V5 { told } else { vec![] });
        assert!(bench.is_over(publisher));
        assert_eq!(bench.texts(watcher).len(), 3);
        assert_eq!(bench.shell.metric("disconnected_by_limit"), 1);
    }
}

/// An alias that a dropped message has set stands for its topic all the same.
#[test]
fn an_alias_of_a_dropped_message_is_known() {
    let topic = limit(Meter::MessagesIn, Scope::TopicFilter("a/+".into()), OverLimit::Drop);
    let (mut bench, watcher) = room(&[Limit { burst: 1, ..topic }]);
    let publisher = join(&mut bench, V5, "p");
    let aliased = |topic: &str, text: &str| Post {
        extra: &[Property::TopicAlias(1)],
        ..Post::new(topic, text, QoS::AtMostOnce)
    };
    bench.publish(publisher, &Post::new("a/b", "1", QoS::AtMostOnce), 0);
    bench.publish(publisher, &aliased("a/b", "dropped"), 0);
    bench.publish(publisher, &aliased("", "dropped too"), 0);
    bench.publish(publisher, &Post::new("b/b", "other", QoS::AtMostOnce), 0);
    pass(&mut bench, 1000);
    bench.publish(publisher, &aliased("", "2"), 0);
    assert!(!bench.is_over(publisher));
    assert_eq!(bench.texts(watcher), ["1", "other", "2"]);
}

#[test]
fn subscribes_are_counted_by_filter() {
    for (version, reason) in [(V3, ReasonCode::UnspecifiedError), (V5, ReasonCode::QuotaExceeded)] {
        let (mut bench, _) = room(&[limit(Meter::Subscribes, Scope::Client, OverLimit::Refuse)]);
        let client = join(&mut bench, version, "c");
        let options = SubscribeOptions::new(QoS::AtMostOnce);
        let ask = |bench: &mut Bench, filters: &[&str]| {
            let filters: Vec<_> = filters.iter().map(|filter| (*filter, options)).collect();
            bench.say(client, packets::subscribe(version, 1, &filters, 0));
            bench.hear(client)
        };
        assert_eq!(ask(&mut bench, &["a", "b"]), [Got::SubAck(1, vec![0, 0])]);
        let refused = reason.value();
        assert_eq!(ask(&mut bench, &["c", "d"]), [Got::SubAck(1, vec![refused, refused])]);
        assert_eq!(ask(&mut bench, &["c"]), [Got::SubAck(1, vec![0])]);
        assert_eq!(bench.shell.metric("subscribes_refused_by_limit"), 2);
    }
}

#[test]
fn what_goes_to_a_paused_receiver_waits_in_its_queue() {
    let (mut bench, watcher) = room(&[limit(Meter::MessagesOut, Scope::Client, OverLimit::Pause)]);
    let publisher = join(&mut bench, V3, "p");
    say(&mut bench, publisher, 0..6);
    assert_eq!(bench.texts(watcher), ["0", "1", "2"]);
    pass(&mut bench, 999);
    assert!(bench.texts(watcher).is_empty());
    pass(&mut bench, 1);
    assert_eq!(bench.texts(watcher), ["3"]);
    pass(&mut bench, 5000);
    assert_eq!(bench.texts(watcher), ["4", "5"]);
    assert_eq!(bench.shell.metric("deliveries_paused_by_limit"), 3);
}

#[test]
fn what_goes_to_a_receiver_may_be_dropped_or_end_it() {
    for (over, dropped) in
        [(OverLimit::Drop, 2), (OverLimit::Refuse, 2), (OverLimit::Disconnect, 0)]
    {
        let (mut bench, watcher) = room(&[limit(Meter::MessagesOut, Scope::Client, over)]);
        let publisher = join(&mut bench, V3, "p");
        say(&mut bench, publisher, 0..5);
        let heard = bench.hear(watcher);
        let ends = over == OverLimit::Disconnect;
        assert_eq!(heard.len(), if ends { 4 } else { 3 }, "{heard:?}");
        assert_eq!(bench.is_over(watcher), ends);
        assert_eq!(bench.shell.metric("deliveries_dropped_by_limit"), dropped);
    }
}

/// What a resumed session is sent again goes at once, and counts.
#[test]
fn what_is_sent_again_is_counted() {
    let mut bench = Bench::new();
    let name = bench.name(0, "w");
    let hello = Hello::resumed(V5, &name);
    let (watcher, _) = bench.connect(&hello);
    bench.subscribe(watcher, "#", QoS::AtLeastOnce);
    let publisher = join(&mut bench, V3, "p");
    for id in 1..=4 {
        bench.publish(publisher, &Post::new("t", &id.to_string(), QoS::AtLeastOnce), id);
    }
    bench.cut(watcher);
    bench.shell.policy.limit(&[limit(Meter::MessagesOut, Scope::Client, OverLimit::Pause)]);
    let (watcher, _) = bench.connect(&hello);
    assert_eq!(bench.texts(watcher), ["1", "2", "3", "4"]);
    bench.publish(publisher, &Post::new("t", "5", QoS::AtMostOnce), 0);
    pass(&mut bench, 1999);
    assert!(bench.texts(watcher).is_empty());
    pass(&mut bench, 1);
    assert_eq!(bench.texts(watcher), ["5"]);
}

#[test]
fn who_waits_is_judged_by_the_limits_of_now() {
    for meter in [Meter::MessagesIn, Meter::MessagesOut] {
        let slow = Limit { period_ms: 3_600_000, ..limit(meter, Scope::Node, OverLimit::Pause) };
        let (mut bench, watcher) = room(std::slice::from_ref(&slow));
        let publisher = join(&mut bench, V5, "p");
        say(&mut bench, publisher, 0..5);
        assert_eq!(bench.texts(watcher).len(), 3);
        pass(&mut bench, 60000);
        assert!(bench.texts(watcher).is_empty());
        bench.shell.policy.limit(&[Limit { period_ms: 100, ..slow }]);
        pass(&mut bench, 2000);
        assert_eq!(bench.texts(watcher), ["3", "4"], "{meter:?}");
        bench.shell.policy.limit(&[]);
        say(&mut bench, publisher, 0..99);
        assert_eq!(bench.texts(watcher).len(), 99);
    }
}

/// What it took is not lost to the others.
#[test]
fn who_leaves_while_it_waits_gives_back_what_it_took() {
    let (mut bench, watcher) = room(&[limit(Meter::MessagesIn, Scope::Node, OverLimit::Pause)]);
    for round in 0..50 {
        let publisher = join(&mut bench, V5, &format!("p{round}"));
        say(&mut bench, publisher, 0..9);
        bench.cut(publisher);
    }
    assert_eq!(bench.texts(watcher).len(), 3);
    let patient = join(&mut bench, V5, "patient");
    say(&mut bench, patient, 0..1);
    pass(&mut bench, 1000);
    assert_eq!(bench.texts(watcher).len(), 1);
}

/// Of a bucket that many wait for, each gets its share in the order it came.
#[test]
fn those_who_share_a_bucket_have_their_turns() {
    let (mut bench, watcher) = room(&[limit(Meter::MessagesIn, Scope::Node, OverLimit::Pause)]);
    let clients: Vec<_> =
        (0..6).map(|number| join(&mut bench, V5, &format!("c{number}"))).collect();
    for (number, client) in clients.iter().enumerate() {
        say(&mut bench, *client, number as u32..number as u32 + 1);
    }
    assert_eq!(bench.texts(watcher).len(), 3);
    for text in ["3", "4", "5"] {
        pass(&mut bench, 1000);
        assert_eq!(bench.texts(watcher), [text]);
    }
}

/// A client that is not read from cannot be blamed for silence.
#[test]
fn a_paused_client_is_not_timed_out() {
    let slow = Limit {
        period_ms: 60_000,
        ..limit(Meter::MessagesIn, Scope::Connection, OverLimit::Pause)
    };
    let (mut bench, watcher) = room(&[slow]);
    let hello = Hello { keep_alive: 10, ..Hello::clean(V5, "p") };
    let (publisher, _) = bench.connect(&hello);
    say(&mut bench, publisher, 0..4);
    pass(&mut bench, 60000);
    assert_eq!(bench.texts(watcher).len(), 4);
    assert!(!bench.is_over(publisher));
    pass(&mut bench, 16000);
    assert!(bench.is_over(publisher));
}

/// A packet that one limit lets through and another does not costs nothing of the first.
#[test]
fn what_does_not_go_takes_from_no_bucket() {
    let roomy = Limit {
        plugin: Box::default(),
        name: "roomy".into(),
        burst: 5,
        period_ms: 86_400_000,
        ..limit(Meter::MessagesIn, Scope::Node, OverLimit::Drop)
    };
    let tight = limit(Meter::MessagesIn, Scope::Client, OverLimit::Drop);
    let (mut bench, watcher) = room(&[roomy, tight]);
    let one = join(&mut bench, V5, "one");
    say(&mut bench, one, 0..99);
    let other = join(&mut bench, V5, "other");
    say(&mut bench, other, 0..99);
    assert_eq!(bench.texts(watcher).len(), 5);
}

#[test]
fn that_a_limit_was_exceeded_is_said_once_a_second() {
    let (mut bench, _) = room(&[limit(Meter::MessagesIn, Scope::Client, OverLimit::Drop)]);
    bench.shell.policy.watches.store(true, Ordering::Relaxed);
    let publisher = join(&mut bench, V5, "p");
    say(&mut bench, publisher, 0..3);
    assert!(exceeded(&mut bench).is_empty());
    say(&mut bench, publisher, 0..50);
    let said = exceeded(&mut bench);
    assert_eq!(said.len(), 1);
    assert_eq!((&*said[0].name, said[0].meter), ("l", Meter::MessagesIn));
    pass(&mut bench, 1000);
    say(&mut bench, publisher, 0..50);
    assert_eq!(exceeded(&mut bench).len(), 1);
}

#[test]
fn connects_are_counted_before_and_after_a_client_is_known() {
    let connects = |name: &str, scope, burst| Limit {
        name: name.into(),
        burst,
        ..limit(Meter::Connects, scope, OverLimit::Refuse)
    };
    let (bench, _) = room(&[
        connects("node", Scope::Node, 4),
        connects("address", Scope::Address, 2),
        connects("user", Scope::User, 1),
    ]);
    let (broker, now) = (&bench.shell.broker, Time::from_millis(0));
    let at = |last| Whom { address: Some([10, 0, 0, last].into()), ..Whom::default() };
    let over = |result: Result<(), Arc<Limit>>| result.err().map(|limit| limit.name.to_string());
    let tries: Vec<_> =
        [1, 1, 1, 2, 2, 3].map(|last| over(broker.count_connect(now, &at(last)))).into();
    let node = || Some("node".to_owned());
    // The third of one address costs the node nothing.
    assert_eq!(tries, [None, None, Some("address".to_owned()), None, None, node()]);
    let mut grant = bench.shell.grant.clone();
    assert_eq!(over(broker.count_login(now, "c", &grant)), None);
    assert_eq!(over(broker.count_login(now, "c", &grant)), Some("user".to_owned()));
    grant.user_name = Some("u".into());
    grant.limits = vec![connects("own", Scope::Client, 1)];
    assert_eq!(over(broker.count_login(now, "c", &grant)), None);
    grant.user_name = Some("v".into());
    assert_eq!(over(broker.count_login(now, "c", &grant)), Some("own".to_owned()));
    let later = Time::from_millis(1000);
    assert_eq!(over(broker.count_login(later, "c", &grant)), None);
}
