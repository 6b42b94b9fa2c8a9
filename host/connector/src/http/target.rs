//! Where requests go: the address of a connector, and how the path of a plugin is joined to it. A
//! plugin moves below the operator's prefix and nowhere else.

use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use hyper::http::{HeaderValue, uri::Scheme};

/// Longest path of a plugin, with its query, in bytes.
const PATH_MAX: usize = 8 << 10;

/// A base address, taken apart.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) tls: bool,
    /// A name or an address, without brackets.
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
    /// The header Host.
    pub(crate) authority: HeaderValue,
    /// Without a slash at its end.
    prefix: Box<str>,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "is no URL".to_owned())?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err("begins with neither http:// nor https://".to_owned()),
        };
        let authority = uri.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("holds a user; secrets stand in headers or in a file".to_owned());
        }
        if uri.query().is_some() || url.contains('#') {
            return Err("ends with a query or a fragment".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("names no host".to_owned());
        }
        check_path(uri.path()).map_err(|why| format!("has a path that {why}"))?;
        Ok(Self {
            tls,
            host: host.into(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| "names no host")?,
            prefix: uri.path().trim_end_matches('/').into(),
        })
    }

    /// What stands in the request line for a plugin's path. Errors name no part of it, as it may
    /// hold what a client sent.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, String> {
        if path.len() > PATH_MAX {
            return Err(format!("the path has more than {PATH_MAX} bytes"));
        }
        let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
        check_path(bare).map_err(|why| format!("the path {why}"))?;
        if !path.bytes().all(is_plain) {
            return Err("the query holds a character that must be written with %".to_owned());
        }
        let joined = format!("{}{path}", self.prefix);
        let joined: PathAndQuery = joined.parse().map_err(|_| "the path is none".to_owned())?;
        Ok(joined.into())
    }
}

/// What a server might take for a way up or for another host is refused as it stands, and also where
/// it is written with `%`.
fn check_path(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err("does not begin with /".to_owned());
    }
    if path.starts_with("//") {
        return Err("begins with //".to_owned());
    }
    if !path.bytes().all(is_plain) {
        return Err("holds a character that must be written with %".to_owned());
    }
    let decoded = decoded(path.as_bytes());
    if decoded.iter().any(u8::is_ascii_control) {
        return Err("holds a control character".to_owned());
    }
    // Some servers take a part's parameters off before they look at its dots.
    let part = |part: &[u8]| part.split(|b| *b == b';').next().map(<[u8]>::to_vec);
    let parts = decoded.split(|b| matches!(b, b'/' | b'\\')).filter_map(part);
    if parts.into_iter().any(|part| matches!(&*part, b"." | b"..")) {
        return Err("has `.` or `..` as a part".to_owned());
    }
    Ok(())
}

fn is_plain(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'#' | b'\\' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}')
}

/// With what `%` stands for in its place, again and again, as a server behind a server might do.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    loop {
        let once = decoded_once(&path);
        if once.len() == path.len() {
            return once;
        }
        path = once;
    }
}

fn decoded_once(path: &[u8]) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match after {
            [high, low, beyond @ ..] if *first == b'%' => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, beyond))
            }
            _ => None,
        };
        match byte {
            Some((byte, beyond)) => {
                decoded.push(byte);
                rest = beyond;
            }
            None => decoded.push(*first),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    #[test]
    fn an_address_is_taken_apart() {
        let parts = |url: &str| {
            let target = target(url);
            let authority = target.authority.to_str().unwrap().to_owned();
            (target.tls, target.host.to_string(), target.port, authority)
        };
        let expect = |tls, host: &str, port, authority: &str| {
            (tls, host.to_owned(), port, authority.to_owned())
        };
        assert_eq!(parts("http://a.example"), expect(false, "a.example", 80, "a.example"));
        assert_eq!(parts("https://[::1]:8443/x"), expect(true, "::1", 8443, "[::1]:8443"));
        for (wrong, why) in [
            ("ftp://a", "begins with neither"),
            ("a", "begins with neither"),
            ("/a", "begins with neither"),
            ("http://u:p@a/", "holds a user"),
            ("http://a/?q=1", "ends with a query"),
            ("http://a/../b", "has a path that has `.`"),
            ("http:// a", "is no URL"),
        ] {
            let said = Target::parse(wrong).unwrap_err();
            assert!(said.starts_with(why), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_path_is_joined_to_the_prefix() {
        let join = |path: &str| target("http://a/v1/").join(path).unwrap().to_string();
        assert_eq!(join("/auth?user=a%20b&x=/../"), "/v1/auth?user=a%20b&x=/../");
        assert_eq!(join("/"), "/v1/");
        assert_eq!(join("/a..b/...%2E.c"), "/v1/a..b/...%2E.c");
        assert_eq!(target("http://a").join("/x").unwrap().to_string(), "/x");
    }

    #[test]
    fn a_plugin_stays_below_the_prefix() {
        let target = target("http://a/v1");
        for wrong in [
            "",
            "x",
            "http://b/x",
            "*",
            "//b/x",
            "/..",
            "/../x",
            "/x/./y",
            "/x/..",
            "/%2e%2e/x",
            "/.%2E/x",
            "/%252e%252e/x",
            "/x%2f..%2fy",
            "/x\\..\\y",
            "/x%5c..",
            "/..;a=b/x",
            "/%2e%2e;/x",
            "/x y",
            "/x\r\nHost: b",
            "/x%0d%0aHost:b",
            "/x\ty",
            "/x\0",
            "/%00",
            "/ü",
            "/x#y",
            "/x?y z",
            "/x?\r\nHost: b",
        ] {
            assert!(target.join(wrong).is_err(), "{wrong:?}");
        }
        assert!(target.join(&format!("/{}", "x".repeat(PATH_MAX))).is_err());
    }
}
