//! Addresses of what is fetched by plain HTTP: lists of revoked certificates, and answers about single
//! ones. Both carry a signature of their own, and TLS for them would ask about a certificate to ask about
//! a certificate (RFC 5280, 8), so no other scheme is taken. Not the addresses of back ends (`kind`).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::kind::Kind;
use crate::raw::Raw;

/// An address that begins with `http://`, taken apart (RFC 3986, 3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpUrl {
    text: String,
    host: String,
    port: u16,
    target: String,
}

impl HttpUrl {
    /// Longest address, in bytes.
    pub const MAX: usize = 2048;

    /// The name or the IP address of the server, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port; 80 where the address names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a request names: path and query; at least `/`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Host and port as the header Host has them (RFC 9110, 7.2).
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        if *port == 80 { host } else { format!("{host}:{port}") }
    }
}

/// As it was written.
impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for HttpUrl {
    /// The rest of a sentence that begins with the address.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| Err(why.to_owned());
        let plain = |c: u8| c.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&c);
        if text.len() > Self::MAX {
            return Err(format!("is longer than {} bytes", Self::MAX));
        }
        if !text.bytes().all(plain) {
            return refuse("holds a character that no address may hold");
        }
        let scheme = text.split_at_checked("http://".len());
        let rest = scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http://"));
        let Some((_, rest)) = rest else { return refuse("does not begin with http://") };
        if rest.contains('#') {
            return refuse("has a fragment, which no server is told");
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        if authority.contains('@') {
            return refuse("holds a user");
        }
        let (host, port) = apart(authority)?;
        let slash = if behind.starts_with('/') { "" } else { "/" };
        Ok(Self { text: text.to_owned(), host, port, target: format!("{slash}{behind}") })
    }
}

/// Host and port.
fn apart(authority: &str) -> Result<(String, u16), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']').ok_or("has a bracket that never ends")?;
            host.parse::<Ipv6Addr>().map_err(|_| "has no IPv6 address between its brackets")?;
            (host, port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            if !is_host(host) {
                return Err("names no host".to_owned());
            }
            (host, port)
        }
    };
    Ok((host.to_owned(), port_of(port)?))
}

fn port_of(text: &str) -> Result<u16, String> {
    if text.is_empty() {
        return Ok(80);
    }
    let digits = text.strip_prefix(':').filter(|rest| rest.bytes().all(|c| c.is_ascii_digit()));
    let port = digits.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0);
    port.ok_or_else(|| "has no port from 1 to 65535".to_owned())
}

/// A name of DNS, or of a file of hosts, or an IPv4 address. What looks like one of those and is none
/// (`127.1`, `0x7f000001`) is one to some resolvers and another to others.
fn is_host(host: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    let fits = (1..=253).contains(&host.len()) && host.bytes().all(plain);
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with(|c: char| c.is_ascii_digit());
    fits && !last.is_empty() && (!is_number || host.parse::<Ipv4Addr>().is_ok() || has_letter(last))
}

/// `0x7f` is a number too.
fn has_letter(label: &str) -> bool {
    let is_hexadecimal = label.starts_with("0x") || label.starts_with("0X");
    !is_hexadecimal && label.bytes().any(|c| !c.is_ascii_digit())
}

/// One address of plain HTTP.
pub(crate) struct OneHttpUrl;

impl Kind for OneHttpUrl {
    type Value = HttpUrl;

    fn read(&self, raw: &Raw) -> Result<HttpUrl, String> {
        raw.as_text().ok_or_else(|| raw.misfit())?.parse()
    }

    fn allowed(&self) -> String {
        "an address such as \"http://ca.example.com/ocsp\", without user and fragment".to_owned()
    }

    /// Behind a user there may be a password.
    fn is_secret(&self, raw: &Raw) -> bool {
        raw.as_text().is_some_and(|text| text.contains('@'))
    }
}

/// Several of them, each once.
pub(crate) struct HttpUrls;

impl HttpUrls {
    /// Addresses of one key.
    const MAX: usize = 8;
}

impl Kind for HttpUrls {
    type Value = Vec<HttpUrl>;

