//! Frames as a client sends them, cut anywhere, and as the server writes them.

use proptest::prelude::*;
use theseus_websocket::{CloseCode, Decoder, Encoder, Event, Violation};

const SIZE_MAX: usize = 1 << 20;
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

const BINARY: u8 = 0x82;
const BINARY_BEGINS: u8 = 0x02;
const CONTINUES: u8 = 0x00;
const ENDS: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// A masked frame, written by other code than the crate's.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len @ 126..=0xFFFF => {
            bytes.extend([0x80 | 126, (len >> 8) as u8, len as u8]);
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(KEY);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ KEY[at % 4]));
    bytes
}

/// What a decoder makes of bytes that come in these pieces: the data in one, and the rest.
fn decode<'a>(
    decoder: &mut Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<u8>, Vec<Event>), Violation> {
    let (mut data, mut others) = (Vec::new(), Vec::new());
    for piece in pieces {
        let (mut piece, mut at) = (piece.to_vec(), 0);
        while let Some(event) = decoder.next(&mut piece, &mut at)? {
            match event {
                Event::Data(range) => data.extend_from_slice(&piece[range]),
                other => others.push(other),
            }
        }
        assert_eq!(at, piece.len(), "something was left");
    }
    Ok((data, others))
}

fn decode_once(bytes: &[u8]) -> Result<(Vec<u8>, Vec<Event>), Violation> {
    decode(&mut Decoder::new(SIZE_MAX), [bytes])
}

#[track_caller]
fn refused(bytes: &[u8], violation: Violation, code: u16) {
    assert_eq!(decode_once(bytes), Err(violation));
    assert_eq!(violation.close_code().number(), code);
    // Byte by byte too, and as early as it can be seen.
    assert_eq!(decode(&mut Decoder::new(SIZE_MAX), bytes.chunks(1)), Err(violation));
}

#[test]
fn lengths_of_every_form_are_read() {
    for len in [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, SIZE_MAX] {
        let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let (data, others) = decode_once(&frame(BINARY, &payload)).unwrap();
        assert!(data == payload && others.is_empty(), "{len} bytes");
    }
}

#[test]
fn text_is_refused() {
    refused(&frame(0x81, b"hello"), Violation::Text, 1003);
}

#[test]
fn an_unmasked_frame_is_refused() {
    refused(&[BINARY, 2, 0xC0, 0x00], Violation::Unmasked, 1002);
}

#[test]
fn reserved_bits_and_opcodes_are_refused() {
    for first in [0xC2, 0xA2, 0x92, 0x83, 0x87, 0x8B, 0x8F] {
        refused(&frame(first, b""), Violation::Reserved, 1002);
    }
}

#[test]
fn a_frame_above_the_bound_is_refused_before_its_payload_comes() {
    let mut bytes = vec![BINARY, 0x80 | 127];
    bytes.extend((SIZE_MAX as u64 + 1).to_be_bytes());
    bytes.extend(KEY);
    refused(&bytes, Violation::TooLarge, 1009);
    bytes[2] = 0xFF;
    refused(&bytes, Violation::TooLarge, 1009);
}

#[test]
fn a_length_in_more_bytes_than_needed_is_refused() {
    refused(&[&[BINARY, 0x80 | 126, 0, 125], &KEY[..]].concat(), Violation::WastefulLength, 1002);
    let long = [&[BINARY, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], &KEY[..]].concat();
    refused(&long, Violation::WastefulLength, 1002);
}

#[test]
fn control_frames_are_short_and_whole() {
    refused(&frame(PING & 0x7F, b""), Violation::BadControl, 1002);
    refused(&frame(PONG, &[0; 126]), Violation::BadControl, 1002);
    let (data, others) = decode_once(&frame(PING, &[7; 125])).unwrap();
    assert_eq!((data, others), (vec![], vec![Event::Ping(vec![7; 125])]));
}

#[test]
fn fragments_are_joined_and_may_have_control_frames_between_them() {
    let bytes = [
        frame(BINARY_BEGINS, b"a"),
        frame(PING, b"?"),
        frame(CONTINUES, b""),
        frame(PONG, b"!"),
        frame(CONTINUES, b"b"),
        frame(ENDS, b"c"),
        frame(BINARY, b"d"),
    ];
    let found = decode_once(&bytes.concat()).unwrap();
    assert_eq!(found, (b"abcd".to_vec(), vec![Event::Ping(b"?".to_vec())]));
}

