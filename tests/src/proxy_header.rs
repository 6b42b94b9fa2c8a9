//! Headers of the PROXY protocol, byte by byte, as a load balancer puts them before what its clients say.

use std::net::{IpAddr, SocketAddr};

/// Version 1, for whoever connected from this address.
#[must_use]
pub fn proxy_v1(source: &str) -> Vec<u8> {
    let source: SocketAddr = source.parse().unwrap();
    let (family, here) =
        if source.is_ipv4() { ("TCP4", "198.51.100.1") } else { ("TCP6", "2001:db8::1") };
    format!("PROXY {family} {} {here} {} 1883\r\n", source.ip(), source.port()).into_bytes()
}

/// Version 2, likewise, with these fields behind the addresses.
#[must_use]
pub fn proxy_v2(source: &str, fields: &[u8]) -> Vec<u8> {
    let source: SocketAddr = source.parse().unwrap();
    let (family, mut body) = match source.ip() {
        IpAddr::V4(address) => (0x11, [address.octets(), [198, 51, 100, 1]].concat()),
        IpAddr::V6(address) => (0x21, [address.octets(), [1; 16]].concat()),
    };
    body.extend(source.port().to_be_bytes());
    body.extend(1883_u16.to_be_bytes());
    body.extend(fields);
    proxy_v2_of(0x21, family, &body)
}

/// Version 2, of this command and family.
#[must_use]
pub fn proxy_v2_of(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, body].concat()
}

/// A field of version 2.
#[must_use]
pub fn proxy_field(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind][..], &length, value].concat()
}

/// The field that tells of TLS: bits of the client, what came of verifying (0: good), and a common name.
#[must_use]
pub fn proxy_ssl(client: u8, verify: u32, common_name: &[u8]) -> Vec<u8> {
    let inner = [proxy_field(0x21, b"TLSv1.3"), proxy_field(0x22, common_name)].concat();
    proxy_field(0x20, &[&[client][..], &verify.to_be_bytes(), &inner].concat())
}
