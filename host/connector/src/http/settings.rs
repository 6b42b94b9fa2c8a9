//! What an operator says of a connector. Files are read already.

use std::fmt;
use std::time::Duration;

/// All that makes a connector. Two that are equal are one connector.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// `https://host:port/prefix`; the prefix stands before every path.
    pub url: String,
    /// Headers of every request, as `Name: value`. Secrets.
    pub headers: Vec<String>,
    /// The same, a line for each, as they stand in a file.
    pub headers_file: Option<String>,
    /// The value of the header Authorization, as it stands in a file.
    pub authorization_file: Option<String>,
    /// Requests at once, and so connections.
    pub pool_size: usize,
    /// Those of one plugin.
    pub max_per_plugin: usize,
    /// Requests that wait for one of them.
    pub max_pending: usize,
    /// How long making a connection may take, TLS included.
    pub connect_timeout: Duration,
    /// How long a request may take, waiting and connecting included.
    pub request_timeout: Duration,
    /// How long a connection is kept that nobody needs.
    pub idle_timeout: Duration,
    /// Bytes of a request: its path, its headers and its body.
    pub max_request_size: usize,
    /// Bytes of the body of an answer.
    pub max_response_size: usize,
    /// Failures in a row that open the breaker; none: it never opens.
    pub breaker_failures: Option<usize>,
    /// All of them within this time.
    pub breaker_window: Duration,
    /// How long nobody is asked then, at first.
    pub breaker_pause: Duration,
    /// And at most, when it fails again and again.
    pub breaker_max_pause: Duration,
    /// The certificates that are trusted instead of those that browsers trust, in PEM.
    pub cacertfile: Option<String>,
    /// Whether the backend's certificate is checked.
    pub verify: bool,
}

impl Settings {
    /// With the limits that the configuration has by default.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            headers: Vec::new(),
            headers_file: None,
            authorization_file: None,
            pool_size: 64,
            max_per_plugin: 64,
            max_pending: 1000,
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(30),
            max_request_size: 1 << 20,
            max_response_size: 1 << 20,
            breaker_failures: Some(5),
            breaker_window: Duration::from_secs(10),
            breaker_pause: Duration::from_secs(1),
            breaker_max_pause: Duration::from_secs(60),
            cacertfile: None,
            verify: true,
        }
    }
}

/// Secrets stay out of logs.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("url", &self.url).finish_non_exhaustive()
    }
}
