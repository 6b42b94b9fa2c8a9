//! The HTTP request that asks for WebSocket (RFC 6455, 4.2.1), judged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use httparse::{Header, Request, Status};

use crate::response;

/// The longest head of a request, bytes.
pub const REQUEST_MAX: usize = 8 * 1024;

/// Headers of one request.
const HEADERS_MAX: usize = 64;

/// The subprotocol of MQTT over WebSocket, which is also returned [MQTT-6.0.0-4].
const SUBPROTOCOL: &str = "mqtt";

/// What a request must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The path that serves MQTT; a query behind it counts for nothing.
    pub path: String,
    /// Refuses who does not offer the subprotocol `mqtt`.
    pub fail_if_no_subprotocol: bool,
    /// The values of `Origin` that are let in; none: whoever comes. Compared without case.
    pub origins: Option<Vec<String>>,
    /// Lets in who names no origin: everybody but browsers.
    pub allow_origin_absence: bool,
}

/// What has come of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More must come; at [`REQUEST_MAX`] it is refused.
    Incomplete,
    /// WebSocket begins behind the first `consumed` bytes, once `response` is sent.
    Accepted {
        /// Length of the request.
        consumed: usize,
        /// What to send.
        response: Vec<u8>,
    },
    /// The connection is to be closed once `response` is sent.
    Refused {
        /// What to send.
        response: Vec<u8>,
        /// The same in words.
        why: &'static str,
    },
}

/// Looks at the beginning of what a client has sent.
pub fn read_request(bytes: &[u8], rules: &Rules) -> Progress {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let seen = &bytes[..bytes.len().min(REQUEST_MAX)];
    match request.parse(seen) {
        Ok(Status::Complete(consumed)) => match judge(&request, rules) {
            Ok(response) => Progress::Accepted { consumed, response },
            Err(refusal) => refusal.progress(),
        },
        Ok(Status::Partial) if bytes.len() < REQUEST_MAX => Progress::Incomplete,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            refuse("431 Request Header Fields Too Large", "the request is too long").progress()
        }
        Err(httparse::Error::Version) => {
            refuse("505 HTTP Version Not Supported", "only HTTP/1.1 is spoken here").progress()
        }
        Err(_) => refuse("400 Bad Request", "this is no HTTP request").progress(),
    }
}

struct Refusal {
    status: &'static str,
    extra: &'static str,
    why: &'static str,
}

impl Refusal {
    fn progress(&self) -> Progress {
        let response = response::error(self.status, self.extra, self.why);
        Progress::Refused { response, why: self.why }
    }
}

fn refuse(status: &'static str, why: &'static str) -> Refusal {
    Refusal { status, extra: "", why }
}

fn judge(request: &Request<'_, '_>, rules: &Rules) -> Result<Vec<u8>, Refusal> {
    if request.method != Some("GET") {
        let why = "WebSocket begins with GET";
        return Err(Refusal { extra: "Allow: GET\r\n", ..refuse("405 Method Not Allowed", why) });
    }
    if request.version != Some(1) {
        return Err(refuse("505 HTTP Version Not Supported", "only HTTP/1.1 is spoken here"));
    }
    let path = request.path.unwrap_or_default().split('?').next();
    if path != Some(rules.path.as_str()) {
        return Err(refuse("404 Not Found", "MQTT is not served under this path"));
    }
    let headers = &*request.headers;
    if only(headers, "Host").is_none() {
        return Err(refuse("400 Bad Request", "one header Host is needed"));
    }
    check_upgrade(headers)?;
    let key = only(headers, "Sec-WebSocket-Key").filter(|key| is_key(key));
    let Some(key) = key else {
        return Err(refuse(
            "400 Bad Request",
            "one header Sec-WebSocket-Key of 16 bytes is needed",
        ));
    };
    check_origin(headers, rules)?;
    let offered = has_token(headers, "Sec-WebSocket-Protocol", |name| name == SUBPROTOCOL);
    if !offered && rules.fail_if_no_subprotocol {
        return Err(refuse("400 Bad Request", "the subprotocol mqtt must be offered"));
    }
    Ok(response::switching(key, offered.then_some(SUBPROTOCOL)))
}

fn check_upgrade(headers: &[Header<'_>]) -> Result<(), Refusal> {
    let asked = has_token(headers, "Upgrade", |name| name.eq_ignore_ascii_case("websocket"))
        && has_token(headers, "Connection", |name| name.eq_ignore_ascii_case("upgrade"));
    if !asked {
        let extra = "Upgrade: websocket\r\n";
        let why = "MQTT over WebSocket is served here, and the request does not ask for it";
        return Err(Refusal { extra, ..refuse("426 Upgrade Required", why) });
    }
    if only(headers, "Sec-WebSocket-Version") != Some("13") {
        let extra = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        let why = "only version 13 of WebSocket is spoken here";
        return Err(Refusal { extra, ..refuse("426 Upgrade Required", why) });
    }
    Ok(())
}

/// A browser says which site its page is from (RFC 6455, 10.2).
fn check_origin(headers: &[Header<'_>], rules: &Rules) -> Result<(), Refusal> {
    let Some(allowed) = &rules.origins else { return Ok(()) };
    let fits = match only(headers, "Origin") {
        Some(origin) => allowed.iter().any(|one| one.eq_ignore_ascii_case(origin)),
        None => rules.allow_origin_absence && values(headers, "Origin").next().is_none(),
    };
    match fits {
        true => Ok(()),
        false => Err(refuse("403 Forbidden", "pages of this origin may not connect here")),
    }
}

fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// The value of a header that stands there once.
fn only<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a str> {
    let mut all = values(headers, name);
    match (all.next(), all.next()) {
        (Some(value), None) => value,
        _ => None,
    }
}

/// Whether a list, which may be spread over several headers, has an entry.
fn has_token(headers: &[Header<'_>], name: &str, is_it: impl Fn(&str) -> bool) -> bool {
    values(headers, name).flatten().flat_map(|value| value.split(',')).any(|one| is_it(one.trim()))
}

/// The values of a header; none for one that is no text.
fn values<'a>(headers: &[Header<'a>], name: &str) -> impl Iterator<Item = Option<&'a str>> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| std::str::from_utf8(header.value).ok().map(str::trim))
}