    fn read(&self, raw: &Raw) -> Result<Vec<HttpUrl>, String> {
        let texts = match raw {
            Raw::Mixed => return Err("holds something that is no string".to_owned()),
            _ => raw.as_texts().ok_or_else(|| raw.misfit())?,
        };
        if texts.len() > Self::MAX {
            return Err(format!("holds more than {} addresses", Self::MAX));
        }
        let mut urls = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            let url = text
                .parse()
                .map_err(|why| format!("holds as number {} one that {why}", index + 1))?;
            if urls.contains(&url) {
                return Err(format!("holds number {} twice", index + 1));
            }
            urls.push(url);
        }
        Ok(urls)
    }

    fn allowed(&self) -> String {
        format!(
            "an array of at most {} addresses such as [\"http://ca.example.com/ca.crl\"], without user \
             and fragment",
            Self::MAX
        )
    }

    fn is_secret(&self, raw: &Raw) -> bool {
        raw.as_texts().is_some_and(|texts| texts.iter().any(|text| text.contains('@')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_port_and_target() {
        for (text, host, port, target, authority) in [
            ("http://ca.example.com", "ca.example.com", 80, "/", "ca.example.com"),
            ("http://ca:80/a/b?c=d", "ca", 80, "/a/b?c=d", "ca"),
            ("HTTP://10.0.0.1:8080?x", "10.0.0.1", 8080, "/?x", "10.0.0.1:8080"),
            ("http://[::1]:81/x", "::1", 81, "/x", "[::1]:81"),
            ("http://[2001:db8::1]", "2001:db8::1", 80, "/", "[2001:db8::1]"),
            ("http://a_b.c.:65535//", "a_b.c.", 65535, "//", "a_b.c.:65535"),
            ("http://3com.7up", "3com.7up", 80, "/", "3com.7up"),
        ] {
            let url: HttpUrl = text.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.target()), (host, port, target), "{text}");
            assert_eq!((url.to_string().as_str(), &*url.authority()), (text, authority));
        }
    }

    #[test]
    fn what_is_no_address_of_plain_http_is_refused_with_its_reason() {
        let long = format!("http://a/{}", "x".repeat(HttpUrl::MAX));
        for (text, why) in [
            ("", "does not begin with http://"),
            ("ftp://a", "does not begin with http://"),
            ("https://a", "does not begin with http://"),
            ("http:/é", "holds a character"),
            ("http://", "names no host"),
            ("http:///x", "names no host"),
            ("http://:80/x", "names no host"),
            ("http://.", "names no host"),
            ("http://127.1", "names no host"),
            ("http://1.2.3.4.5", "names no host"),
            ("http://0x7f000001", "names no host"),
            ("http://a%2eb", "names no host"),
            ("http://u:p@a/", "holds a user"),
            ("http://a/#b", "has a fragment"),
            ("http://a/ b", "holds a character"),
            ("http://a/\r\nX: y", "holds a character"),
            ("http://a\\b", "holds a character"),
            ("http://a:/", "has no port"),
            ("http://a:0/", "has no port"),
            ("http://a:65536/", "has no port"),
            ("http://a:+80/", "has no port"),
            ("http://a:80:81/", "has no port"),
            ("http://[::1", "has a bracket"),
            ("http://[::1]x/", "has no port"),
            ("http://[ca]/", "has no IPv6 address"),
            (&long, "is longer than"),
        ] {
            let said = text.parse::<HttpUrl>().unwrap_err();
            assert!(said.starts_with(why), "{text}: {said}");
        }
    }

    #[test]
    fn several_are_few_and_each_once() {
        let read = |texts: &[&str]| {
            HttpUrls.read(&Raw::Texts(texts.iter().map(|&text| text.to_owned()).collect()))
        };
        assert_eq!(read(&["http://a", "http://b"]).map(|urls| urls.len()), Ok(2));
        assert_eq!(read(&[]), Ok(Vec::new()));
        for (texts, why) in [
            (&["http://a", "http://a"][..], "holds number 2 twice"),
            (&["http://a", "b"], "holds as number 2 one that does not begin with http://"),
            (&["http://a"; 9], "holds more than 8 addresses"),
        ] {
            assert_eq!(read(texts), Err(why.to_owned()));
        }
        assert!(HttpUrls.is_secret(&Raw::Texts(vec!["http://u:p@a".into()])));
        assert!(OneHttpUrl.is_secret(&Raw::Text("http://u:p@a".into())));
    }
}
