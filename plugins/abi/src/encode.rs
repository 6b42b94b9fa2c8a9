//! Values to bytes: numbers little-endian, one after the other, with nothing between them. A list and a
//! text begin with their length in four bytes; an option, a result and a variant with one byte that
//! says which case it is.

/// What can be written as bytes.
pub trait Encode {
    /// Appends it.
    fn encode(&self, out: &mut Vec<u8>);

    /// Appends all of them, without their number.
    fn encode_all(items: &[Self], out: &mut Vec<u8>)
    where
        Self: Sized,
    {
        items.iter().for_each(|item| item.encode(out));
    }
}

/// A value's bytes.
pub fn encode(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

impl Encode for u8 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn encode_all(items: &[Self], out: &mut Vec<u8>) {
        out.extend_from_slice(items);
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Encode for $number {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}

numbers!(u16, u32, u64, i64, f64);

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

/// What cannot be told in four bytes is no list of this interface: the other side finds the bytes to
/// be too many.
fn length(length: usize, out: &mut Vec<u8>) {
    u32::try_from(length).unwrap_or(u32::MAX).encode(out);
}

impl Encode for str {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode(out);
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, out: &mut Vec<u8>) {
        length(self.len(), out);
        T::encode_all(self, out);
    }
}

impl Encode for String {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_str().encode(out);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_slice().encode(out);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        self.iter().for_each(|value| value.encode(out));
    }
}

impl<T: Encode, E: Encode> Encode for Result<T, E> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Ok(value) => {
                out.push(0);
                value.encode(out);
            }
            Err(error) => {
                out.push(1);
                error.encode(out);
            }
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident $place:tt),*)),+ $(,)?) => {$(
        impl<$($name: Encode),*> Encode for ($($name,)*) {
            fn encode(&self, out: &mut Vec<u8>) {
                let _ = &out;
                $(self.$place.encode(out);)*
            }
        }
    )+};
}

tuples!(
    (),
    (A 0),
    (A 0, B 1),
    (A 0, B 1, C 2),
    (A 0, B 1, C 2, D 3, E 4, F 5),
);
