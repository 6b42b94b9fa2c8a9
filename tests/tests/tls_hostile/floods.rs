//! Much of what is allowed.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use theseus_tests::{Forger, Hello, pause, wait_until};

use crate::{Secure, start};

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

/// Between data as many new keys are allowed as anybody could want, and each must be paid with data.
#[test]
fn new_keys_and_empty_records_between_data_harm_nobody() {
    let secure = start("", "");
    secure.withstands(16 << 10, || {
        let mut client = secure.client("keys", &Hello::new());
        for _ in 0..200 {
            for _ in 0..100 {
                client.secured().update_keys();
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
