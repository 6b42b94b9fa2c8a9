//! What waits where somebody does not keep up, and its bounds: a shard that does not work, a
//! client that sends and does not read, a message larger than its queue.

use std::time::Duration;

use theseus_core::{ClientLimits, Limits};
use theseus_mqtt::{QoS, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, Frames, Got, Hello, Post, V5};
use crate::shell::Shell;

/// How long a publisher pauses before it looks again at the inbox that was full.
const PAUSE: Duration = Duration::from_millis(5);

const MESSAGES: usize = 1000;

fn numbered(topic: &str, number: usize, len: usize) -> Vec<u8> {
    let payload = format!("{}{number:04}", "0".repeat(len - 4));
    Post::new(topic, &payload, QoS::AtMostOnce).bytes(V5, 0, false)
}

/// A reader on shard 1 and a publisher on shard 0 that has written all its messages of `len`
/// bytes; shard 1 does not work. Returns the bench, both, and how many messages shard 0 has read.
fn read_until_paused(limits: impl Into<Limits>, len: usize) -> (Bench, usize, usize, usize) {
    let mut bench = Bench::with(limits);
    let (reader, _) = bench.connect(&Hello::clean(V5, &bench.name(1, "reader")));
    bench.subscribe(reader, "a", QoS::AtMostOnce);
    let (publisher, _) = bench.connect(&Hello::clean(V5, &bench.name(0, "publisher")));
    for number in 0..MESSAGES {
        bench.shell.send(publisher, numbered("a", number, len));
    }
    let mut read = 0;
    while !bench.shell.arrive(publisher, usize::MAX, 1).is_empty() {
        bench.shell.post(0);
        read += 1;
    }
    (bench, reader, publisher, read)
}

/// The pause lasts as long as the shard does not work, and nothing is lost after it.
fn waits_and_goes_on(bench: &mut Bench, reader: usize, publisher: usize) {
    assert!(bench.shell.metric("inbox_full") > 0);
    for _ in 0..5 {
        assert!(!bench.shell.reads(publisher));
        bench.shell.advance(PAUSE, |_| ());
        bench.shell.collect_dirty(0);
        assert!(bench.shell.arrive(publisher, usize::MAX, 1).is_empty());
    }
    let mut texts = Vec::new();
    for _ in 0..MESSAGES {
        bench.settle();
        texts.extend(bench.texts(reader));
        bench.pass(PAUSE);
    }
    let numbers: Vec<usize> = texts.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
    assert!(bench.shell.reads(publisher));
}

#[test]
fn a_publisher_waits_for_a_shard_with_too_many_messages_to_handle() {
    let limits = Limits { inbox_len_max: 64, ..Limits::default() };
    let (mut bench, reader, publisher, read) = read_until_paused(limits, 4);
    assert!((64..=68).contains(&read), "{read} read");
    waits_and_goes_on(&mut bench, reader, publisher);
}

#[test]
fn a_publisher_waits_for_a_shard_with_too_many_bytes_to_handle() {
    let limits = Limits { inbox_bytes_max: 20_000, ..Limits::default() };
    let (mut bench, reader, publisher, read) = read_until_paused(limits, 1000);
    assert!((10..=22).contains(&read), "{read} read");
    waits_and_goes_on(&mut bench, reader, publisher);
}

/// One more receiver than a shard serves in one go.
const WIDE: usize = 4097;

#[test]
fn a_publisher_waits_for_its_own_shard_as_well() {
    let mut shell = Shell::new(1, Limits { inbox_len_max: 64, ..Limits::default() });
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    for number in 0..WIDE {
        let socket = joined(&mut shell, &format!("wide-{number}"));
        shell.send(socket, packets::subscribe(V5, 1, &[("wide", options)], 0));
        shell.arrive(socket, usize::MAX, usize::MAX);
    }
    let reader = joined(&mut shell, "reader");
    shell.send(reader, packets::subscribe(V5, 1, &[("a", options)], 0));
    shell.arrive(reader, usize::MAX, usize::MAX);
    let publisher = joined(&mut shell, "publisher");
    shell.work_off();
    // One that takes more than one slice, so that all others queue up behind it.
    let mut bytes = numbered("wide", 0, 4);
    bytes.extend((0..MESSAGES).flat_map(|number| numbered("a", number, 4)));
    shell.send(publisher, bytes);
    shell.arrive(publisher, usize::MAX, usize::MAX);
    assert_eq!(shell.metric("inbox_full"), 1);
    for _ in 0..5 {
        assert!(!shell.reads(publisher));
        shell.advance(PAUSE, |_| ());
        shell.collect_dirty(0);
    }
    let mut numbers = texts_so_far(&mut shell, reader);
    assert!((63..=66).contains(&numbers.len()), "{} handled", numbers.len());
    for _ in 0..MESSAGES {
        shell.advance(PAUSE, |_| ());
        shell.collect_dirty(0);
        numbers.extend(texts_so_far(&mut shell, reader));
    }
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
    assert!(shell.reads(publisher));
}

fn joined(shell: &mut Shell, client_id: &str) -> usize {
    let socket = shell.open(0);
    shell.send(socket, Hello::clean(V5, client_id).bytes());
    shell.arrive(socket, usize::MAX, usize::MAX);
    socket
}

