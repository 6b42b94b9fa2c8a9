//! The header of a frame (RFC 6455, 5.2): two bytes that say how long it is, up to eight of length,
//! four of the key. Judged as early as its bytes are there.

use serde::{Deserialize, Serialize};

use crate::{CONTROL_MAX, Violation};

/// The longest header.
pub(crate) const HEADER_MAX: usize = 14;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Data,
    Close,
    Ping,
    Pong,
}

/// The first two bytes of a header, judged by themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) kind: Kind,
    /// The frame continues a message.
    pub(crate) continues: bool,
    /// The frame ends its message.
    pub(crate) is_last: bool,
    /// Length of the payload, or 126 or 127: two or eight bytes of it follow.
    short_len: u8,
}

impl Start {
    /// Judges the first two bytes.
    pub(crate) fn read(first: u8, second: u8) -> Result<Self, Violation> {
        if first & RESERVED != 0 {
            return Err(Violation::Reserved);
        }
        let (kind, continues) = match first & OPCODE {
            0x0 => (Kind::Data, true),
            0x1 => return Err(Violation::Text),
            0x2 => (Kind::Data, false),
            0x8 => (Kind::Close, false),
            0x9 => (Kind::Ping, false),
            0xA => (Kind::Pong, false),
            _ => return Err(Violation::Reserved),
        };
        if second & MASKED == 0 {
            return Err(Violation::Unmasked);
        }
        let start =
            Self { kind, continues, is_last: first & FIN != 0, short_len: second & !MASKED };
        let is_control = kind != Kind::Data;
        if is_control && (!start.is_last || usize::from(start.short_len) > CONTROL_MAX) {
            return Err(Violation::BadControl);
        }
        Ok(start)
    }

    /// Length of the whole header, bytes.
    pub(crate) fn header_len(self) -> usize {
        2 + self.extended_len() + 4
    }

    /// Length of the payload and the key, from a whole header.
    pub(crate) fn finish(self, header: &[u8]) -> Result<(u64, [u8; 4]), Violation> {
        let (extended, key) = header[2..self.header_len()].split_at(self.extended_len());
        let len = match extended.len() {
            0 => u64::from(self.short_len),
            _ => extended.iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
        };
        let wasteful = match extended.len() {
            2 => len < 126,
            8 => len <= u64::from(u16::MAX),
            _ => false,
        };
        if wasteful {
            return Err(Violation::WastefulLength);
        }
        let mut of_header = [0; 4];
        of_header.copy_from_slice(key);
        Ok((len, of_header))
    }

    fn extended_len(self) -> usize {
        match self.short_len {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }
}

/// Appends the header of an unmasked frame, which is what a server sends (RFC 6455, 5.1).
pub(crate) fn put(bytes: &mut Vec<u8>, opcode: u8, len: usize) {
    bytes.push(FIN | opcode);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ 0..126), _) => bytes.push(short),
        (_, Ok(medium)) => {
            bytes.push(126);
            bytes.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
