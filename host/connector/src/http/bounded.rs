//! HTTP/1.1 to whom nobody trusts: one connection, and the body of one answer, each within bounds. For connectors
//! and for whatever else of the broker asks by HTTP. Not how a socket comes to be, nor what is said over it.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// What sends requests; the bodies of those are of one piece.
pub type Sender = SendRequest<Full<Bytes>>;

/// What the head of an answer may have.
#[derive(Clone, Copy, Debug)]
pub struct HeadBounds {
    /// Bytes; also what a connection reads ahead of a body. At least 8 KiB (hyper's own bound).
    pub size_max: usize,
    /// Headers.
    pub headers_max: usize,
}

/// Why there is no body.
#[derive(Debug)]
pub enum BodyError {
    /// It has more bytes than it may, or says so.
    TooLarge,
    /// It is no HTTP, or not all of it came.
    Broken(hyper::Error),
}

/// Makes one end of a connection of a stream. The other end, without which nothing is sent or comes, is the
/// caller's to drive; it ends when the sender is dropped or the server closes.
///
/// # Errors
/// The stream does not take HTTP.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    HeadBounds { size_max, headers_max }: HeadBounds,
) -> hyper::Result<(Sender, impl Future<Output = hyper::Result<()>>)> {
    let mut builder = Builder::new();
    builder.max_buf_size(size_max).max_headers(headers_max);
    builder.handshake(TokioIo::new(stream)).await
}

/// Reads a body to its end. Whatever length it announces, no more than `size_max` bytes are kept.
///
/// # Errors
/// [`BodyError`].
pub async fn read_body(mut body: Incoming, size_max: usize) -> Result<Vec<u8>, BodyError> {
    let too_large = |size: u64| usize::try_from(size).map_or(true, |size| size > size_max);
    if body.size_hint().exact().is_some_and(too_large) {
        return Err(BodyError::TooLarge);
    }
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing that anybody asked for.
        let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
        if read.len() + data.len() > size_max {
            return Err(BodyError::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

/// What went wrong, with what lies behind it, which is where the reason is.
pub fn reason(error: &hyper::Error) -> String {
    let behind = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", behind.unwrap_or_default())
}
