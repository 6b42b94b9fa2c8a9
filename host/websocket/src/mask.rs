//! Masking (RFC 6455, 5.3): each byte xor one of the four of the key, in turn.

/// Masks or unmasks `bytes`, and turns `key` to what the next byte needs.
pub(crate) fn apply(bytes: &mut [u8], key: &mut [u8; 4]) {
    let [a, b, c, d] = *key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= mask;
    }
    // A whole word leaves the key as it was.
    let turn = rest.len() % 4;
    key.rotate_left(turn);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_gives_the_same_bytes() {
        let key = [1, 2, 4, 8];
        let plain: Vec<u8> = (0..50).collect();
        let expected: Vec<u8> =
            plain.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
        for cut in 0..plain.len() {
            let (mut bytes, mut turned) = (plain.clone(), key);
            apply(&mut bytes[..cut], &mut turned);
            apply(&mut bytes[cut..], &mut turned);
            assert_eq!(bytes, expected, "cut at {cut}");
        }
    }
}
