//! Any bytes as what a balancer sends first: nothing panics, they mean the same in pieces as in one, no more is taken
//! than a header may have, and what was understood is understood again when it is written anew. Run with
//! `cargo +nightly fuzz run header corpus/header seeds/header`.
#![no_main]

#[path = "../../tests/made/mod.rs"]
#[allow(dead_code, reason = "the tests make more")]
mod made;

use libfuzzer_sys::fuzz_target;
use theseus_proxy::{BODY_MAX, Certificate, Found, Header, LINE_MAX, Malformed, Reader, Tls};

use made::V2;

/// What version 2 has before its addresses.
const FIXED: usize = 16;

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(read(bytes, usize::from(*cut % 32) + 1), whole);
    assert_eq!(read(bytes, 1), whole);
    match whole {
        Ok((None, taken)) => {
            assert!(taken == bytes.len() && taken < FIXED + BODY_MAX);
        }
        Ok((Some(header), taken)) => {
            check_end(bytes, taken, &header);
            check_texts(&header);
            check_again(&header, bytes[0] != b'P', taken);
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
});

/// Gives the bytes in pieces of this length: what came of it, and how many were taken.
fn read(bytes: &[u8], length: usize) -> Result<(Option<Header>, usize), Malformed> {
    let (mut reader, mut taken) = (Reader::default(), 0);
    for piece in bytes.chunks(length) {
        let Found { count, header } = reader.take(piece)?;
        taken += count;
        if header.is_some() {
            assert!(count > 0 && count <= piece.len());
            return Ok((header, taken));
        }
        assert_eq!(count, piece.len(), "all of it belongs to what is not whole");
    }
    Ok((None, taken))
}

/// It ends where it ends: not one byte before, and whatever is behind it.
fn check_end(bytes: &[u8], taken: usize, header: &Header) {
    let is_line = bytes[0] == b'P';
    assert!(taken <= if is_line { LINE_MAX } else { FIXED + BODY_MAX });
    let alone = Ok((Some(header.clone()), taken));
    assert_eq!(read(&bytes[..taken], taken), alone);
    assert_eq!(read(&bytes[..taken - 1], taken), Ok((None, taken - 1)));
    assert_eq!(read(&[&bytes[..taken], b"\r\nPROXY \0"].concat(), usize::MAX), alone);
}

/// Nothing of a text can forge a line of a log.
fn check_texts(header: &Header) {
    let tls = header.tls.as_ref();
    let common_name = tls.and_then(|tls| match &tls.certificate {
        Certificate::Verified { common_name } => common_name.as_ref(),
        Certificate::Missing | Certificate::Unverified => None,
    });
    let of_tls = tls.map(|tls| [tls.version.as_ref(), tls.cipher.as_ref(), common_name]);
    for text in of_tls.into_iter().flatten().chain([header.server_name.as_ref()]).flatten() {
        assert!(!text.is_empty() && !text.chars().any(char::is_control));
    }
}

/// Written by another hand it is the same; in version 2 without what says nothing, so it is no longer than it was.
fn check_again(header: &Header, is_v2: bool, taken: usize) {
    let Some(source) = header.source else {
        assert_eq!(*header, Header::default(), "who speaks for nobody says nothing of anybody");
        return;
    };
    let end = source.to_string();
    let mut anew = V2::proxy((&end, &end));
    if let Some(name) = &header.server_name {
        anew = anew.field(0x02, name.as_bytes());
    }
    if let Some(tls) = &header.tls {
        anew = with_tls(anew, tls);
    }
    let bytes = anew.clone().bytes();
    assert_eq!(read(&bytes, bytes.len()), Ok((Some(header.clone()), bytes.len())));
    assert!(!is_v2 || bytes.len() <= taken);
    let mut checked = anew.checked().bytes();
    if checked.len() <= FIXED + BODY_MAX {
        assert_eq!(read(&checked, 7), Ok((Some(header.clone()), checked.len())));
        checked[FIXED] ^= 1;
        assert_eq!(read(&checked, 7), Err(Malformed::Checksum));
    }
    if !is_v2 {
        let (family, address) = (if source.is_ipv4() { "TCP4" } else { "TCP6" }, source.ip());
        let line = format!("PROXY {family} {address} {address} {} 0\r\n", source.port());
        assert_eq!(read(line.as_bytes(), 7), Ok((Some(header.clone()), line.len())));
    }
}

fn with_tls(anew: V2, tls: &Tls) -> V2 {
    let (client, verify, common_name) = match &tls.certificate {
        Certificate::Missing => (1, 0, None),
        Certificate::Unverified => (3, 1, None),
        Certificate::Verified { common_name } => (3, 0, common_name.as_ref()),
    };
    let texts = [(0x21, tls.version.as_ref()), (0x22, common_name), (0x23, tls.cipher.as_ref())];
    let inner: Vec<_> =
        texts.into_iter().filter_map(|(kind, text)| Some((kind, text?.as_bytes()))).collect();
    anew.ssl(client, verify, &inner)
}
