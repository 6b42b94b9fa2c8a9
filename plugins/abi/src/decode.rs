//! Bytes to values. The other side is believed nothing: every length is checked against what is left,
//! and what the values will take is charged to a budget before it is taken.

use crate::malformed::Malformed;

/// What can be read from bytes.
pub trait Decode: Sized {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed>;

    /// Reads so many.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn decode_all<S: Source>(count: usize, from: &mut S) -> Result<Vec<Self>, Malformed> {
        (0..count).map(|_| Self::decode(from)).collect()
    }
}

/// Where values come from: bytes, or for tests an [`Inventor`](crate::invent::Inventor).
pub trait Source {
    /// So many bytes.
    ///
    /// # Errors
    /// There are no more.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed>;

    /// The number of a case: less than `cases`.
    ///
    /// # Errors
    /// It is not.
    fn case(&mut self, cases: u8) -> Result<u8, Malformed>;

    /// How many values of `size` bytes each follow.
    ///
    /// # Errors
    /// More than there can be.
    fn count(&mut self, size: usize) -> Result<usize, Malformed>;

    /// So many bytes, after [`count`](Self::count).
    ///
    /// # Errors
    /// There are no more.
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Malformed>;

    /// A text with its length.
    ///
    /// # Errors
    /// It is none.
    fn text(&mut self) -> Result<String, Malformed> {
        let count = self.count(1)?;
        String::from_utf8(self.bytes(count)?).map_err(|_| Malformed::Text)
    }
}

/// Reads the bytes of one value, all of them. What it will take in memory is at most `budget` bytes.
///
/// # Errors
/// What is wrong with the bytes.
pub fn decode<T: Decode>(bytes: &[u8], budget: usize) -> Result<T, Malformed> {
    let mut reader = Reader { bytes, budget };
    let value = T::decode(&mut reader)?;
    match reader.bytes.len() {
        0 => Ok(value),
        left => Err(Malformed::Trailing(left)),
    }
}

/// Bytes of the other side.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    budget: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, left) = self.bytes.split_at_checked(count).ok_or(Malformed::Short)?;
        self.bytes = left;
        Ok(taken)
    }
}

impl Source for Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, left) = self.bytes.split_first_chunk().ok_or(Malformed::Short)?;
        self.bytes = left;
        Ok(*taken)
    }

    fn case(&mut self, cases: u8) -> Result<u8, Malformed> {
        let [number] = self.array()?;
        if number < cases { Ok(number) } else { Err(Malformed::Case(number)) }
    }

    fn count(&mut self, size: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(u32::from_le_bytes(self.array()?)).unwrap_or(usize::MAX);
        // No value is of no bytes.
        if count > self.bytes.len() {
            return Err(Malformed::Short);
        }
        let taken = count.checked_mul(size).ok_or(Malformed::TooLarge)?;
        self.budget = self.budget.checked_sub(taken).ok_or(Malformed::TooLarge)?;
        Ok(count)
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Malformed> {
        self.take(count).map(<[u8]>::to_vec)
    }
}

impl Decode for u8 {
    fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
        from.array().map(|[byte]| byte)
    }

    fn decode_all<S: Source>(count: usize, from: &mut S) -> Result<Vec<Self>, Malformed> {
        from.bytes(count)
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Decode for $number {
            fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
                from.array().map(Self::from_le_bytes)
            }
        }
    )+};
}

numbers!(u16, u32, u64, i64, f64);

impl Decode for bool {
    fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
        from.case(2).map(|case| case == 1)
    }
}

impl Decode for String {
    fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
        from.text()
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
        let count = from.count(size_of::<T>())?;
        T::decode_all(count, from)
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
        if bool::decode(from)? { T::decode(from).map(Some) } else { Ok(None) }
    }
}

impl<T: Decode, E: Decode> Decode for Result<T, E> {
    fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
        if bool::decode(from)? { E::decode(from).map(Err) } else { T::decode(from).map(Ok) }
    }
}

macro_rules! tuples {
    ($(($($name:ident),*)),+ $(,)?) => {$(
        impl<$($name: Decode),*> Decode for ($($name,)*) {
            fn decode<S: Source>(from: &mut S) -> Result<Self, Malformed> {
                let _ = &from;
                Ok(($($name::decode(from)?,)*))
            }
        }
    )+};
}

tuples!((), (A), (A, B), (A, B, C), (A, B, C, D, E, F));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;
    use crate::invent::Inventor;

    type Everything =
        (Option<Vec<String>>, Result<(u8, u16), bool>, Vec<u8>, f64, i64, Vec<Vec<Option<u32>>>);

    #[test]
    fn what_was_written_is_read() {
        let value: (String, Vec<u8>, Option<u64>) = ("ü".to_owned(), vec![1, 2], None);
        let bytes = encode(&value);
        assert_eq!(bytes, [2, 0, 0, 0, 0xc3, 0xbc, 2, 0, 0, 0, 1, 2, 0]);
        assert_eq!(decode(&bytes, 4), Ok(value));
    }

    #[test]
    fn whatever_is_written_is_read() {
        for seed in 0..20_000 {
            let value = Everything::decode(&mut Inventor::new(seed)).unwrap();
            let bytes = encode(&value);
            let read: Everything = decode(&bytes, usize::MAX).unwrap();
            assert_eq!(encode(&read), bytes, "{seed}");
        }
    }

    #[test]
    fn every_prefix_is_short_and_every_addition_is_too_much() {
        for seed in 0..200 {
            let value = Everything::decode(&mut Inventor::new(seed)).unwrap();
            let mut bytes = encode(&value);
            for end in 0..bytes.len() {
                assert!(decode::<Everything>(&bytes[..end], usize::MAX).is_err(), "{seed} {end}");
            }
            bytes.push(0);
            assert_eq!(decode::<Everything>(&bytes, 1 << 20).err(), Some(Malformed::Trailing(1)));
        }
    }

    #[test]
    fn what_values_take_is_bounded_however_few_bytes_they_have() {
        // A thousand empty lists: 4 bytes each here, 24 in memory.
        let bytes = encode(&vec![Vec::<u8>::new(); 1000]);
        let size = 1000 * size_of::<Vec<u8>>();
        assert!(decode::<Vec<Vec<u8>>>(&bytes, size).is_ok());
        assert_eq!(decode::<Vec<Vec<u8>>>(&bytes, size - 1), Err(Malformed::TooLarge));
        // A length that lies takes nothing.
        assert_eq!(decode::<Vec<u64>>(&[0xff; 64], usize::MAX), Err(Malformed::Short));
    }

    #[test]
    fn each_kind_of_damage_has_its_name() {
        assert_eq!(decode::<bool>(&[2], 0), Err(Malformed::Case(2)));
        assert_eq!(decode::<Option<u8>>(&[3, 0], 0), Err(Malformed::Case(3)));
        assert_eq!(decode::<u32>(&[1, 2, 3], 0), Err(Malformed::Short));
        assert_eq!(decode::<String>(&[1, 0, 0, 0, 0xff], 1), Err(Malformed::Text));
    }
}
