//! A live connection moves to another shard in the middle of everything.

use theseus_core::ShardId;
use theseus_mqtt::{QoS, ReasonCode};

use crate::bench::Bench;
use crate::packets::{AckType, Got, Hello, Post, V3, V5, WillSpec};
use crate::shell::Server;

#[test]
fn half_read_and_half_written_packets_move_along() {
    for version in [V3, V5] {
        let mut bench = Bench::new();
        let name = bench.name(0, "moves");
        let (socket, _) = bench.connect(&Hello::resumed(version, &name));
        bench.subscribe(socket, "a", QoS::ExactlyOnce);
        bench.set_deaf(socket, true);
        let posts: Vec<_> =
            [10, 9000].map(|len| Post::new("a", &"x".repeat(len), QoS::AtLeastOnce)).into();
        for (at, post) in posts.iter().enumerate() {
            bench.publish(socket, post, at as u16 + 1);
        }
        let ping = Post::new("a", "last", QoS::AtMostOnce).bytes(version, 0, false);
        bench.shell.send(socket, ping);
        for step in 0..40 {
            bench.shell.arrive(socket, 1, 1);
            bench.shell.collect_dirty(step % 3);
            bench.shell.flush(socket, 7);
            assert!(bench.shell.migrate(socket, (step + 1) % 3));
            bench.shell.collect_dirty((step + 1) % 3);
        }
        bench.set_deaf(socket, false);
        let heard = bench.hear(socket);
        let texts: Vec<_> = heard
            .iter()
            .filter_map(|got| match got {
                Got::Publish(copy) => Some(copy.payload.len()),
                _ => None,
            })
            .collect();
        assert_eq!(texts, [10, 9000, 4], "{heard:?}");
    }
}

#[test]
fn everything_of_a_session_survives_a_move() {
    let mut bench = Bench::new();
    let name = bench.name(0, "moves");
    let will = WillSpec { delay: 5, ..WillSpec::new("gone", "will", QoS::AtMostOnce) };
    let hello = Hello { keep_alive: 10, receive_maximum: Some(1), ..Hello::resumed(V5, &name) };
    let (socket, _) = bench.connect(&hello.clone().with_will(will));
    bench.subscribe(socket, "a", QoS::ExactlyOnce);
    let (watcher, _) = bench.connect(&Hello::clean(V3, "watcher"));
    bench.subscribe(watcher, "gone", QoS::AtMostOnce);
    bench.publish(socket, &Post::new("b", "x", QoS::ExactlyOnce), 7);
    for id in 1..=3 {
        bench.publish(watcher, &Post::new("a", &id.to_string(), QoS::ExactlyOnce), id);
    }
    bench.seconds(14);
    assert!(bench.shell.migrate(socket, 2));
    bench.settle();
    assert_eq!(bench.shell.broker.home(&name), 2);
    // The receiver's window, the publisher's packet id, the order.
    let heard = bench.hear(socket);
    assert!(matches!(&heard[1], Got::Publish(copy) if copy.text() == "1"), "{heard:?}");
    bench.shell.send(socket, Post::new("b", "x", QoS::ExactlyOnce).bytes(V5, 7, true));
    bench.ack(socket, AckType::Rec, 1);
    bench.ack(socket, AckType::Comp, 1);
    let heard = bench.hear(socket);
    assert!(matches!(heard.last(), Some(Got::Publish(copy)) if copy.text() == "2"), "{heard:?}");
    // The keep-alive, then the will's delay.
    bench.seconds(15);
    assert_eq!(bench.hear(socket), [Got::Disconnect(ReasonCode::KeepAliveTimeout)]);
    bench.hear(watcher);
    bench.seconds(5);
    assert_eq!(bench.texts(watcher), ["will"]);
    let (_, present) = bench.connect(&hello);
    assert!(present, "the client id is found on its new shard");
}

/// It came on one shard and goes on another.
#[test]
fn a_connection_that_was_moved_is_counted_out() {
    let mut bench = Bench::new();
    let name = bench.name(0, "moves");
    let (socket, _) = bench.connect(&Hello::clean(V3, &name));
    assert!(bench.shell.migrate(socket, 2));
    assert_eq!(bench.shell.broker.connections(), 1);
    bench.cut(socket);
    assert_eq!(bench.shell.broker.connections(), 0);
}

#[test]
fn bytes_that_are_no_snapshot_are_refused() {
    let mut bench = Bench::new();
    let (socket, _) = bench.connect(&Hello::clean(V3, "moves"));
    let Server::Open(shard, key) = bench.shell.sockets[socket].server else { panic!() };
    let (now, to) = (bench.shell.now, ((shard + 1) % 3) as ShardId);
    let frozen = bench.shell.shards[shard].freeze(now, key, to).expect("it is open");
    let target = &mut bench.shell.shards[usize::from(to)];
    for len in 0..frozen.len() {
        assert!(target.thaw(now, &frozen[..len]).is_err(), "{len} bytes of {}", frozen.len());
    }
    assert!(target.thaw(now, &[99, 0, 0]).is_err(), "another version");
    assert_eq!(bench.shell.broker.sessions(), 0);
    let target = &mut bench.shell.shards[usize::from(to)];
    assert!(target.thaw(now, &frozen).is_ok());
    assert!(target.thaw(now, &frozen).is_err(), "twice");
    assert_eq!(bench.shell.broker.sessions(), 1);
}
