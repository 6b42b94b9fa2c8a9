//! Much of what is allowed.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use theseus_tests::{Connect, Forger, Hello, PATIENCE, Raw, Version, pause, wait_until};

use crate::{Secure, start, start_with};

/// Sockets that have said hello, and say nothing else.
fn hellos(secure: &Secure, hello: &[u8], count: usize) -> Vec<std::net::TcpStream> {
    let greet = |_| {
        let mut socket = secure.open();
        // It may be one too many.
        let _ = socket.write_all(hello);
        socket
    };
    (0..count).map(greet).collect()
}

#[test]
fn thousands_who_say_hello_and_nothing_else_cost_what_is_allowed_to_be_under_way() {
    let secure = start("", "max_handshakes = 200");
    let hello = Hello::new().bytes();
    secure.withstands(32 << 10, || {
        for _ in 0..6 {
            drop(hellos(&secure, &hello, 500));
        }
        wait_until("each of them is counted", || {
            let [failed, busy] =
                ["tls_handshakes_failed", "tls_handshakes_busy"].map(|name| secure.counted(name));
            failed + busy == 3000
        });
    });
}

/// 200 handshakes at a time, each begun anew as soon as it was answered.
#[test]
fn a_flood_of_handshakes_keeps_nobody_who_is_inside_from_being_served() {
    let secure = start("", "");
    let hello = Hello::new().bytes();
    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    secure.withstands(32 << 10, || {
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        for mut socket in hellos(&secure, &hello, 20) {
                            socket.read_exact(&mut [0]).unwrap();
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            pause(Duration::from_secs(5));
            stop.store(true, Ordering::Relaxed);
        });
    });
    let answered = answered.load(Ordering::Relaxed);
    assert!(answered >= 200, "{answered}");
    assert_eq!(secure.counted("tls_handshakes_failed"), answered);
}

/// Between two pieces of data 32 new keys are allowed, and cost a client next to nothing.
#[test]
fn new_keys_and_empty_records_between_data_harm_nobody() {
    let secure = start("", "");
    secure.withstands(16 << 10, || {
        let mut client = secure.client("keys", &Hello::new());
        for round in 0..200 {
            let keys = if round % 2 == 0 { 1 } else { 31 };
            for _ in 0..100 {
                (0..keys).for_each(|_| client.secured().update_keys());
                client.send(&[0xC0, 0]);
            }
            for _ in 0..100 {
                assert_eq!(client.packet().first, 0xD0);
            }
        }
        client.disconnect();
        for hello in [Hello::new(), Hello::of_tls12()] {
            let mut forger = Forger::new(secure.client("empty", &hello).into_secured());
            for _ in 0..1000 {
                let mut records: Vec<u8> =
                    (0..30).flat_map(|_| forger.record(Forger::DATA, &[])).collect();
                records.extend(forger.record(Forger::DATA, &[0xC0, 0]));
                assert!(forger.send(&records), "it is allowed");
            }
            // DISCONNECT.
            let last = forger.record(Forger::DATA, &[0xE0, 0]);
            assert!(forger.send(&last));
            assert!(forger.read_to_end() >= 2 * 1000, "an answer to each");
        }
    });
    assert_eq!(secure.counted("protocol_errors"), 0);
}

/// Half of the places may be held as long as is allowed at all; the others come free where somebody wants them,
/// whether they are held by silence or by a byte now and then.
#[test]
fn places_that_are_held_and_not_used_come_free_long_before_their_time() {
    let hello = Hello::new().bytes();
    for drips in [false, true] {
        let secure = start_with("", "max_handshakes = 20\nhandshake_timeout = \"10m\"");
        let mut crowd = hellos(&secure, &hello[..1], 10);
        pause(Duration::from_secs(3));
        assert_eq!(secure.counted("tls_handshakes_failed"), 0, "there is room for others");
        crowd.extend(hellos(&secure, &hello[..1], 30));
        wait_until("all places are taken", || secure.counted("tls_handshakes_busy") > 0);
        let began = Instant::now();
        let enters = || {
            let connect = Connect::new(Version::V5, "wants in");
            Raw::connect_secured(secure.address(), &Hello::new(), &connect).is_ok()
        };
        // All but the last byte.
        let mut bytes = hello[1..hello.len() - 1].iter().filter(|_| drips);
        while !enters() {
            assert!(began.elapsed() < PATIENCE, "they hold their places");
            if let Some(byte) = bytes.next() {
                // Some have lost their places.
                crowd.iter_mut().for_each(|socket| drop(socket.write_all(&[*byte])));
            }
            pause(Duration::from_millis(100));
        }
        println!("let in after {:?}", began.elapsed());
    }
}
