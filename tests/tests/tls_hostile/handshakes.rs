//! Handshakes that come to nothing: nonsense, silence, haste without end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use theseus_tests::{Connect, Hello, Raw, Version, pause, wait_until};

use crate::{CLOSED_WITHIN, TIMEOUT, start};

/// Of each kind, at the same time.
const CROWD: usize = 20;

/// Records of these types and contents, none longer than allowed.
fn records(kind: u8, content: &[u8], step: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3], &length[..], part].concat()
    };
    content.chunks(step).flat_map(record).collect()
}

/// A message of a handshake that announces so many bytes, and as many.
fn announcing(length: u32) -> Vec<u8> {
    let mut message = length.to_be_bytes().to_vec();
    message[0] = 1;
    message.resize(4 + length as usize, 0);
    message
}

/// What is said first, by what it is.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let hello = Hello::new().bytes();
    let alert = |level, what, times: usize| records(21, &[level, what].repeat(times), 2);
    let longest = [&[22, 3, 1, 0xFF, 0xFF], &[0; 0xFFFF][..]].concat();
    vec![
        ("MQTT", Connect::new(Version::V5, "plain").bytes()),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec()),
        ("zeros", vec![0; 100_000]),
        ("SSL 2", [&[0x80, 46, 1, 0, 2, 0, 21, 0, 0, 0, 16], &[0; 37][..]].concat()),
        ("a record of nothing", vec![22, 3, 1, 0, 0]),
        ("a record that is too long", longest),
        ("a record of no known type", vec![99, 3, 3, 0, 1, 0]),
        ("data", records(23, &[0; 1000], 100)),
        ("a message of 16 MiB", records(22, &announcing(0xFF_FFFF), 16_384)),
        ("a message of 64 KiB", records(22, &announcing(0xFFFF), 16_384)),
        ("the same in crumbs", records(22, &announcing(0xFFFF), 1)),
        ("a thousand warnings", alert(1, 90, 1000)),
        ("goodbye, and a hello", [alert(1, 0, 1), hello.clone()].concat()),
        ("a hello, and goodbye", [hello.clone(), alert(1, 0, 1)].concat()),
        ("two hellos", hello.repeat(2)),
        ("a thousand hellos", hello.repeat(1000)),
        ("a hello, and nonsense", [hello, vec![0xA5; 100_000]].concat()),
    ]
}

/// Reads to the end, which must come; what was said.
fn ends(mut socket: TcpStream) -> Vec<u8> {
    let (began, mut said) = (Instant::now(), Vec::new());
    // Closed, or reset: what it sent was not read to the end.
    let _ = socket.read_to_end(&mut said);
    assert!(began.elapsed() < CLOSED_WITHIN, "{:?}", began.elapsed());
    said
}

#[test]
fn nonsense_ends_at_once_and_is_counted() {
    let secure = start("", "");
    for (kind, bytes) in nonsense() {
        println!("{kind}");
        let before = secure.counted("tls_handshakes_failed");
        secure.withstands(16 << 10, || {
            let mut sockets: Vec<_> = (0..CROWD).map(|_| secure.open()).collect();
            for socket in &mut sockets {
                // The broker may not want to hear it to the end.
                let _ = socket.write_all(&bytes);
            }
            sockets.into_iter().for_each(|socket| drop(ends(socket)));
        });
        assert_eq!(secure.counted("tls_handshakes_failed") - before, CROWD as u64, "{kind}");
    }
}

/// One byte of a right hello is another: most are nonsense, and all are closed.
#[test]
fn a_hello_with_an_error_at_any_place_ends_in_time() {
    let secure = start("", "");
    let hello = Hello::of_tls12().bytes();
    let (began, places) = (Instant::now(), 0..hello.len());
    secure.withstands(16 << 10, || {
        let damaged = |place| {
            let mut hello: Vec<u8> = hello.clone();
            hello[place] ^= 0x55;
            let mut socket = secure.open();
            socket.write_all(&hello).unwrap();
            socket
        };
        let sockets: Vec<_> = places.clone().map(damaged).collect();
        sockets.into_iter().for_each(|socket| drop(ends(socket)));
    });
    assert_eq!(secure.counted("tls_handshakes_failed"), places.len() as u64);
    assert!(began.elapsed() >= TIMEOUT, "some of them were right, and waited for: {began:?}");
}

#[test]
fn who_is_silent_or_slow_is_closed_in_time() {
    let secure = start("", "");
    let hello = Hello::new().bytes();
    secure.withstands(16 << 10, || {
        let began = Instant::now();
        let silent: Vec<_> = (0..50).map(|_| secure.open()).collect();
        let half = (0..50).map(|_| {
            let mut socket = secure.open();
            socket.write_all(&hello[..hello.len() / 2]).unwrap();
            socket
        });
        let half: Vec<_> = half.collect();
        // Who has got its answer and does not go on.
        let mut answered = secure.open();
        answered.write_all(&hello).unwrap();
        let mut slow: Vec<_> = (0..50).map(|_| secure.open()).collect();
        // Each byte comes long before the time is over, and the last would come long after it.
        for byte in &hello {
            slow.retain_mut(|socket| socket.write_all(&[*byte]).is_ok());
            if slow.is_empty() {
                break;
            }
            pause(Duration::from_millis(20));
        }
        assert!(began.elapsed() < CLOSED_WITHIN, "{} are waited for", slow.len());
        assert!(began.elapsed() >= TIMEOUT, "closed early: {:?}", began.elapsed());
        for socket in silent.into_iter().chain(half) {
            assert!(ends(socket).is_empty());
        }
        assert_eq!(ends(answered).first(), Some(&22));
    });
    assert_eq!(secure.counted("tls_handshakes_failed"), 151);
}

/// How the bytes come is the network's affair.
#[test]
fn a_hello_that_comes_byte_by_byte_is_as_good_as_any() {
    let secure = start("", "");
    let mut socket = secure.open();
    socket.set_nodelay(true).unwrap();
    for byte in Hello::new().bytes() {
        socket.write_all(&[byte]).unwrap();
    }
    let mut first = [0];
    socket.read_exact(&mut first).unwrap();
    assert_eq!(first, [22], "the broker's hello");
}

#[test]
fn handshakes_that_are_too_many_are_closed_at_once_and_who_is_inside_stays() {
    let secure = start("", "max_handshakes = 3");
    let mut inside = secure.client("inside", &Hello::new());
    let silent: Vec<_> = (0..30).map(|_| secure.open()).collect();
    wait_until("more than three are too many", || secure.counted("tls_handshakes_busy") > 0);
    inside.ping();
    drop(silent);
    wait_until("there is room again", || {
        let connect = Connect::new(Version::V5, "again");
        Raw::connect_secured(secure.address(), &Hello::new(), &connect).is_ok()
    });
    let names = ["tls_handshakes_failed", "tls_handshakes_busy"];
    let [failed, busy] = names.map(|name| secure.counted(name));
    assert!(failed >= 3 && failed + busy >= 30, "{failed}, {busy}");
    inside.ping();
}
