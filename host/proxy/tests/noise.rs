//! Any bytes, cut anywhere.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod made;

use made::{IPV4, V2};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::SocketAddr;
use theseus_proxy::{BODY_MAX, Certificate, Header, Malformed, Reader};

/// Gives the bytes in pieces of these lengths, in turn; returns what came of it and how many were taken.
fn read(mut bytes: &[u8], pieces: &[usize]) -> (Result<Option<Header>, Malformed>, usize) {
    let (mut reader, mut taken) = (Reader::default(), 0);
    for length in pieces.iter().cycle() {
        let piece = &bytes[..bytes.len().min(*length)];
        if piece.is_empty() {
            break;
        }
        match reader.take(piece) {
            Err(why) => return (Err(why), taken),
            Ok(found) => {
                taken += found.count;
                if found.header.is_some() {
                    return (Ok(found.header), taken);
                }
                assert_eq!(found.count, piece.len(), "all of it belongs to what is not whole");
            }
        }
        bytes = &bytes[piece.len()..];
    }
    (Ok(None), taken)
}

fn texts() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 .äß-]{1,40}"
}

/// What may stand behind a beginning that is right.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let begun = |beginning: &'static [u8]| {
        vec(any::<u8>(), 0..300).prop_map(move |rest| [beginning, &rest].concat())
    };
    let address = V2::proxy(IPV4).bytes();
    let fields = vec(any::<u8>(), 0..300).prop_map(move |mut rest| {
        // A field of TLS that holds noise.
        if let [kind, high, low, ..] = &mut rest[..] {
            (*kind, *high, *low) = (0x20, 0, *low % 64);
        }
        let length = u16::try_from(address.len() - 16 + rest.len()).unwrap();
        let mut bytes = [&address[..], &rest].concat();
        bytes[14..16].copy_from_slice(&length.to_be_bytes());
        bytes
    });
    prop_oneof![
        vec(any::<u8>(), 0..300),
        begun(b"PROXY "),
        begun(b"PROXY TCP4 192.0.2.7 "),
        begun(b"PROXY UNKNOWN"),
        begun(b"\r\n\r\n\0\r\nQUIT\n"),
        begun(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0"),
        fields,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_do_harm_and_how_they_are_cut_does_not_matter(
        bytes in noise(),
        pieces in vec(1_usize..40, 1..8),
    ) {
        let (whole, taken) = read(&bytes, &[bytes.len().max(1)]);
        let (cut, taken_cut) = read(&bytes, &pieces);
        // Of bytes that are wrong, those before may have been taken.
        match &whole {
            Ok(_) => prop_assert_eq!((taken, &whole), (taken_cut, &cut)),
            Err(_) => prop_assert!(cut.is_err()),
        }
        prop_assert!(taken_cut <= BODY_MAX + 16);
    }

    #[test]
    fn what_is_said_is_read_and_nothing_behind_it_is_touched(
        address in any::<std::net::IpAddr>(),
        port in any::<u16>(),
        (name, cn) in (texts(), texts()),
        behind in vec(any::<u8>(), 0..40),
        pieces in vec(1_usize..40, 1..8),
    ) {
        let source = SocketAddr::new(address, port);
        let ends = (source.to_string(), SocketAddr::new(address, 1).to_string());
        let header = V2::proxy((&ends.0, &ends.1)).field(0x02, name.as_bytes());
        let header = header.ssl(3, 0, &[(0x22, cn.as_bytes())]).checked().bytes();
        let (found, taken) = read(&[&header[..], &behind].concat(), &pieces);
        let found = found.unwrap().unwrap();
        prop_assert_eq!(taken, header.len());
        prop_assert_eq!((found.source, found.server_name), (Some(source), Some(name)));
        let verified = Certificate::Verified { common_name: Some(cn) };
        prop_assert_eq!(found.tls.map(|tls| tls.certificate), Some(verified));

        let family = if address.is_ipv4() { "TCP4" } else { "TCP6" };
        let line = format!("PROXY {family} {address} {address} {port} 1\r\n");
        let (found, taken) = read(&[line.as_bytes(), &behind].concat(), &pieces);
        prop_assert_eq!(taken, line.len());
        prop_assert_eq!(found, Ok(Some(Header { source: Some(source), ..Header::default() })));
    }
}