#[test]
fn fragments_out_of_place_are_refused() {
    refused(&frame(ENDS, b"a"), Violation::BadFragment, 1002);
    refused(&frame(CONTINUES, b"a"), Violation::BadFragment, 1002);
    let twice = [frame(BINARY_BEGINS, b"a"), frame(BINARY, b"b")].concat();
    refused(&twice, Violation::BadFragment, 1002);
    let after_the_end =
        [frame(BINARY_BEGINS, b""), frame(ENDS, b""), frame(CONTINUES, b"")].concat();
    refused(&after_the_end, Violation::BadFragment, 1002);
}

#[test]
fn nothing_is_read_behind_close_or_a_violation() {
    for first in [frame(CLOSE, &[0x03, 0xE8]), frame(0x81, b"text")] {
        let mut decoder = Decoder::new(SIZE_MAX);
        let mut bytes = [first, frame(BINARY, b"more")].concat();
        let mut at = 0;
        assert!(matches!(decoder.next(&mut bytes, &mut at), Ok(Some(Event::Close)) | Err(_)));
        assert_eq!(decoder.next(&mut bytes, &mut at), Ok(None));
        assert_eq!(at, bytes.len());
        assert_eq!(decoder.data_ahead(), 0);
    }
}

#[test]
fn codes_and_reasons_of_close_are_checked() {
    let close = |payload: &[u8]| decode_once(&frame(CLOSE, payload)).map(|(_, events)| events);
    for right in [&b""[..], &[0x03, 0xE8], b"\x03\xE9going away", &[0x0B, 0xB8], &[0x13, 0x87]] {
        assert_eq!(close(right), Ok(vec![Event::Close]), "{right:x?}");
    }
    for wrong in [&[3][..], &[0, 0], &[0x03, 0xED], &[0x03, 0xEE], &[0x03, 0xF8], &[0x13, 0x88]] {
        assert_eq!(close(wrong), Err(Violation::BadClose), "{wrong:x?}");
    }
    assert_eq!(close(b"\x03\xE8\xFF"), Err(Violation::NotUtf8));
    assert_eq!(Violation::NotUtf8.close_code().number(), 1007);
}

#[test]
fn data_may_be_read_to_another_place() {
    let payload: Vec<u8> = (0..200).collect();
    let bytes = frame(BINARY, &payload);
    let mut decoder = Decoder::new(SIZE_MAX);
    assert_eq!(decoder.data_ahead(), 0);
    let (mut found, _) = decode(&mut decoder, [&bytes[..11]]).unwrap();
    assert_eq!(decoder.data_ahead(), 197);
    for piece in bytes[11..].chunks(50) {
        let mut elsewhere = piece.to_vec();
        decoder.read_elsewhere(&mut elsewhere);
        found.extend(elsewhere);
    }
    assert_eq!(found, payload);
    assert_eq!(decoder.data_ahead(), 0);
    assert_eq!(decode(&mut decoder, [&*frame(BINARY, b"next")]).unwrap().0, b"next");
}

/// What the encoder sends for a payload that a socket takes `step` bytes at a time.
fn encode(encoder: &mut Encoder, payload: &[u8], step: usize) -> Vec<u8> {
    let (mut sent, mut rest) = (Vec::new(), payload);
    loop {
        encoder.prepare(rest.len());
        let of_frame = &rest[..encoder.payload_len()];
        let all = [encoder.lead(), of_frame].concat();
        if all.is_empty() {
            return sent;
        }
        let taken = &all[..step.min(all.len())];
        sent.extend_from_slice(taken);
        rest = &rest[encoder.advance(taken.len())..];
    }
}

