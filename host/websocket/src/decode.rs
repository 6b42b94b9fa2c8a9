//! From the bytes of a client to the payloads of its frames, unmasked in place.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::Violation;
use crate::close::may_be_sent;
use crate::header::{HEADER_MAX, Kind, Start};
use crate::mask;

/// The receiving half of a connection. Frames may be cut anywhere; a payload is handed on as it
/// comes, so the size of a message costs no memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoder {
    frame_size_max: u64,
    /// The beginning of a header.
    head: [u8; HEADER_MAX],
    head_len: usize,
    frame: Option<Frame>,
    /// A message has begun and its last frame has not come.
    in_message: bool,
    /// The payload of a control frame that is not whole yet: at most [`crate::CONTROL_MAX`] bytes.
    control: Vec<u8>,
    /// The client has closed, or broken a rule: nothing is read any more (RFC 6455, 5.5.1, 7.1.7).
    over: bool,
}

/// A frame whose payload is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Frame {
    kind: Kind,
    missing: u64,
    /// Turned to the next byte.
    key: [u8; 4],
}

/// What was in the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Here are bytes of a binary message, unmasked.
    Data(Range<usize>),
    /// A Ping: its payload goes back in a Pong.
    Ping(Vec<u8>),
    /// The client closes, and says nothing more.
    Close,
}

impl Decoder {
    /// For frames of at most `frame_size_max` bytes of payload.
    pub fn new(frame_size_max: usize) -> Self {
        Self {
            frame_size_max: frame_size_max as u64,
            head: [0; HEADER_MAX],
            head_len: 0,
            frame: None,
            in_message: false,
            control: Vec::new(),
            over: false,
        }
    }

    /// Takes the next event from `bytes`, beginning at `at`, which is moved along. `None`: all of
    /// them are taken.
    ///
    /// # Errors
    /// A broken rule; what follows it is taken without being looked at.
    pub fn next(&mut self, bytes: &mut [u8], at: &mut usize) -> Result<Option<Event>, Violation> {
        let event = self.take(bytes, at);
        if matches!(event, Err(_) | Ok(Some(Event::Close))) {
            self.over = true;
        }
        event
    }

    /// How many bytes of data are sure to come next: nothing is between them, and they may be read
    /// anywhere, if [`Decoder::read_elsewhere`] is told.
    pub fn data_ahead(&self) -> usize {
        match &self.frame {
            Some(Frame { kind: Kind::Data, missing, .. }) if !self.over => {
                usize::try_from(*missing).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Unmasks bytes of data that were read to another place: at most [`Decoder::data_ahead`].
    pub fn read_elsewhere(&mut self, data: &mut [u8]) {
        if let Some(frame) = &mut self.frame {
            frame.take(data);
            self.end_of_data();
        }
    }

    fn take(&mut self, bytes: &mut [u8], at: &mut usize) -> Result<Option<Event>, Violation> {
        loop {
            if self.over {
                *at = bytes.len();
                return Ok(None);
            }
            let Some(frame) = &mut self.frame else {
                if !self.take_header(&bytes[*at..], at)? {
                    return Ok(None);
                }
                continue;
            };
            let rest = &mut bytes[*at..];
            let count = rest.len().min(usize::try_from(frame.missing).unwrap_or(usize::MAX));
            frame.take(&mut rest[..count]);
            let taken = *at..*at + count;
            *at = taken.end;
            if frame.kind == Kind::Data {
                self.end_of_data();
                return Ok((count > 0).then_some(Event::Data(taken)));
            }
            let (kind, is_whole) = (frame.kind, frame.missing == 0);
            self.control.extend_from_slice(&bytes[taken]);
            if !is_whole {
                return Ok(None);
            }
            self.frame = None;
            let payload = std::mem::take(&mut self.control);
            match kind {
                Kind::Ping => return Ok(Some(Event::Ping(payload))),
                Kind::Close => return check_close(&payload).map(|()| Some(Event::Close)),
                // Nobody asked for it, which is allowed (RFC 6455, 5.5.3).
                Kind::Pong | Kind::Data => {}
            }
        }
    }

    /// Adds to the header; true if a frame begins.
    fn take_header(&mut self, bytes: &[u8], at: &mut usize) -> Result<bool, Violation> {
        for byte in bytes {
            self.head[self.head_len] = *byte;
            self.head_len += 1;
            *at += 1;
            if self.head_len < 2 {
                continue;
            }
            let start = Start::read(self.head[0], self.head[1])?;
            if self.head_len == 2 {
                self.check_place(start)?;
            }
            if self.head_len == start.header_len() {
                self.head_len = 0;
                self.begin(start)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Between the fragments of a message only control frames may come (RFC 6455, 5.4).
    fn check_place(&self, start: Start) -> Result<(), Violation> {
        match start.kind == Kind::Data && start.continues != self.in_message {
            true => Err(Violation::BadFragment),
            false => Ok(()),
        }
    }

    fn begin(&mut self, start: Start) -> Result<(), Violation> {
        let (missing, key) = start.finish(&self.head)?;
        if missing > self.frame_size_max && start.kind == Kind::Data {
            return Err(Violation::TooLarge);
        }
        if start.kind == Kind::Data {
            self.in_message = !start.is_last;
        }
        // A frame of data without any is over at once.
        if start.kind != Kind::Data || missing > 0 {
            self.frame = Some(Frame { kind: start.kind, missing, key });
        }
        Ok(())
    }

    fn end_of_data(&mut self) {
        if self.frame.as_ref().is_some_and(|frame| frame.missing == 0) {
            self.frame = None;
        }
    }
}

impl Frame {
    fn take(&mut self, payload: &mut [u8]) {
        mask::apply(payload, &mut self.key);
        self.missing = self.missing.saturating_sub(payload.len() as u64);
    }
}

/// The payload is empty, or a code and a reason (RFC 6455, 5.5.1).
fn check_close(payload: &[u8]) -> Result<(), Violation> {
    match payload {
        [] => Ok(()),
        [high, low, reason @ ..] if may_be_sent(u16::from_be_bytes([*high, *low])) => {
            std::str::from_utf8(reason).map(|_| ()).map_err(|_| Violation::NotUtf8)
        }
        _ => Err(Violation::BadClose),
    }
}
