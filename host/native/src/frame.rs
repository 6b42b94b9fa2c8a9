//! Messages between the broker and a child process that has a library: a kind, a number, a size, and
//! bytes. The child is believed no more than the library in it.

use std::io::{self, Read, Write};

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The broker asks; the number is the function's.
    Ask,
    /// The child answers; the number is the status.
    Answer,
    /// The library asks; the number is the function's.
    AskHost,
    /// The broker answers; the number is the status.
    AnswerHost,
}

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) number: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Bytes of one message: the largest of MQTT and a little.
pub(crate) const BYTES_MAX: u32 = 272 << 20;
const HEAD_SIZE: usize = 9;

impl Frame {
    pub(crate) fn write(
        to: &mut impl Write,
        kind: Kind,
        number: u32,
        bytes: &[u8],
    ) -> io::Result<()> {
        let size = u32::try_from(bytes.len()).ok().filter(|size| *size <= BYTES_MAX);
        let size = size.ok_or_else(|| io::Error::other("a message is too large"))?;
        let mut head = [0; HEAD_SIZE];
        head[0] = kind as u8;
        head[1..5].copy_from_slice(&number.to_le_bytes());
        head[5..].copy_from_slice(&size.to_le_bytes());
        to.write_all(&head)?;
        to.write_all(bytes)?;
        to.flush()
    }

    /// Reads the next. What it announces is taken as it comes, and not before.
    pub(crate) fn read(from: &mut impl Read, bytes_max: u32) -> io::Result<Self> {
        let mut head = [0; HEAD_SIZE];
        from.read_exact(&mut head)?;
        let [kind, n0, n1, n2, n3, s0, s1, s2, s3] = head;
        let kind = match kind {
            0 => Kind::Ask,
            1 => Kind::Answer,
            2 => Kind::AskHost,
            3 => Kind::AnswerHost,
            other => return Err(io::Error::other(format!("there is no message {other}"))),
        };
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        if size > bytes_max {
            return Err(io::Error::other(format!("a message of {size} bytes")));
        }
        let mut bytes = Vec::new();
        from.take(u64::from(size)).read_to_end(&mut bytes)?;
        if bytes.len() < size as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self { kind, number: u32::from_le_bytes([n0, n1, n2, n3]), bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for kind in [Kind::Ask, Kind::Answer, Kind::AskHost, Kind::AnswerHost] {
            let mut bytes = Vec::new();
            Frame::write(&mut bytes, kind, 0x0102_8304, b"abc").unwrap();
            let read = Frame::read(&mut &*bytes, 3).unwrap();
            assert_eq!(read, Frame { kind, number: 0x0102_8304, bytes: b"abc".to_vec() });
            assert!(Frame::read(&mut &*bytes, 2).is_err(), "larger than it may be");
            for end in 0..bytes.len() {
                assert!(Frame::read(&mut &bytes[..end], 3).is_err(), "{end}");
            }
        }
        assert!(Frame::read(&mut &[9; 9][..], 3).is_err());
    }
}
