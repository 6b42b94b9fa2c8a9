//! An address or a prefix, and which addresses are in it.
//!
//! IPv4-mapped IPv6 addresses (`::ffff:192.0.2.7`) are IPv4 here: a socket for both families shows
//! IPv4 clients so, and a rule must not be evaded by that.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Bits before the IPv4 address in an IPv4-mapped one.
const MAPPED_BITS: u8 = 96;

/// All addresses that agree with `address` in its first bits; the other bits of it are 0.
///
/// Made by [`Network::parse`] and [`Network::of`], which see to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Network {
    /// Of IPv4.
    V4 {
        /// Its first address.
        address: Ipv4Addr,
        /// Bits of the prefix, at most 32.
        bits: u8,
    },
    /// Of IPv6.
    V6 {
        /// Its first address.
        address: Ipv6Addr,
        /// Bits of the prefix, at most 128.
        bits: u8,
    },
}

impl Network {
    /// Reads `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
    ///
    /// # Errors
    /// What is wrong, to be read behind the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| {
            "is no address such as `192.0.2.7` and no prefix such as `10.0.0.0/8`".to_owned()
        })?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = prefix.map_or(Some(bits_max), |prefix| parse_bits(prefix, bits_max));
        let bits = bits.ok_or_else(|| format!("behind `/` must stand 0 to {bits_max}"))?;
        let network = Self::of(address, bits);
        let written = Self::unmapped(address, bits);
        if network == written { Ok(network) } else { Err(network.stray_bits()) }
    }

    /// True if the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4 { bits, .. }, IpAddr::V4(_)) | (Self::V6 { bits, .. }, IpAddr::V6(_)) => {
                Self::of(address.to_canonical(), *bits) == *self
            }
            _ => false,
        }
    }

    /// The network of this one address.
    pub fn single(address: IpAddr) -> Self {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Self::of(address, bits)
    }

    /// True if it is one address.
    pub const fn is_single(&self) -> bool {
        matches!(self, Self::V4 { bits: 32, .. } | Self::V6 { bits: 128, .. })
    }

    /// The network of this many bits that an address is in; of an IPv4-mapped address they count from
    /// the beginning of the IPv6 one.
    pub fn of(address: IpAddr, bits: u8) -> Self {
        match Self::unmapped(address, bits) {
            Self::V4 { address, bits } => {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                Self::V4 { address: Ipv4Addr::from_bits(address.to_bits() & mask), bits }
            }
            Self::V6 { address, bits } => {
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                Self::V6 { address: Ipv6Addr::from_bits(address.to_bits() & mask), bits }
            }
        }
    }

    fn unmapped(address: IpAddr, bits: u8) -> Self {
        match (address, address.to_canonical()) {
            (IpAddr::V4(address), _) => Self::V4 { address, bits },
            (IpAddr::V6(_), IpAddr::V4(address)) if bits >= MAPPED_BITS => {
                Self::V4 { address, bits: bits - MAPPED_BITS }
            }
            (IpAddr::V6(address), _) => Self::V6 { address, bits },
        }
    }

    fn stray_bits(&self) -> String {
        format!("has bits behind its prefix, did you mean `{self}`?")
    }
}

/// As it is read: without its bits if it is one address.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, bits): (IpAddr, u8) = match *self {
            Self::V4 { address, bits } => (address.into(), bits),
            Self::V6 { address, bits } => (address.into(), bits),
        };
        match self.is_single() {
            true => write!(f, "{address}"),
            false => write!(f, "{address}/{bits}"),
        }
    }
}

/// Digits only: `+8` is for Rust a number, for a person a typing error.
fn parse_bits(prefix: &str, bits_max: u8) -> Option<u8> {
    let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
    prefix.parse().ok().filter(|&bits| digits && bits <= bits_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_its_addresses() {
        for (network, address, expected) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("::ffff:192.0.2.7", "192.0.2.7", true),
            ("::ffff:10.0.0.0/104", "10.255.0.1", true),
            ("::ffff:10.0.0.0/104", "11.0.0.1", false),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "a00::1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("0.0.0.0/0", "::ffff:1.2.3.4", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false),
            ("::/0", "::ffff:203.0.113.9", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::8000:0/97", "2001:db8::ffff:1", true),
            ("2001:db8::8000:0/97", "2001:db8::7fff:1", false),
            ("::1", "::1", true),
            ("::1", "::2", false),
            ("192.0.2.128/25", "192.0.2.200", true),
            ("192.0.2.128/25", "192.0.2.100", false),
        ] {
            let parsed = Network::parse(network).unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), expected, "{network} {address}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, problem) in [
            ("10.0.0.0/33", "behind `/` must stand 0 to 32"),
            ("10.0.0.0/+8", "behind `/` must stand 0 to 32"),
            ("10.0.0.0/8/8", "behind `/` must stand 0 to 32"),
            ("10.0.0.0/", "behind `/` must stand 0 to 32"),
            ("::/129", "behind `/` must stand 0 to 128"),
            ("10.1.2.3/8", "has bits behind its prefix, did you mean `10.0.0.0/8`?"),
            ("2001:db8::1/32", "has bits behind its prefix, did you mean `2001:db8::/32`?"),
        ] {
            assert_eq!(Network::parse(text).unwrap_err(), problem);
        }
        for text in ["", "localhost", "10.0.0", "010.0.0.1", "fe80::1%eth0", " ::1"] {
            assert!(Network::parse(text).unwrap_err().starts_with("is no address"), "{text}");
        }
    }
}
