//! Headers of version 2, put together by hand.

use std::net::{IpAddr, SocketAddr};

/// Source and destination.
pub(crate) const IPV4: (&str, &str) = ("192.0.2.7:50000", "198.51.100.1:1883");

#[derive(Clone)]
pub(crate) struct V2 {
    bytes: Vec<u8>,
    checked: bool,
}

impl V2 {
    /// For whoever connected from the first address to the second.
    pub(crate) fn proxy((source, destination): (&str, &str)) -> Self {
        let ends = [source, destination].map(|text| text.parse::<SocketAddr>().unwrap());
        let mut body = Vec::new();
        for end in ends {
            match end.ip() {
                IpAddr::V4(address) => body.extend(address.octets()),
                IpAddr::V6(address) => body.extend(address.octets()),
            }
        }
        body.extend(ends.iter().flat_map(|end| end.port().to_be_bytes()));
        let family = if ends[0].is_ipv4() { 0x11 } else { 0x21 };
        Self::local().command(0x21).family(family).raw(&body)
    }

    /// For the balancer itself.
    pub(crate) fn local() -> Self {
        Self { bytes: b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec(), checked: false }
    }

    pub(crate) fn command(mut self, byte: u8) -> Self {
        self.bytes[12] = byte;
        self
    }

    pub(crate) fn family(mut self, byte: u8) -> Self {
        self.bytes[13] = byte;
        self
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn field(self, kind: u8, value: &[u8]) -> Self {
        self.raw(&field(kind, value))
    }

    pub(crate) fn ssl(self, client: u8, verify: u32, inner: &[(u8, &[u8])]) -> Self {
        let mut value = vec![client];
        value.extend(verify.to_be_bytes());
        value.extend(inner.iter().flat_map(|(kind, text)| field(*kind, text)));
        self.field(0x20, &value)
    }

    /// With a checksum behind everything.
    pub(crate) fn checked(self) -> Self {
        Self { checked: true, ..self.field(0x03, &[0; 4]) }
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let length = u16::try_from(self.bytes.len() - 16).unwrap();
        self.bytes[14..16].copy_from_slice(&length.to_be_bytes());
        if self.checked {
            let sum = crc32c(&self.bytes);
            let at = self.bytes.len() - 4;
            self.bytes[at..].copy_from_slice(&sum.to_be_bytes());
        }
        self.bytes
    }
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&[kind], &length.to_be_bytes()[..], value].concat()
}

/// By division, the bits as they stand in the standard: another way than that of the code.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut rest = u32::MAX;
    for byte in bytes {
        rest ^= u32::from(byte.reverse_bits()) << 24;
        for _ in 0..8 {
            let carry = rest >> 31 == 1;
            rest <<= 1;
            if carry {
                rest ^= 0x1EDC_6F41;
            }
        }
    }
    !rest.reverse_bits()
}