#[test]
fn a_write_is_one_unmasked_binary_frame() {
    let sent = |len| encode(&mut Encoder::default(), &vec![9; len], usize::MAX);
    assert_eq!(sent(2), [BINARY, 2, 9, 9]);
    assert_eq!(sent(125)[..2], [BINARY, 125]);
    assert_eq!(sent(126)[..4], [BINARY, 126, 0, 126]);
    assert_eq!(sent(0xFFFF)[..4], [BINARY, 126, 0xFF, 0xFF]);
    assert_eq!(sent(0x1_0000)[..10], [BINARY, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(sent(0), []);
}

#[test]
fn a_pong_waits_for_the_end_of_the_frame() {
    let mut encoder = Encoder::default();
    encoder.prepare(4);
    assert_eq!(encoder.advance(3), 1);
    encoder.pong(b"old".to_vec());
    encoder.pong(b"new".to_vec());
    assert!(!encoder.has_more(), "it could not be written yet");
    encoder.prepare(3 + 2);
    assert_eq!((encoder.lead(), encoder.payload_len()), (&b""[..], 3));
    assert_eq!(encoder.advance(3), 3);
    assert!(encoder.has_more());
    encoder.prepare(2);
    assert_eq!(encoder.lead(), [&[PONG, 3], &b"new"[..], &[BINARY, 2]].concat());
    assert_eq!(encoder.advance(encoder.lead().len() + 2), 2);
    assert!(!encoder.has_more());
}

#[test]
fn a_close_comes_last_and_once() {
    let mut encoder = Encoder::default();
    encoder.close(CloseCode::TooLarge);
    encoder.close(CloseCode::Normal);
    encoder.prepare(1);
    assert_eq!(encoder.lead(), [BINARY, 1]);
    assert_eq!(encoder.advance(3), 1);
    assert!(encoder.has_more() && !encoder.has_closed());
    encoder.prepare(0);
    assert_eq!(encoder.lead(), [CLOSE, 2, 0x03, 0xF1]);
    encoder.advance(3);
    assert!(encoder.has_more() && !encoder.has_closed());
    encoder.advance(1);
    assert!(encoder.has_closed() && !encoder.has_more());
    encoder.pong(vec![]);
    encoder.prepare(5);
    assert_eq!((encoder.lead(), encoder.payload_len()), (&b""[..], 0));
    assert!(!encoder.has_more());
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let one = (0..6u8, prop::collection::vec(any::<u8>(), 0..300));
    prop::collection::vec(one, 0..12).prop_map(|frames| {
        let mut bytes = Vec::new();
        for (kind, payload) in frames {
            let short = &payload[..payload.len().min(125)];
            bytes.extend(match kind {
                0 => frame(PING, short),
                1 => frame(PONG, short),
                2 => {
                    let begins = frame(BINARY_BEGINS, &payload);
                    [begins, frame(PING, b"between"), frame(ENDS, &payload)].concat()
                }
                _ => frame(BINARY, &payload),
            });
        }
        bytes
    })
}

/// `bytes` in pieces whose lengths are taken from `cuts`, again and again.
fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at((*cut).min(rest.len()));
        pieces.push(piece);
        rest = more;
    }
    pieces
}

proptest! {
    #[test]
    fn frames_mean_the_same_wherever_they_are_cut(
        bytes in frames(),
        cuts in prop::collection::vec(1usize..40, 1..8),
    ) {
        let whole = decode_once(&bytes).unwrap();
        let cut = decode(&mut Decoder::new(SIZE_MAX), pieces(&bytes, &cuts)).unwrap();
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn a_decoder_goes_on_from_its_bytes(bytes in frames(), at in any::<prop::sample::Index>()) {
        let whole = decode_once(&bytes).unwrap();
        let cut = at.index(bytes.len() + 1);
        let mut decoder = Decoder::new(SIZE_MAX);
        let mut found = decode(&mut decoder, [&bytes[..cut]]).unwrap();
        let frozen = postcard::to_allocvec(&decoder).unwrap();
        let mut thawed: Decoder = postcard::from_bytes(&frozen).unwrap();
        let more = decode(&mut thawed, [&bytes[cut..]]).unwrap();
        found.0.extend(more.0);
        found.1.extend(more.1);
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn any_bytes_are_data_or_a_violation_wherever_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(1usize..40, 1..8),
    ) {
        let whole = decode_once(&bytes).map_err(|violation| violation.close_code());
        let cut = decode(&mut Decoder::new(SIZE_MAX), pieces(&bytes, &cuts));
        prop_assert_eq!(cut.map_err(|violation| violation.close_code()), whole);
    }

    #[test]
    fn a_slow_socket_changes_nothing_of_what_is_sent(
        payload in prop::collection::vec(any::<u8>(), 1..400),
        step in 1usize..50,
        freeze in any::<bool>(),
    ) {
        let mut encoder = Encoder::default();
        encoder.pong(b"pong".to_vec());
        if freeze {
            encoder.prepare(payload.len());
            encoder = postcard::from_bytes(&postcard::to_allocvec(&encoder).unwrap()).unwrap();
        }
        let slowly = encode(&mut encoder, &payload, step);
        let mut encoder = Encoder::default();
        encoder.pong(b"pong".to_vec());
        prop_assert_eq!(slowly, encode(&mut encoder, &payload, usize::MAX));
    }
}
