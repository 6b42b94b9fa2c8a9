//! Version 1: a line of text (section 2.1).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use crate::reader::LINE_MAX;
use crate::{Header, Malformed};

/// What it begins with.
pub(crate) const SIGNATURE: &[u8] = b"PROXY ";

/// Where the line ends, if that is there.
pub(crate) fn end(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let near = &bytes[..bytes.len().min(LINE_MAX)];
    match near.iter().position(|byte| *byte == b'\n') {
        Some(at) => Ok(Some(at + 1)),
        None if near.len() == LINE_MAX => Err(Malformed::LineTooLong),
        None => Ok(None),
    }
}

/// Reads `PROXY TCP4 192.0.2.7 198.51.100.1 50000 1883` and its kind.
pub(crate) fn parse(line: &[u8]) -> Result<Header, Malformed> {
    let line = line.strip_suffix(b"\r\n").ok_or(Malformed::Line)?;
    // What is behind it is not to be looked at.
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Ok(Header::default());
    }
    let text = str::from_utf8(line).map_err(|_| Malformed::Line)?;
    let mut words = text.split(' ');
    let mut next = || words.next().ok_or(Malformed::Line);
    let ["PROXY", family, source, destination, source_port, destination_port] =
        [next()?, next()?, next()?, next()?, next()?, next()?]
    else {
        return Err(Malformed::Line);
    };
    if words.next().is_some() {
        return Err(Malformed::Line);
    }
    let read = match family {
        "TCP4" => address::<Ipv4Addr>,
        "TCP6" => address::<Ipv6Addr>,
        _ => return Err(Malformed::Line),
    };
    // Nobody needs the destination, but one that is none says that nothing here is to be trusted.
    read(destination)?;
    port(destination_port)?;
    let source = SocketAddr::new(read(source)?, port(source_port)?);
    Ok(Header { source: Some(source), ..Header::default() })
}

fn address<A: FromStr + Into<IpAddr>>(text: &str) -> Result<IpAddr, Malformed> {
    text.parse::<A>().map(Into::into).map_err(|_| Malformed::Line)
}

/// Digits only, and no zero before them.
fn port(text: &str) -> Result<u16, Malformed> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    text.parse().ok().filter(|_| plain && !leading).ok_or(Malformed::Line)
}
