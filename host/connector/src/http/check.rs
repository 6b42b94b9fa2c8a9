//! A plugin's request, checked and made one of hyper's: with the address and the secrets of the
//! connector, which the plugin can neither see nor replace.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request as Outgoing};

use crate::http::headers::is_reserved;
use crate::http::message::Request;
use crate::http::target::Target;

/// The most headers of a plugin.
const HEADERS_MAX: usize = 64;

/// What goes over the wire.
pub(crate) type Sent = Outgoing<Full<Bytes>>;

/// A request that may be sent, more than once where its method allows.
#[derive(Clone)]
pub(crate) struct Checked {
    inner: Sent,
}

impl Checked {
    /// The error is for the plugin: it says what is wrong and repeats nothing but a header's name.
    pub(crate) fn new(
        request: Request,
        target: &Target,
        of_connector: &HeaderMap,
        size_max: usize,
    ) -> Result<Self, String> {
        let size = size(&request);
        if size > size_max {
            return Err(format!("it has {size} bytes, more than max_request_size ({size_max})"));
        }
        let (method, uri) = (method(&request.method)?, target.join(&request.path)?);
        let headers = headers(request.headers, of_connector)?;
        let mut inner = Outgoing::new(Full::new(Bytes::from(request.body)));
        (*inner.method_mut(), *inner.uri_mut(), *inner.headers_mut()) = (method, uri, headers);
        inner.headers_mut().insert(HOST, target.authority.clone());
        Ok(Self { inner })
    }

    pub(crate) fn to_send(&self) -> Sent {
        self.inner.clone()
    }

    /// Whether doing it twice is doing it once (RFC 9110, 9.2.2).
    pub(crate) fn is_idempotent(&self) -> bool {
        self.inner.method().is_idempotent()
    }
}

fn size(request: &Request) -> usize {
    let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
    request.path.len() + request.body.len() + headers.sum::<usize>()
}

/// CONNECT makes a tunnel of a proxy, TRACE shows what it was sent.
fn method(name: &str) -> Result<Method, String> {
    let known =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let found = known.into_iter().chain([Method::OPTIONS]).find(|method| method.as_str() == name);
    found.ok_or_else(|| "the method is none of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".into())
}

fn headers(said: Vec<(String, String)>, of_connector: &HeaderMap) -> Result<HeaderMap, String> {
    if said.len() > HEADERS_MAX {
        return Err(format!("it has {} headers, more than {HEADERS_MAX}", said.len()));
    }
    let mut headers = HeaderMap::with_capacity(said.len() + of_connector.len() + 1);
    for (name, value) in said {
        let name: HeaderName = name.parse().map_err(|_| "a header's name is none".to_owned())?;
        if is_reserved(&name) || of_connector.contains_key(&name) {
            return Err(format!("the header `{name}` is the broker's to set"));
        }
        let value = HeaderValue::from_str(&value)
            .map_err(|_| format!("the header `{name}` holds a character that none may hold"))?;
        headers.append(name, value);
    }
    headers.extend(of_connector.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::headers::of_connector;
    use crate::http::settings::Settings;

    fn checked(request: Request) -> Result<Sent, String> {
        let settings =
            Settings { headers: vec!["X-Key: s3cr3t".into()], ..Settings::new("http://a:81/v1") };
        let target = Target::parse(&settings.url).unwrap();
        let headers = of_connector(&settings).unwrap();
        Checked::new(request, &target, &headers, 1000).map(|checked| checked.to_send())
    }

    fn get() -> Request {
        Request { method: "GET".into(), path: "/x".into(), ..Request::default() }
    }

    fn with_header(name: &str, value: &str) -> Request {
        Request { headers: vec![(name.into(), value.into())], ..get() }
    }

    #[test]
    fn a_request_gets_address_and_secrets() {
        let sent = checked(with_header("Accept", "*/*")).unwrap();
        assert_eq!((sent.method(), sent.uri().to_string().as_str()), (&Method::GET, "/v1/x"));
        assert_eq!(sent.headers()["host"], "a:81");
        assert_eq!(sent.headers()["x-key"], "s3cr3t");
        assert_eq!(sent.headers()["accept"], "*/*");
    }

    #[test]
    fn what_no_plugin_may_say_is_refused() {
        let of = |method: &str| Request { method: method.into(), ..get() };
        for (wrong, why) in [
            (of("CONNECT"), "the method"),
            (of("get"), "the method"),
            (of("GET / HTTP/1.1\r\nX: "), "the method"),
            (with_header("Host", "b"), "the header `host`"),
            (with_header("content-length", "0"), "the header `content-length`"),
            (with_header("Transfer-Encoding", "chunked"), "the header `transfer-encoding`"),
            (with_header("Connection", "close"), "the header `connection`"),
            (with_header("x-KEY", "other"), "the header `x-key`"),
            (with_header("a b", "c"), "a header's name"),
            (with_header("a\r\nb", "c"), "a header's name"),
            (with_header("a", "b\r\nx-key: c"), "the header `a` holds"),
            (with_header("a", "b\0"), "the header `a` holds"),
            (Request { body: vec![0; 1000], ..get() }, "it has 1002 bytes"),
            (Request { headers: vec![("a".into(), "b".into()); 65], ..get() }, "it has 65 headers"),
            (Request { path: "/../y".into(), ..get() }, "the path has"),
        ] {
            let said = checked(wrong).unwrap_err();
            assert!(said.starts_with(why), "{said}");
        }
    }
}
