//! Connections that were right up to their handshake, and then break the rules of TLS: they end at once, as those
//! do that break the rules of MQTT.

use theseus_tests::{Connect, Forger, Hello, Raw, Secured, Version, pause, publish, wait_until};

use crate::{Secure, start};

/// Of each kind, let in or not yet.
const CROWD: usize = 10;

/// What a client sends once it could be served.
type Abuse = fn(&mut Forger) -> Vec<u8>;

const ABUSES: [(&str, [bool; 2], Abuse); 10] = [
    ("no end of empty records", [true, true], |forger| {
        (0..10_000).flat_map(|_| forger.record(Forger::DATA, &[])).collect()
    }),
    ("a record under no key", [true, true], |_| [&[23, 3, 3, 0, 64], &[0xA5; 64][..]].concat()),
    ("a record that is too long", [true, true], |_| vec![23, 3, 3, 0xFF, 0xFF, 0]),
    ("nonsense", [true, true], |_| b"GET / HTTP/1.1\r\n\r\n".repeat(1000)),
    ("hello again and again", [true, true], |forger| {
        let hello = Hello::of_tls12().bytes();
        (0..1000).flat_map(|_| forger.record(Forger::HANDSHAKE, &hello[5..])).collect()
    }),
    ("requests for new keys without them", [true, false], |forger| {
        (0..1000).flat_map(|_| forger.record(Forger::HANDSHAKE, &[24, 0, 0, 1, 1])).collect()
    }),
    ("a message of 16 MiB", [true, true], |forger| unfinished(forger, 0xFF_FFFF)),
    // The longest that may be announced does not fit with what is around it.
    ("a message of 64 KiB", [true, true], |forger| unfinished(forger, 0xFFFF)),
    ("warnings without end", [true, true], |forger| {
        (0..1000).flat_map(|_| forger.record(Forger::ALERT, &[1, 90])).collect()
    }),
    ("an alert that is none", [true, true], |forger| forger.record(Forger::ALERT, &[7; 1000])),
];

/// A message of the handshake that announces so many bytes, and some of them.
fn unfinished(forger: &mut Forger, length: u32) -> Vec<u8> {
    let mut message = length.to_be_bytes().to_vec();
    message[0] = 1;
    message.resize(80_000, 0);
    message.chunks(16_000).flat_map(|part| forger.record(Forger::HANDSHAKE, part)).collect()
}

fn version(number: usize) -> Hello {
    if number == 0 { Hello::new() } else { Hello::of_tls12() }
}

/// Who is let in, with a will.
fn client(secure: &Secure, id: &str, hello: &Hello) -> Forger {
    let connect = Connect::new(Version::V5, id).will("wills", id);
    let raw = Raw::connect_secured(secure.address(), hello, &connect).unwrap();
    Forger::new(raw.into_secured())
}

#[test]
fn who_breaks_the_rules_is_closed_and_counted_and_its_will_is_sent() {
    let secure = start("", "");
    let mut heir = secure.client("heir", &Hello::new());
    heir.subscribe("wills", 1);
    for (kind, versions, abuse) in ABUSES {
        for number in (0..2).filter(|number| versions[*number]) {
            println!("{kind}, 1.{}", 3 - number);
            let before = secure.counted("protocol_errors");
            secure.withstands(16 << 10, || {
                let mut crowd: Vec<_> = (0..CROWD)
                    .map(|of| client(&secure, &format!("{kind}-{of}"), &version(number)))
                    .collect();
                for forger in &mut crowd {
                    let bytes = abuse(forger);
                    forger.send(&bytes);
                }
                for _ in 0..CROWD {
                    assert!(heir.message().payload.starts_with(kind));
                }
                crowd.iter_mut().for_each(Forger::ends);
            });
            assert_eq!(secure.counted("protocol_errors") - before, CROWD as u64, "{kind}");
        }
    }
}

#[test]
fn who_breaks_the_rules_before_connect_is_closed() {
    let secure = start("", "");
    for (kind, versions, abuse) in ABUSES {
        for number in (0..2).filter(|number| versions[*number]) {
            println!("{kind}, 1.{}", 3 - number);
            let began = std::time::Instant::now();
            secure.withstands(16 << 10, || {
                for _ in 0..CROWD {
                    let secured = Secured::open(secure.address(), &version(number)).unwrap();
                    let mut forger = Forger::new(secured);
                    let bytes = abuse(&mut forger);
                    forger.send(&bytes);
                    forger.ends();
                }
            });
            // One after the other: none was waited for until its time was over.
            assert!(began.elapsed() < crate::TIMEOUT * CROWD as u32, "{:?}", began.elapsed());
        }
    }
}

/// By its library: each asks for an answer, none of which is read.
#[test]
fn new_keys_without_end_end_the_connection() {
    let secure = start("", "");
    secure.withstands(16 << 10, || {
        for _ in 0..CROWD {
            let mut raw = secure.client("keys", &Hello::new());
            for _ in 0..10_000 {
                raw.secured().update_keys();
            }
            // They go out with it.
            raw.try_send(&[0xC0, 0]);
            assert!(!raw.is_alive());
        }
    });
    assert_eq!(secure.counted("protocol_errors"), CROWD as u64);
}

/// RFC 8446, 6.1: what follows does not count, and nobody waits for the end of the socket.
#[test]
fn who_says_goodbye_is_gone_whatever_it_still_sends() {
    let secure = start("", "");
    let mut watcher = secure.client("watcher", &Hello::new());
    watcher.subscribe("after", 0);
    for number in 0..2 {
        secure.withstands(16 << 10, || {
            let mut open = Vec::new();
            for of in 0..CROWD {
                let raw = secure.client(&format!("leaves-{of}"), &version(number));
                let mut forger = Forger::new(raw.into_secured());
                let message = publish(Version::V5, "after", b"goodbye", (0, 0), false);
                let goodbye = forger.record(Forger::ALERT, &[1, 0]);
                let more: Vec<u8> =
                    (0..1000).flat_map(|_| forger.record(Forger::DATA, &message)).collect();
                forger.send(&goodbye);
                forger.send(&more);
                open.push(forger);
                // Before its handshake is of use to anybody, and nothing else.
                let mut early = Secured::open(secure.address(), &version(number)).unwrap();
                early.say_goodbye();
                open.push(Forger::new(early));
            }
            wait_until("nobody is waited for", || {
                secure.counted("client_disconnected") >= ((number + 1) * CROWD) as u64
            });
            pause(std::time::Duration::from_millis(100));
            open.iter_mut().for_each(Forger::ends);
        });
    }
    watcher.expect_no_message();
    assert_eq!(secure.counted("protocol_errors"), 0);
}
