//! Version 2: a signature, a length, two addresses, and fields (section 2.2).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::fields::{self, Fields, Once};
use crate::reader::BODY_MAX;
use crate::{Header, Malformed, checksum, tls};

/// What it begins with.
pub(crate) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes before the addresses.
pub(crate) const FIXED: usize = 16;

/// In the lower half of byte 12.
const LOCAL: u8 = 0;
const PROXY: u8 = 1;

/// Byte 13: family and transport.
const UNSPECIFIED: u8 = 0x00;
const UNSPECIFIED_STREAM: u8 = 0x01;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// Fields (section 2.2.1 and following).
const AUTHORITY: u8 = 0x02;
const CRC32C: u8 = 0x03;
const SSL: u8 = 0x20;

/// Where the header ends, if that is there.
pub(crate) fn end(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(fixed) = bytes.first_chunk::<FIXED>() else { return Ok(None) };
    if fixed[12] >> 4 != 2 {
        return Err(Malformed::Version);
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    match length > BODY_MAX {
        true => Err(Malformed::BodyTooLong),
        false => Ok(Some(FIXED + length).filter(|end| *end <= bytes.len())),
    }
}

/// Reads a header that is whole.
pub(crate) fn parse(bytes: &[u8]) -> Result<Header, Malformed> {
    let (fixed, body) = bytes.split_first_chunk::<FIXED>().ok_or(Malformed::Addresses)?;
    match fixed[12] & 0x0F {
        // Whatever stands there is not to be looked at.
        LOCAL => return Ok(Header::default()),
        PROXY => {}
        _ => return Err(Malformed::Command),
    }
    let (source, rest) = match fixed[13] {
        UNSPECIFIED | UNSPECIFIED_STREAM => return Ok(Header::default()),
        TCP_OVER_IPV4 => ipv4(body),
        TCP_OVER_IPV6 => ipv6(body),
        _ => return Err(Malformed::Family),
    }
    .ok_or(Malformed::Addresses)?;
    let mut header = Header { source: Some(source), ..Header::default() };
    let (mut fields, mut once) = (Fields::of(rest), Once::new());
    while let Some((kind, value)) = fields.next()? {
        match kind {
            AUTHORITY => header.server_name = fields::text(value)?,
            SSL => header.tls = tls::parse(value)?,
            CRC32C => check(bytes, bytes.len() - fields.left() - value.len(), value)?,
            _ => continue,
        }
        once.note(kind)?;
    }
    Ok(header)
}

/// Both addresses, then both ports.
fn ipv4(body: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (source, rest) = body.split_first_chunk::<4>()?;
    let (_destination, rest) = rest.split_first_chunk::<4>()?;
    with_port(Ipv4Addr::from(*source).into(), rest)
}

fn ipv6(body: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (source, rest) = body.split_first_chunk::<16>()?;
    let (_destination, rest) = rest.split_first_chunk::<16>()?;
    with_port(Ipv6Addr::from(*source).into(), rest)
}

fn with_port(address: IpAddr, ports: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (port, rest) = ports.split_first_chunk::<2>()?;
    let (_destination, rest) = rest.split_first_chunk::<2>()?;
    Some((SocketAddr::new(address, u16::from_be_bytes(*port)), rest))
}

/// The checksum at `at` is that of the whole header, with zeros in its own place (section 2.2.3).
fn check(bytes: &[u8], at: usize, value: &[u8]) -> Result<(), Malformed> {
    let said = <[u8; 4]>::try_from(value).map_err(|_| Malformed::Field)?;
    let (before, behind) = (&bytes[..at], &bytes[at + said.len()..]);
    match checksum::crc32c(&[before, &[0; 4], behind]) == u32::from_be_bytes(said) {
        true => Ok(()),
        false => Err(Malformed::Checksum),
    }
}
