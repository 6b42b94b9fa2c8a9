//! Bytes on their way to a socket: own bytes, with large payloads spliced in by reference.
//! Plain data, so a half-written packet survives a move. The shell writes it with `writev`.

use std::io::IoSlice;

use crate::Message;

/// Payloads from this size on are referred to instead of copied.
const SPLICE_MIN: usize = 4096;

/// What a connection still has to write.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    /// Payloads to be written when `bytes` has been written up to `at`, in order.
    splices: Vec<Splice>,
    /// How much of the whole sequence the socket has taken.
    written: usize,
    /// Length of the whole sequence.
    len: usize,
    /// Bytes of packets that answer the client, since the sequence was last empty.
    answers: usize,
    /// A message is in the sequence.
    has_messages: bool,
}

#[derive(Debug)]
struct Splice {
    at: usize,
    message: Message,
}

impl Outgoing {
    /// Bytes not yet taken by the socket.
    pub fn remaining(&self) -> usize {
        self.len - self.written
    }

    /// True if the socket has taken everything.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Appends what `write` puts at the end.
    pub(crate) fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        write(&mut self.bytes);
        self.len += self.bytes.len() - before;
    }

    /// Appends a packet that answers the client.
    pub(crate) fn put_answer(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.len;
        self.put(write);
        self.answers += self.len - before;
    }

    /// How much of it answers the client: what a client that sends and never reads makes grow.
    pub(crate) fn answers(&self) -> usize {
        self.answers
    }

    /// True while messages wait for the socket: further ones stay in their queue until these are
    /// written, so the sequence starts anew again and again and cannot grow.
    pub(crate) fn has_messages(&self) -> bool {
        self.has_messages
    }

    /// Appends the payload of `message`: copied if small, else by reference.
    pub(crate) fn put_payload(&mut self, message: &Message) {
        self.has_messages = true;
        let payload = message.payload();
        if payload.len() < SPLICE_MIN {
            self.put(|bytes| bytes.extend_from_slice(payload));
            return;
        }
        self.len += payload.len();
        self.splices.push(Splice { at: self.bytes.len(), message: message.clone() });
    }

    /// Fills `slices` with what is still to be written, at most `most` bytes of it, and returns how
    /// many it used.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>], most: usize) -> usize {
        let mut skip = self.written;
        let mut room = most;
        let mut used = 0;
        for part in self.parts() {
            if used == slices.len() || room == 0 {
                break;
            }
            let skipped = skip.min(part.len());
            skip -= skipped;
            if skipped < part.len() {
                let rest = &part[skipped..];
                slices[used] = IoSlice::new(&rest[..rest.len().min(room)]);
                room -= slices[used].len();
                used += 1;
            }
        }
        used
    }

    /// Notes that the socket has taken `count` bytes more.
    pub fn advance(&mut self, count: usize) {
        self.written = (self.written + count).min(self.len);
        if self.written == self.len {
            self.clear();
        }
    }

    /// The bytes not yet written, in one piece, for a snapshot.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len);
        self.parts().for_each(|part| all.extend_from_slice(part));
        all.split_off(self.written)
    }

    /// Forgets everything and keeps the buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.splices.clear();
        self.written = 0;
        self.len = 0;
        self.answers = 0;
        self.has_messages = false;
    }

    /// The buffer for the next connection, if it is worth keeping.
    pub(crate) fn into_buffer(mut self) -> Option<Vec<u8>> {
        self.bytes.clear();
        (self.bytes.capacity() > 0 && self.bytes.capacity() <= BUFFER_KEPT_MAX)
            .then_some(self.bytes)
    }

    /// An empty output that writes into `buffer`.
    pub(crate) fn from_buffer(buffer: Vec<u8>) -> Self {
        Self { bytes: buffer, ..Self::default() }
    }

    /// True if it has no buffer of its own.
    pub(crate) fn is_bare(&self) -> bool {
        self.bytes.capacity() == 0
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        let spliced = self.splices.iter().flat_map(move |splice| {
            let own = &self.bytes[from..splice.at];
            from = splice.at;
            [own, splice.message.payload()]
        });
        let tail = &self.bytes[self.splices.last().map_or(0, |splice| splice.at)..];
        spliced.chain(std::iter::once(tail))
    }
}

/// A larger buffer is freed instead of kept for the next connection.
const BUFFER_KEPT_MAX: usize = 256 * 1024;
