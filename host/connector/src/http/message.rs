//! What is asked and what is answered, as plugins see it.

use std::fmt;

/// A request of a plugin. Nothing of it is believed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, beginning with `/`; joined to the connector's address.
    pub path: String,
    /// Besides those of the connector.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
}

/// The answer of a backend.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// 200 to 999; 1xx are not handed on.
    pub status: u16,
    /// In order, with names in lower case; what is no UTF-8 is replaced.
    pub headers: Vec<(String, String)>,
    /// At most what the connector allows.
    pub body: Vec<u8>,
}

/// What clients send to prove who they are is in there.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}
