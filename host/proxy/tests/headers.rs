//! Headers as balancers send them, and such as none should.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod made;

use made::{IPV4, V2};
use std::net::SocketAddr;
use theseus_proxy::{BODY_MAX, Certificate, Found, Header, LINE_MAX, Malformed, Reader, Tls};

/// The header that these bytes are from the first to the last.
fn read(bytes: &[u8]) -> Result<Header, Malformed> {
    let Found { count, header } = Reader::default().take(bytes)?;
    assert_eq!(count, bytes.len());
    Ok(header.expect("it is whole"))
}

fn source(text: &str) -> Option<SocketAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn version_1_says_whom_it_speaks_for() {
    for (line, from) in [
        ("PROXY TCP4 192.0.2.7 198.51.100.1 50000 1883\r\n", source("192.0.2.7:50000")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", source("255.255.255.255:65535")),
        ("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", source("[2001:db8::7]:1")),
        ("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", source("[::ffff:192.0.2.7]:1")),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff:f::1 what ever\r\n", None),
    ] {
        let header = Header { source: from, ..Header::default() };
        assert_eq!(read(line.as_bytes()), Ok(header), "{line}");
    }
}

#[test]
fn a_line_of_another_form_is_refused() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
        "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 localhost 1 2\r\n",
        "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
    ] {
        assert_eq!(Reader::default().take(line.as_bytes()), Err(Malformed::Line), "{line:?}");
    }
    let long = |length: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(length - 16));
    assert!(read(long(LINE_MAX).as_bytes()).is_ok());
    assert_eq!(read(long(LINE_MAX + 1).as_bytes()), Err(Malformed::LineTooLong));
    assert_eq!(Reader::default().take(&b"PROXY ".repeat(20)), Err(Malformed::LineTooLong));
}

#[test]
fn nonsense_is_found_with_its_first_byte() {
    for bytes in [&b"\x10"[..], b"GET / HTTP/1.1", b"\x16\x03\x01", b"PROXX", b"\r\n\r\n\r"] {
        assert_eq!(Reader::default().take(bytes), Err(Malformed::NoHeader), "{bytes:?}");
    }
    let mut reader = Reader::default();
    assert!(reader.take(b"PRO").is_ok());
    assert_eq!(reader.take(b"B"), Err(Malformed::NoHeader));
}

#[test]
fn version_2_says_whom_it_speaks_for() {
    let header = |from| Ok(Header { source: from, ..Header::default() });
    assert_eq!(read(&V2::proxy(IPV4).bytes()), header(source("192.0.2.7:50000")));
    let ipv6 = ("[2001:db8::7]:50000", "[::1]:1883");
    assert_eq!(read(&V2::proxy(ipv6).bytes()), header(source("[2001:db8::7]:50000")));
    // Fields that nobody asks for.
    let other = V2::proxy(IPV4).field(0x01, b"mqtt").field(0x04, &[0; 9]).field(0xE0, &[0xFF]);
    assert_eq!(read(&other.bytes()), header(source("192.0.2.7:50000")));
    // The balancer itself, whatever else it says.
    assert_eq!(read(&V2::proxy(IPV4).command(0x20).bytes()), header(None));
    assert_eq!(read(&V2::local().bytes()), header(None));
    assert_eq!(read(&V2::local().field(0x20, b"?").field(0x03, b"none").bytes()), header(None));
    assert_eq!(read(&V2::local().command(0x21).bytes()), header(None));
}

#[test]
fn the_checksum_counts_where_there_is_one() {
    let whole = V2::proxy(IPV4).field(0x02, b"broker").checked().bytes();
    assert_eq!(read(&whole).unwrap().server_name.as_deref(), Some("broker"));
    for at in 16..whole.len() {
        let mut other = whole.clone();
        other[at] ^= 1;
        assert!(read(&other).is_err(), "byte {at}");
    }
    let short = V2::proxy(IPV4).field(0x03, &[0; 3]).bytes();
    assert_eq!(read(&short), Err(Malformed::Field));
    let twice = V2::proxy(IPV4).field(0x03, &[0; 4]).checked().bytes();
    assert_eq!(read(&twice), Err(Malformed::Checksum));
}