/// Lets the shard work off what it has, and reads the numbers that come of it.
fn texts_so_far(shell: &mut Shell, reader: usize) -> Vec<usize> {
    shell.work_off();
    let (mut frames, mut numbers) = (Frames::default(), Vec::new());
    while shell.flush(reader, usize::MAX) > 0 {
        frames.push(&shell.take(reader, usize::MAX));
    }
    while let Some(frame) = frames.next() {
        if let Got::Publish(copy) = Got::decode(&frame, V5) {
            numbers.push(copy.text().parse().unwrap());
        }
    }
    numbers
}

#[test]
fn a_client_that_hears_itself_is_read_from_before_it_reads() {
    let limits = ClientLimits { queue_bytes_max: 2_000_000, ..ClientLimits::default() };
    let mut bench = Bench::with(limits);
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    bench.subscribe(client, "a", QoS::AtMostOnce);
    for number in 0..60 {
        bench.say(client, numbered("a", number, 150_000));
        assert!(bench.shell.reads(client), "after message {number}");
    }
    let dropped = bench.shell.metric("messages_dropped_queue_full") as usize;
    assert!(dropped > 0);
    let texts = bench.texts(client);
    let numbers: Vec<usize> = texts.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 60 - dropped);
    assert!(numbers.is_sorted());
    assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&59)));
    // What was on its way to the socket has gone out; behind it the oldest are missing.
    assert!(numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).count() == 1);
}

/// Bytes of answers that wait for a client, above which it is not read from.
const ANSWERS_MAX: usize = 128 * 1024;

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read_from() {
    const PINGREQ: [u8; 2] = [0xC0, 0];
    const ONE_READ: usize = 1000;
    let mut bench = Bench::new();
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    let mut asked = 0;
    while bench.shell.reads(client) && asked * 2 < 4 * ANSWERS_MAX {
        bench.say(client, PINGREQ.repeat(ONE_READ));
        asked += ONE_READ;
    }
    assert!(!bench.shell.reads(client));
    assert_eq!(bench.shell.metric("answers_full"), 1);
    // The socket takes a little, too.
    assert!(asked * 2 <= ANSWERS_MAX + 2 * ONE_READ + 4000, "{asked} PINGREQs were read");
    let answers = bench.hear(client);
    assert!(answers.iter().all(|got| *got == Got::PingResp));
    assert_eq!(answers.len(), asked);
    assert!(bench.shell.reads(client));
    bench.say(client, PINGREQ.to_vec());
    assert_eq!(bench.hear(client), [Got::PingResp]);
}

/// Four bytes are answered with seventy: what came in one read is not handled in one go, and all of it
/// in the end.
#[test]
fn answers_that_are_longer_than_their_questions_keep_to_the_bound() {
    const ASKED: usize = 16 * 1024;
    let mut bench = Bench::new();
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    let before = bench.shell.metric("packets_sent");
    bench.say(client, [0x62, 2, 0, 9].repeat(ASKED));
    assert!(!bench.shell.reads(client));
    let answered = bench.shell.metric("packets_sent") - before;
    // Each has 65 bytes at least.
    assert!(answered * 65 <= ANSWERS_MAX as u64 + 4000, "{answered} answers wait");
    let mut answers = 0;
    while answers < ASKED {
        let heard = bench.hear(client).len();
        assert!(heard > 0, "{answers} of {ASKED}");
        answers += heard;
    }
    assert_eq!(answers, ASKED);
    assert!(bench.shell.reads(client));
}

#[test]
fn a_message_larger_than_the_queue_reaches_who_is_there() {
    for shard in [0, 1] {
        let mut bench =
            Bench::with(ClientLimits { queue_bytes_max: 1000, ..ClientLimits::default() });
        let (reader, _) = bench.connect(&Hello::clean(V5, &bench.name(shard, "reader")));
        bench.subscribe(reader, "a", QoS::AtLeastOnce);
        let (publisher, _) = bench.connect(&Hello::clean(V5, &bench.name(0, "publisher")));
        let text = "x".repeat(5000);
        bench.publish(publisher, &Post::new("a", &text, QoS::AtLeastOnce), 1);
        assert_eq!(bench.texts(reader), [text]);
        assert_eq!(bench.shell.metric("messages_dropped_queue_full"), 0);
    }
}

/// The answers to dear packets meet the same bound, however long it takes to get there.
#[test]
fn a_client_that_does_not_read_its_subacks_is_not_read_from() {
    const ONE_READ: usize = 1000;
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    let packet = packets::subscribe(V5, 1, &[("same/+", options)], 0);
    let mut bench = Bench::new();
    let (client, _) = bench.connect(&Hello::clean(V5, "client"));
    bench.set_deaf(client, true);
    let mut asked = 0;
    while bench.shell.reads(client) && asked < ANSWERS_MAX {
        bench.say(client, packet.repeat(ONE_READ));
        asked += ONE_READ;
    }
    assert!(!bench.shell.reads(client), "{asked} SUBSCRIBEs were read");
    assert_eq!(bench.shell.metric("answers_full"), 1);
}
