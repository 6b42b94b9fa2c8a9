//! The answer of a backend, taken in within a bound: whatever it announces, no more is kept.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};

use crate::http::message::Response;

/// Why there is none.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    TooLarge,
    Broken(hyper::Error),
}

/// Reads it to its end.
pub(crate) async fn take(
    response: hyper::Response<Incoming>,
    size_max: usize,
) -> Result<Response, NoAnswer> {
    let (head, mut body) = response.into_parts();
    let too_large = |size: u64| usize::try_from(size).map_or(true, |size| size > size_max);
    if body.size_hint().exact().is_some_and(too_large) {
        return Err(NoAnswer::TooLarge);
    }
    let mut read: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data): Result<Bytes, _> = frame.map_err(NoAnswer::Broken)?.into_data() else {
            continue;
        };
        if read.len() + data.len() > size_max {
            return Err(NoAnswer::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    Ok(Response { status: head.status.as_u16(), headers: headers(&head.headers), body: read })
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
