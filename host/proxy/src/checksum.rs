//! CRC-32C (RFC 3720, appendix B.4).

/// The polynomial of Castagnoli, its bits in the order of the wire.
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// Of these pieces, one behind the other. Bit by bit: there are a few hundred bytes for each connection.
pub(crate) fn crc32c(pieces: &[&[u8]]) -> u32 {
    let bytes = pieces.iter().flat_map(|piece| piece.iter());
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            (crc >> 1) ^ carry
        })
    })
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    /// The examples of RFC 3720, appendix B.4.
    #[test]
    fn it_is_that_of_the_standard() {
        assert_eq!(crc32c(&[&[0; 32]]), 0x8A91_36AA);
        assert_eq!(crc32c(&[&[0xFF; 32]]), 0x62A8_AB43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&[&rising[..9], &[], &rising[9..]]), 0x46DD_794E);
    }
}