#[test]
fn version_2_tells_of_tls() {
    let texts = [(0x21, &b"TLSv1.3"[..]), (0x23, b"TLS_AES_256_GCM_SHA384"), (0x25, b"EC256")];
    let tls = |certificate| {
        let (version, cipher) =
            (Some("TLSv1.3".to_owned()), Some("TLS_AES_256_GCM_SHA384".to_owned()));
        Some(Tls { version, cipher, certificate })
    };
    let of = |client, verify, more: &[(u8, &[u8])]| {
        let inner = [&texts[..], more].concat();
        read(&V2::proxy(IPV4).ssl(client, verify, &inner).checked().bytes()).unwrap().tls
    };
    let cn: &[(u8, &[u8])] = &[(0x22, b"sensor 7")];
    let named = Certificate::Verified { common_name: Some("sensor 7".to_owned()) };
    assert_eq!(of(0b001, 0, &[]), tls(Certificate::Missing));
    assert_eq!(of(0b011, 0, cn), tls(named.clone()));
    assert_eq!(of(0b101, 0, cn), tls(named));
    assert_eq!(of(0b011, 0, &[]), tls(Certificate::Verified { common_name: None }));
    let empty = &[(0x22, &b""[..])][..];
    assert_eq!(of(0b011, 0, empty), tls(Certificate::Verified { common_name: None }));
    // A name that nobody has verified is none.
    assert_eq!(of(0b011, 1, cn), tls(Certificate::Unverified));
    assert_eq!(of(0b001, 0, cn), tls(Certificate::Missing));
    assert_eq!(of(0b110, 0, cn), None, "there was no TLS");
}

#[test]
fn a_header_of_another_form_is_refused() {
    let proxy = || V2::proxy(IPV4);
    let cn = |text: &'static [u8]| proxy().ssl(3, 0, &[(0x22, text)]);
    for (what, header, why) in [
        ("version 1", proxy().command(0x11), Malformed::Version),
        ("command 2", proxy().command(0x22), Malformed::Command),
        ("UDP", proxy().family(0x12), Malformed::Family),
        ("a UNIX socket", proxy().family(0x31), Malformed::Family),
        ("IPv6 of 12 bytes", proxy().family(0x21), Malformed::Addresses),
        ("no addresses", V2::local().command(0x21).family(0x11), Malformed::Addresses),
        ("a field that is cut off", proxy().raw(&[0x02, 0, 5, b'x']), Malformed::Field),
        ("half of its head", proxy().raw(&[0x02, 0]), Malformed::Field),
        ("two names", proxy().field(0x02, b"a").field(0x02, b"b"), Malformed::Twice),
        ("two of TLS", cn(b"a").ssl(3, 0, &[]), Malformed::Twice),
        ("two common names", proxy().ssl(3, 0, &[(0x22, b"a"), (0x22, b"b")]), Malformed::Twice),
        ("TLS without bits", proxy().field(0x20, &[1, 0, 0, 0]), Malformed::Field),
        (
            "a field inside that is cut off",
            proxy().field(0x20, b"\x01\0\0\0\0\x22\0\x02x"),
            Malformed::Field,
        ),
        ("a line in a name", cn(b"a\nb"), Malformed::Text),
        ("a NUL in a name", cn(b"a\0"), Malformed::Text),
        ("bytes in a name", cn(b"\xFF"), Malformed::Text),
        ("a line in a server name", proxy().field(0x02, b"a\rb"), Malformed::Text),
    ] {
        assert_eq!(read(&header.bytes()), Err(why), "{what}");
    }
    // Before any of it has come.
    let long = V2::local().field(0x04, &vec![0; BODY_MAX - 3]).bytes();
    assert!(read(&long).is_ok());
    let longer = V2::local().field(0x04, &vec![0; BODY_MAX - 2]).bytes();
    assert_eq!(Reader::default().take(&longer[..16]), Err(Malformed::BodyTooLong));
}
