//! Variable byte integers: seven bits a byte, the lowest first, four bytes at most.
//!
//! Used for the remaining length of every packet, property lengths and subscription identifiers.

/// The highest value a variable byte integer holds: 268,435,455.
pub const VARINT_MAX: u32 = 0x0FFF_FFFF;

/// What the front of some bytes is when read as a variable byte integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Varint {
    /// A whole integer, and how many bytes it took. It may be longer than it need be.
    Whole { value: u32, len: usize },
    /// The bytes end before the integer does.
    Incomplete,
    /// A fifth byte would follow.
    TooLong,
}

/// Reads the integer at the front of `bytes`.
pub(crate) fn split_varint(bytes: &[u8]) -> Varint {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Varint::Whole { value, len: i + 1 };
        }
    }
    if bytes.len() < 4 { Varint::Incomplete } else { Varint::TooLong }
}

/// The number of bytes that `value`, at most [`VARINT_MAX`], takes: 1 to 4.
#[must_use]
pub const fn varint_len(value: u32) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

/// Appends `value` in the fewest bytes `[MQTT-1.5.5-1]`. It must be at most [`VARINT_MAX`]:
/// a higher one takes a fifth byte, which every receiver refuses.
pub fn put_varint(out: &mut Vec<u8>, value: u32) {
    debug_assert!(value <= VARINT_MAX, "{value} does not fit a variable byte integer");
    let mut rest = value;
    while rest >= 0x80 {
        out.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_of_each_length_round_trip_in_the_fewest_bytes() {
        let borders = [
            (0, 1),
            (127, 1),
            (128, 2),
            (16_383, 2),
            (16_384, 3),
            (2_097_151, 3),
            (2_097_152, 4),
            (VARINT_MAX, 4),
        ];
        for (value, len) in borders {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(bytes.len(), len);
            assert_eq!(varint_len(value), len);
            assert_eq!(split_varint(&bytes), Varint::Whole { value, len });
        }
    }

    #[test]
    fn a_fifth_byte_is_refused_before_it_arrives() {
        assert_eq!(split_varint(&[0xFF, 0xFF, 0xFF]), Varint::Incomplete);
        assert_eq!(split_varint(&[0xFF, 0xFF, 0xFF, 0xFF]), Varint::TooLong);
        assert_eq!(split_varint(&[]), Varint::Incomplete);
    }
}
