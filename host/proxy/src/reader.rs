//! Where a header ends: takes its bytes as they come, and not one more.

use crate::{Header, Malformed, v1, v2};

/// Bytes of a header of version 1, with its CR and LF (section 2.1).
pub const LINE_MAX: usize = 107;

/// Bytes of a header of version 2 behind the first 16. It could be 65,535, and is a few hundred.
pub const BODY_MAX: usize = 4096;

/// A header that is on its way. It keeps at most [`BODY_MAX`] bytes and 16, however many are announced.
#[derive(Clone, Debug, Default)]
pub struct Reader(Vec<u8>);

/// What [`Reader::take`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// So many of the bytes are the header's: all of them, as long as it is not whole.
    pub count: usize,
    /// The header, once it is whole. Nothing may be taken behind it.
    pub header: Option<Header>,
}

impl Reader {
    /// Takes what belongs to the header from the bytes that come next. Nonsense is found with its first byte.
    ///
    /// # Errors
    /// What comes is no header.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Found, Malformed> {
        let before = self.0.len();
        // More than this is malformed, or behind the header.
        let near = &bytes[..bytes.len().min(v2::FIXED + BODY_MAX)];
        self.0.extend_from_slice(near);
        let Some((end, parse)) = end(&self.0)? else {
            return Ok(Found { count: bytes.len(), header: None });
        };
        self.0.truncate(end);
        Ok(Found { count: end - before, header: Some(parse(&self.0)?) })
    }
}

/// What makes a header of its bytes.
type Parse = fn(&[u8]) -> Result<Header, Malformed>;

/// Where the header ends that begins here, if it is all there.
fn end(bytes: &[u8]) -> Result<Option<(usize, Parse)>, Malformed> {
    if begins(bytes, v2::SIGNATURE) {
        return Ok(v2::end(bytes)?.map(|end| (end, v2::parse as Parse)));
    }
    if begins(bytes, v1::SIGNATURE) {
        return Ok(v1::end(bytes)?.map(|end| (end, v1::parse as Parse)));
    }
    Err(Malformed::NoHeader)
}

/// Whether they are the signature as far as they go.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    let known = bytes.len().min(signature.len());
    bytes[..known] == signature[..known]
}
