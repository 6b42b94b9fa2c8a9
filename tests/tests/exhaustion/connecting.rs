//! Before CONNACK, and in the first bytes behind it.

use crate::Attacked;
use std::time::{Duration, Instant};
use theseus_tests::{Connect, Raw, Received, Version, mosquitto_lacks, pause, wait_until};

/// 2,000 sockets send one byte of their CONNECT now and then: each is closed when its time is over.
#[test]
fn slow_connects_cost_a_buffer_each_and_are_closed() {
    if mosquitto_lacks("a time-out before CONNECT of three seconds") {
        return;
    }
    let attacked = Attacked::new("idle_timeout = \"3s\"\n");
    let connect = Connect::new(Version::V5, &"slow".repeat(50)).bytes();
    let mut slow: Vec<Raw> = (0..2000).map(|_| Raw::open(&attacked.broker)).collect();
    let start = Instant::now();
    for byte in connect.iter().take(10) {
        for raw in &mut slow {
            raw.try_send(&[*byte]);
        }
        pause(Duration::from_millis(100));
    }
    // The room for a first packet and a read, a task, a socket: 2 KiB each.
    attacked.grew_at_most(2000 * 2);
    for raw in &mut slow {
        assert_eq!(raw.packets_until_closed(), []);
    }
    let after = start.elapsed();
    assert!(after < Duration::from_secs(9), "closed after {after:?}");
    assert_eq!(attacked.was_served().counted(&["connect_timeouts"]), [2000]);
}

/// Clients that are gone without a word (their keep-alive passes), that have shut their side, and that
/// do not close when they are told to: of none is a socket left.
#[test]
fn half_open_sockets_are_closed() {
    if mosquitto_lacks("a look at keep-alives each second") {
        return;
    }
    let attacked = Attacked::new("");
    let files = attacked.broker.process().open_files();
    let client =
        |id: String| Raw::connect(&attacked.broker, &Connect::new(Version::V5, &id).keep_alive(1));
    let silent: Vec<Raw> = (0..300).map(|n| client(format!("silent{n}"))).collect();
    let shut: Vec<Raw> = (0..300).map(|n| client(format!("shut{n}"))).collect();
    let mut told: Vec<Raw> = (0..300).map(|n| client(format!("told{n}"))).collect();
    for raw in &shut {
        raw.stream().shutdown(std::net::Shutdown::Write).unwrap();
    }
    for raw in &mut told {
        raw.send(&[0x00, 0x00]);
    }
    let start = Instant::now();
    // 1.5 s of keep-alive, and 2 s to take the last bytes.
    wait_until("all sockets are closed", || attacked.broker.process().open_files() <= files);
    let after = start.elapsed();
    assert!(after < Duration::from_millis(3 * 3500), "closed after {after:?}");
    drop((silent, shut, told));
    attacked.grew_at_most(900 * 8);
    let counted = attacked.was_served().counted(&["keep_alive_timeouts", "protocol_errors"]);
    assert_eq!(counted, [300, 300]);
}

/// 1,000 strangers and 1,000 clients announce the largest packet they may send, and send one byte of
/// it: memory is for what has come.
#[test]
fn announced_packets_reserve_nothing() {
    let mut attacked =
        Attacked::new("max_packet_size = \"16MB\"\nmax_connect_packet_size = \"1MB\"\n");
    let mut clients: Vec<Raw> =
        (0..1000).map(|number| attacked.client(&format!("giant{number}"))).collect();
    let mut strangers: Vec<Raw> = (0..1000).map(|_| Raw::open(&attacked.broker)).collect();
    pause(Duration::from_millis(300));
    attacked.mark();
    for (client, stranger) in clients.iter_mut().zip(&mut strangers) {
        client.send(&[0x30, 0xF0, 0xFF, 0xFF, 0x07, 0]);
        stranger.send(&[0x10, 0xF0, 0xFF, 0x3F, 0]);
    }
    pause(Duration::from_millis(300));
    // And once more, so that each has been waited for.
    for (client, stranger) in clients.iter_mut().zip(&mut strangers) {
        client.send(&[1]);
        stranger.send(&[4]);
    }
    pause(Duration::from_millis(300));
    attacked.grew_at_most(2000);
    for raw in clients.iter_mut().chain(&mut strangers).step_by(100) {
        assert_eq!(raw.receive(Duration::from_millis(1)), Received::Silence);
    }
    attacked.was_served();
}

/// Ever new client ids with sessions that stay: as many as there may be, and no more.
#[test]
fn sessions_of_random_clients_end_at_their_bound() {
    if mosquitto_lacks("a bound on sessions") {
        return;
    }
    const SESSIONS: u64 = 2000;
    let attacked = Attacked::new(&format!("max_sessions = {SESSIONS}\n"));
    let (mut kept, mut refused) = (0, 0);
    for number in 0..SESSIONS * 2 {
        let id = format!("{number}-{}", "random".repeat(20));
        let connect = Connect::new(Version::V5, &id).persistent().will("will", &"x".repeat(512));
        match Raw::try_connect_at(attacked.broker.address(), &connect) {
            Ok(raw) => {
                raw.cut();
                kept += 1;
            }
            Err(code) => {
                assert_eq!(code, 0x97, "Quota exceeded");
                refused += 1;
            }
        }
    }
    // The witness has two of them.
    assert_eq!((kept, refused), (SESSIONS - 2, SESSIONS + 2));
    // Id, will and the session itself: 4 KiB.
    attacked.grew_at_most(SESSIONS * 4);
    attacked.was_served();
}
