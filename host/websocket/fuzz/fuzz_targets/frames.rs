//! Any bytes as frames of a client: nothing panics, every byte is taken, and they mean the same in
//! pieces as in one. Run with `cargo +nightly fuzz run frames corpus/frames seeds/frames`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use theseus_websocket::{CONTROL_MAX, Decoder, Encoder, Event, Violation};

const SIZE_MAX: usize = 1 << 16;

#[derive(Debug, Default, PartialEq)]
struct Seen {
    data: Vec<u8>,
    pings: Vec<Vec<u8>>,
    closed: bool,
    violation: Option<Violation>,
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = decode([bytes], false);
    let step = usize::from(*cut % 32) + 1;
    assert_eq!(decode(bytes.chunks(step), false), whole);
    assert_eq!(decode(bytes.chunks(step), true), whole);
    assert!(whole.data.len() <= bytes.len());
    if let Some(violation) = whole.violation {
        assert!(violation.close_code().number() >= 1002 && !violation.to_string().is_empty());
    }
    encode(&whole, step);
});

/// With `elsewhere`, data is read to another place where that is possible.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, elsewhere: bool) -> Seen {
    let (mut decoder, mut seen) = (Decoder::new(SIZE_MAX), Seen::default());
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut at = 0;
        if elsewhere {
            at = decoder.data_ahead().min(piece.len());
            decoder.read_elsewhere(&mut piece[..at]);
            seen.data.extend_from_slice(&piece[..at]);
        }
        loop {
            match decoder.next(&mut piece, &mut at) {
                Ok(None) => break,
                Ok(Some(Event::Data(range))) => {
                    assert!(!range.is_empty() && range.end == at);
                    seen.data.extend_from_slice(&piece[range]);
                }
                Ok(Some(Event::Ping(payload))) => {
                    assert!(payload.len() <= CONTROL_MAX);
                    seen.pings.push(payload);
                }
                Ok(Some(Event::Close)) => seen.closed = true,
                Err(violation) => seen.violation = Some(violation),
            }
        }
        assert_eq!(at, piece.len());
    }
    seen
}

/// What was read goes out again through a socket that takes `step` bytes at a time.
fn encode(seen: &Seen, step: usize) {
    let mut encoder = Encoder::default();
    let (mut rest, mut sent) = (&*seen.data, 0);
    if let Some(payload) = seen.pings.last() {
        encoder.pong(payload.clone());
    }
    loop {
        encoder.prepare(rest.len());
        let all = encoder.lead().len() + encoder.payload_len();
        assert!(encoder.payload_len() <= rest.len());
        if all == 0 {
            break;
        }
        sent += step.min(all);
        rest = &rest[encoder.advance(step.min(all))..];
    }
    assert!(rest.is_empty() && !encoder.has_more() && sent >= seen.data.len());
}
