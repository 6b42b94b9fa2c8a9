//! The headers of a connector, most of which are secrets: read from the configuration and from files,
//! put on every request, and kept from plugins. Errors never repeat a value.

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::http::settings::Settings;

/// Those that the broker itself writes, and those that change what a message means to those it passes
/// through: not for plugins, nor for operators.
const RESERVED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The most headers of a connector.
const HEADERS_MAX: usize = 32;

/// Longest value, in bytes.
const VALUE_MAX: usize = 8 << 10;

pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(&name.as_str())
}

/// All of them, marked so that hyper does not print them either.
pub(crate) fn of_connector(settings: &Settings) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (place, line) in settings.headers.iter().enumerate() {
        add(&mut headers, line).map_err(|why| format!("headers: number {} {why}", place + 1))?;
    }
    let lines = settings.headers_file.as_deref().unwrap_or_default().lines().enumerate();
    let is_header = |line: &str| !line.is_empty() && !line.starts_with('#');
    for (at, line) in lines.map(|(at, line)| (at, line.trim())).filter(|(_, it)| is_header(it)) {
        add(&mut headers, line).map_err(|why| format!("headers_file:{}: it {why}", at + 1))?;
    }
    if let Some(text) = &settings.authorization_file {
        let value = secret(text.trim()).map_err(|why| format!("authorization_file: it {why}"))?;
        if headers.insert(AUTHORIZATION, value).is_some() {
            return Err("authorization_file: there is a header Authorization already".to_owned());
        }
    }
    Ok(headers)
}

fn add(headers: &mut HeaderMap, line: &str) -> Result<(), String> {
    let (name, value) = line.split_once(':').ok_or("is not of the form `Name: value`")?;
    let name: HeaderName = name.trim().parse().map_err(|_| "has no name of a header")?;
    if is_reserved(&name) {
        return Err(format!("is `{name}`, which the broker sets itself"));
    }
    let value = secret(value.trim())?;
    if headers.len() >= HEADERS_MAX {
        return Err(format!("is one more than {HEADERS_MAX}"));
    }
    match headers.insert(&name, value) {
        Some(_) => Err(format!("is `{name}`, which stands there twice")),
        None => Ok(()),
    }
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    if text.is_empty() || text.len() > VALUE_MAX {
        return Err(format!("has a value that is not of 1 to {VALUE_MAX} bytes"));
    }
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "has a value with a character that no header may hold".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("http://a")
    }

    #[test]
    fn headers_come_from_three_places() {
        let headers = of_connector(&Settings {
            headers: vec!["X-One: 1".into()],
            headers_file: Some("# the second\n\nX-Two:  2 \r\n".into()),
            authorization_file: Some("Bearer s3cr3t\n".into()),
            ..settings()
        })
        .unwrap();
        let value = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!((value("x-one"), value("x-two")), ("1".to_owned(), "2".to_owned()));
        assert_eq!(value("authorization"), "Bearer s3cr3t");
        assert!(!format!("{headers:?}").contains("s3cr3t"));
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let headers = |line: &str| Settings { headers: vec![line.into()], ..settings() };
        let file = |text: &str| Settings { headers_file: Some(text.into()), ..settings() };
        let authorization =
            |text: &str| Settings { authorization_file: Some(text.into()), ..settings() };
        for (wrong, why) in [
            (headers("s3cr3t"), "headers: number 1 is not of the form `Name: value`"),
            (headers("s3 cr3t: x"), "headers: number 1 has no name of a header"),
            (headers("Host: s3cr3t"), "headers: number 1 is `host`, which the broker sets itself"),
            (file("a: s3cr3t\nA: s3cr3t"), "headers_file:2: it is `a`, which stands there twice"),
            (file("a: s3\x01cr3t"), "headers_file:1: it has a value with a character"),
            (authorization(""), "authorization_file: it has a value that is not of 1 to 8192"),
            (authorization("a\nb"), "authorization_file: it has a value with a character"),
        ] {
            let said = of_connector(&wrong).unwrap_err();
            assert!(said.starts_with(why), "{said}");
            assert!(!said.contains("s3"), "{said}");
        }
        let both =
            Settings { authorization_file: Some("a".into()), ..headers("authorization: s3cr3t") };
        assert!(of_connector(&both).unwrap_err().contains("already"));
    }
}
