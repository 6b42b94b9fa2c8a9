//! Clients that send and never read: what they are owed is bounded, and so is what is read from them.

use crate::{Attacked, drain, stuff};
use theseus_tests::{Raw, Version, ack, frame, publish, subscribe};

/// Answers that wait for one client; `ANSWERS_MAX` of the core.
const ANSWERS: u64 = 128;

/// What one read brings, KiB: more than one packet of it is not handled once the answers are many.
const READ: u64 = 64;

/// Few, so that the witness is not the one of many that are all served alike.
const CLIENTS: u64 = 8;

/// Sends `packets` over and over from all clients at once; whether all met the bound on answers is
/// returned. Who sends dear packets is read too slowly for that.
fn flood(name: &str, clients: u64, version: Version, packets: &[u8]) -> bool {
    let attacked = Attacked::new("");
    let crowd: Vec<Raw> = (0..clients)
        .map(|number| match version {
            Version::V5 => attacked.client(&format!("{name}{number}")),
            _ => attacked.client_v311(&format!("{name}{number}")),
        })
        .collect();
    std::thread::scope(|scope| {
        for raw in &crowd {
            let stream = raw.stream();
            // So much that the sockets of both sides do not hold its answers, however short they are.
            scope.spawn(move || stuff(&stream, packets, 32 << 20));
        }
    });
    // Twice, since a buffer grows by doubling.
    attacked.grew_at_most(clients * 2 * (ANSWERS + READ));
    let counted = attacked.was_served().counted(&["answers_full"]);
    println!("{counted:?} clients had full answers");
    counted[0] >= clients
}

#[test]
fn pings_whose_answers_nobody_reads() {
    assert!(flood("ping", CLIENTS, Version::V311, &[0xC0, 0].repeat(32 << 10)));
}

/// Each of four bytes is answered with seventy: the reason why. So many clients that handling all of a
/// read at once, a megabyte of answers for each, would not fit the bound.
#[test]
fn pubrels_of_unknown_ids_whose_answers_nobody_reads() {
    assert!(flood("pubrel", 60, Version::V5, &ack(0x62, 9).repeat(16 << 10)));
}

#[test]
fn subscribes_with_one_id_whose_answers_nobody_reads() {
    flood(
        "subscribe",
        CLIENTS,
        Version::V311,
        &subscribe(Version::V311, 1, "same/+", 2).repeat(4 << 10),
    );
}

#[test]
fn unsubscribes_whose_answers_nobody_reads() {
    let unsubscribe = frame(0xA2, b"\0\x01\0\0\x05never");
    assert!(flood("unsubscribe", CLIENTS, Version::V5, &unsubscribe.repeat(4 << 10)));
}

/// One id for ever: the message is delivered once, and nothing piles up [MQTT-4.3.3-10].
#[test]
fn a_qos_2_message_sent_for_ever_is_one_message() {
    let attacked = Attacked::new("");
    let mut hearer = attacked.client("hearer");
    hearer.subscribe("once", 0);
    let mut sender = attacked.client_v311("sender");
    drain(&sender);
    let packet = publish(Version::V311, "once", &[b'x'; 900], (2, 7), false);
    let taken = stuff(&sender.stream(), &packet, packet.len() * 50_000);
    assert_eq!(taken, packet.len() * 50_000);
    // Released and sent again, over and over: one message each time.
    sender.send(&[ack(0x62, 7), packet].concat().repeat(50));
    for _ in 0..51 {
        assert_eq!(hearer.message().payload.len(), 900);
    }
    hearer.expect_no_message();
    attacked.grew_at_most(ANSWERS + READ);
    attacked.was_served();
}
