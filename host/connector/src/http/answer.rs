//! The answer of a backend, as a plugin sees it.

use hyper::HeaderMap;
use hyper::body::Incoming;

use crate::http::bounded::{BodyError, read_body};
use crate::http::message::Response;

/// Reads it to its end.
pub(crate) async fn take(
    response: hyper::Response<Incoming>,
    size_max: usize,
) -> Result<Response, BodyError> {
    let (head, body) = response.into_parts();
    let body = read_body(body, size_max).await?;
    Ok(Response { status: head.status.as_u16(), headers: headers(&head.headers), body })
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
