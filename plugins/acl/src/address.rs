//! What may stand in `address`. The broker checks the same again when it compiles the rule, but only
//! here is the line known.

use std::net::IpAddr;

/// An address, or a network and its number of bits, with nothing behind those bits.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let no_address = || "no address; expected one as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32".into();
    let Some((address, bits)) = text.split_once('/') else {
        return text.parse::<IpAddr>().map(drop).map_err(|_| no_address());
    };
    let address: IpAddr = address.parse().map_err(|_| no_address())?;
    let bits: u32 = bits.parse().map_err(|_| no_address())?;
    let (width, number) = match address {
        IpAddr::V4(address) => (32, u128::from(address.to_bits())),
        IpAddr::V6(address) => (128, address.to_bits()),
    };
    let behind = u32::checked_sub(width, bits).ok_or_else(no_address)?;
    let network = number.checked_shr(behind).unwrap_or(0).checked_shl(behind).unwrap_or(0);
    if network == number {
        return Ok(());
    }
    let network = match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(network).unwrap_or_default().into()),
        IpAddr::V6(_) => IpAddr::V6(network.into()),
    };
    Err(format!("has bits behind the first {bits}; did you mean `{network}/{bits}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_accepted() {
        for text in ["192.0.2.7", "::1", "0.0.0.0/0", "::/0", "10.0.0.0/8", "192.0.2.7/32"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        assert_eq!(check("2001:db8::/32"), Ok(()));
        assert_eq!(check("2001:db8::1/128"), Ok(()));
    }

    #[test]
    fn what_is_none_or_has_stray_bits_is_named() {
        for text in ["", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "1/2/3"] {
            assert!(check(text).unwrap_err().starts_with("no address"), "{text}");
        }
        for (text, network) in [("10.1.2.3/8", "10.0.0.0/8"), ("2001:db8::1/32", "2001:db8::/32")] {
            assert!(check(text).unwrap_err().ends_with(&format!("`{network}`?")), "{text}");
        }
        assert!(check("1.2.3.4/0").unwrap_err().ends_with("`0.0.0.0/0`?"));
        assert!(check("::1/0").unwrap_err().ends_with("`::/0`?"));
    }
}
