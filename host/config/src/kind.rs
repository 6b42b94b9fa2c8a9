//! The kinds of value a key can take: how each is read, and how its limits read in an error and in
//! the docs. Not the keys, which are declared section by section. Used in the declarations
//! (`section!`) and by `read`.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::connectors::Secrets;
use crate::raw::{Raw, shorten};
use crate::units;

/// A type of value with its limits.
pub(crate) trait Kind {
    /// What it is read into.
    type Value: fmt::Debug;

    /// Reads a value. The error continues a sentence that begins with the value: "has no unit".
    fn read(&self, raw: &Raw) -> Result<Self::Value, String>;

    /// Every value it takes, in words.
    fn allowed(&self) -> String;

    /// What two values have in common that mean the same.
    fn meaning(&self, value: &Self::Value) -> String {
        format!("{value:?}")
    }

    /// Whether this value is kept out of errors and lists.
    fn is_secret(&self, _raw: &Raw) -> bool {
        false
    }
}

/// `true` or `false`.
pub(crate) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read(&self, raw: &Raw) -> Result<bool, String> {
        raw.as_bool().ok_or_else(|| raw.misfit())
    }

    fn allowed(&self) -> String {
        "true or false".to_owned()
    }
}

/// A whole number, both limits included.
pub(crate) struct Count {
    pub(crate) min: u32,
    pub(crate) max: u32,
}

impl Kind for Count {
    type Value = usize;

    fn read(&self, raw: &Raw) -> Result<usize, String> {
        let number = raw.as_integer().ok_or_else(|| raw.misfit())?;
        let inside = (i64::from(self.min)..=i64::from(self.max)).contains(&number);
        usize::try_from(number).ok().filter(|_| inside).ok_or_else(out_of_range)
    }

    fn allowed(&self) -> String {
        format!("an integer from {} to {}", self.min, self.max)
    }
}

/// A whole number that MQTT carries in two bytes, both limits included.
pub(crate) struct Short {
    pub(crate) min: u16,
    pub(crate) max: u16,
}

impl Kind for Short {
    type Value = u16;

    fn read(&self, raw: &Raw) -> Result<u16, String> {
        let number = raw.as_integer().ok_or_else(|| raw.misfit())?;
        let limits = self.min..=self.max;
        u16::try_from(number).ok().filter(|number| limits.contains(number)).ok_or_else(out_of_range)
    }

    fn allowed(&self) -> String {
        format!("an integer from {} to {}", self.min, self.max)
    }
}

/// A number with a fraction, both limits included. NaN is in no range.
pub(crate) struct Factor {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Kind for Factor {
    type Value = f64;

    fn read(&self, raw: &Raw) -> Result<f64, String> {
        let number = raw.as_number().ok_or_else(|| raw.misfit())?;
        if (self.min..=self.max).contains(&number) { Ok(number) } else { Err(out_of_range()) }
    }

    fn allowed(&self) -> String {
        format!("a number from {:?} to {:?}", self.min, self.max)
    }
}

/// A duration with its unit, both limits included.
pub(crate) struct Span {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Kind for Span {
    type Value = Duration;

    fn read(&self, raw: &Raw) -> Result<Duration, String> {
        let duration = units::parse_duration(text_with_unit(raw)?)?;
        let inside = (self.min..=self.max).contains(&duration);
        if inside { Ok(duration) } else { Err(out_of_range()) }
    }

    fn allowed(&self) -> String {
        let [min, max] = [self.min, self.max].map(units::format_duration);
        format!("a duration from \"{min}\" to \"{max}\" (units ms, s, m, h, d)")
    }
}

/// A size in bytes with its unit, both limits included.
pub(crate) struct Bytes {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

impl Kind for Bytes {
    type Value = usize;

    fn read(&self, raw: &Raw) -> Result<usize, String> {
        let bytes = units::parse_size(text_with_unit(raw)?)?;
        let inside = (self.min..=self.max).contains(&bytes);
        usize::try_from(bytes).ok().filter(|_| inside).ok_or_else(out_of_range)
    }

    fn allowed(&self) -> String {
        let [min, max] = [self.min, self.max].map(units::format_size);
        format!("a size from \"{min}\" to \"{max}\" (units B, KB, MB, GB)")
    }
}

/// An address and a port.
pub(crate) struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn read(&self, raw: &Raw) -> Result<SocketAddr, String> {
        match raw {
            Raw::Integer(_) => Err("is a port without an address".to_owned()),
            _ => read_address(raw.as_text().ok_or_else(|| raw.misfit())?),
        }
    }

    fn allowed(&self) -> String {
        "an IP address and a port, such as \"127.0.0.1:1883\" or \"[::]:1883\" (port 0: any free one)"
            .to_owned()
    }
}

fn read_address(text: &str) -> Result<SocketAddr, String> {
    if text.parse::<u16>().is_ok() {
        return Err("is a port without an address".to_owned());
    }
    text.parse().map_err(|_| "is not an IP address and a port".to_owned())
}

/// A share, written `"20%"`, in percent up to 100.
pub(crate) struct Percent {
    pub(crate) min: usize,
}

impl Kind for Percent {
    type Value = usize;

    fn read(&self, raw: &Raw) -> Result<usize, String> {
        let text = raw.as_text().ok_or_else(|| raw.misfit())?;
        let share = text.strip_suffix('%').and_then(|number| number.parse().ok());
        match share {
            None => Err("is no share such as \"20%\"".to_owned()),
            Some(share) if (self.min..=100).contains(&share) => Ok(share),
            Some(_) => Err("is out of range".to_owned()),
        }
    }

    fn allowed(&self) -> String {
        format!("\"{}%\" to \"100%\"", self.min)
    }
}

/// A path. Whether it exists is asked by who opens it.
pub(crate) struct Folder;

impl Kind for Folder {
    type Value = PathBuf;

    fn read(&self, raw: &Raw) -> Result<PathBuf, String> {
        match raw.as_text().ok_or_else(|| raw.misfit())? {
            "" => Err("names no folder".to_owned()),
            text if text.contains('\0') => Err("contains a NUL character".to_owned()),
            text => Ok(PathBuf::from(text)),
        }
    }

    fn allowed(&self) -> String {
        "a path, absolute or from the base folder".to_owned()
    }
}

/// Any text of a bounded length, in bytes.
pub(crate) struct Words {
    pub(crate) max: usize,
}

impl Kind for Words {
    type Value = String;

    fn read(&self, raw: &Raw) -> Result<String, String> {
        match raw.as_text().ok_or_else(|| raw.misfit())? {
            text if text.contains('\0') => Err("contains a NUL character".to_owned()),
            text if text.len() > self.max => Err("is too long".to_owned()),
            text => Ok(text.to_owned()),
        }
    }

    fn allowed(&self) -> String {
        format!("a text of at most {} bytes", self.max)
    }
}

/// The path of a URL, without a query.
pub(crate) struct RequestPath;

impl RequestPath {
    /// Longest path, in bytes.
    const MAX: usize = 256;
}

impl Kind for RequestPath {
    type Value = String;

    fn read(&self, raw: &Raw) -> Result<String, String> {
        let text = raw.as_text().ok_or_else(|| raw.misfit())?;
        let plain = |c: u8| c.is_ascii_graphic() && !matches!(c, b'?' | b'#');
        let fits = text.starts_with('/') && text.len() <= Self::MAX && text.bytes().all(plain);
        if fits { Ok(text.to_owned()) } else { Err("is not the path of a URL".to_owned()) }
    }

    fn allowed(&self) -> String {
        format!("a path that begins with `/`, at most {} printable characters", Self::MAX)
    }
}

/// The address of an HTTP backend, which may end with a path.
pub(crate) struct BaseUrl;

impl BaseUrl {
    /// Longest address, in bytes.
    const MAX: usize = 2048;
}

impl Kind for BaseUrl {
    type Value = String;

    fn read(&self, raw: &Raw) -> Result<String, String> {
        let text = raw.as_text().ok_or_else(|| raw.misfit())?;
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let rest = rest.ok_or("begins with neither http:// nor https://")?;
        let host = rest.split('/').next().unwrap_or_default();
        let plain = |c: u8| c.is_ascii_graphic() && !matches!(c, b'?' | b'#' | b'\\');
        if host.contains('@') {
            return Err("holds a user; secrets stand in `headers` or in a file".to_owned());
        }
        let fits = !host.is_empty() && text.len() <= Self::MAX && text.bytes().all(plain);
        if fits { Ok(text.to_owned()) } else { Err("is no such address".to_owned()) }
    }

    fn allowed(&self) -> String {
        "an address such as \"https://auth.example.com:8443/v1\", without user, query and fragment"
            .to_owned()
    }

    /// Behind a user there may be a password.
    fn is_secret(&self, raw: &Raw) -> bool {
        raw.as_text().is_some_and(|text| text.contains('@'))
    }
}

/// Headers of HTTP, with their values, which may be secret.
pub(crate) struct Headers;

impl Kind for Headers {
    type Value = Secrets;

    fn read(&self, raw: &Raw) -> Result<Secrets, String> {
        let texts = match raw {
            Raw::Mixed => return Err("holds something that is no string".to_owned()),
            _ => raw.as_texts().ok_or_else(|| raw.misfit())?,
        };
        let is_header = |text: &&str| {
            let name = text.split_once(':').map_or("", |(name, _)| name.trim());
            let plain = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
            !name.is_empty() && name.bytes().all(plain) && !text.contains(['\r', '\n', '\0'])
        };
        match texts.iter().position(|text| !is_header(text)) {
            Some(at) => Err(format!("holds as number {} something that is no header", at + 1)),
            None => Ok(Secrets::new(texts.into_iter().map(str::to_owned).collect())),
        }
    }

    fn allowed(&self) -> String {
        "an array of headers such as [\"X-Tenant: 4\"]".to_owned()
    }

    /// Not the texts: what a configuration means can be shown too.
    fn meaning(&self, value: &Secrets) -> String {
        let mut hasher = DefaultHasher::new();
        value.texts().hash(&mut hasher);
        hasher.finish().to_string()
    }

    fn is_secret(&self, _raw: &Raw) -> bool {
        true
    }
}

/// Origins as browsers name them: scheme, host and port, nothing behind.
pub(crate) struct Origins;

impl Kind for Origins {
    type Value = Vec<String>;

    fn read(&self, raw: &Raw) -> Result<Vec<String>, String> {
        let origins = match raw {
            Raw::Mixed => return Err("holds something that is no string".to_owned()),
            _ => raw.as_texts().ok_or_else(|| raw.misfit())?,
        };
        let host = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_owned());
        let plain = |c: u8| c.is_ascii_graphic() && !matches!(c, b'/' | b'*');
        let fits = |origin: &&str| {
            host(origin).is_some_and(|host| !host.is_empty() && host.bytes().all(plain))
        };
        match origins.iter().find(|origin| !fits(origin)) {
            Some(bad) => Err(format!("holds \"{}\", which is no origin", shorten(bad))),
            None => Ok(origins.into_iter().map(str::to_owned).collect()),
        }
    }

    fn allowed(&self) -> String {
        "an array of origins such as [\"https://app.example.com\", \"http://localhost:8080\"]"
            .to_owned()
    }
}

/// A node's name, `name@host`.
pub(crate) struct NodeName;

impl NodeName {
    /// Longest name, in bytes.
    const MAX: usize = 255;
}

impl Kind for NodeName {
    type Value = String;

    fn read(&self, raw: &Raw) -> Result<String, String> {
        let text = raw.as_text().ok_or_else(|| raw.misfit())?;
        let parts = text.split_once('@').filter(|(name, host)| {
            let plain = |c: char| c.is_ascii_graphic() && c != '@';
            !name.is_empty() && !host.is_empty() && name.chars().chain(host.chars()).all(plain)
        });
        let fits = parts.is_some() && text.len() <= Self::MAX;
        if fits { Ok(text.to_owned()) } else { Err("is not of the form name@host".to_owned()) }
    }

    fn allowed(&self) -> String {
        format!("\"name@host\", at most {} printable ASCII characters without spaces", Self::MAX)
    }
}

/// One of a few words.
pub(crate) struct Choice<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Copy + fmt::Debug> Kind for Choice<T> {
    type Value = T;

    fn read(&self, raw: &Raw) -> Result<T, String> {
        let text = raw.as_text().ok_or_else(|| raw.misfit())?;
        let chosen = self.0.iter().find(|(word, _)| *word == text);
        chosen.map(|(_, value)| *value).ok_or_else(|| "is none of them".to_owned())
    }

    fn allowed(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        words.join(", ")
    }
}

/// Another kind, or one word that means "none": `"infinity"`, `"disabled"`, `"inherit"`.
pub(crate) struct OrWord<K>(pub(crate) &'static str, pub(crate) K);

impl<K: Kind> Kind for OrWord<K> {
    type Value = Option<K::Value>;

    fn read(&self, raw: &Raw) -> Result<Self::Value, String> {
        if raw.as_text() == Some(self.0) { Ok(None) } else { self.1.read(raw).map(Some) }
    }

    fn allowed(&self) -> String {
        format!("\"{}\", or {}", self.0, self.1.allowed())
    }

    fn is_secret(&self, raw: &Raw) -> bool {
        raw.as_text() != Some(self.0) && self.1.is_secret(raw)
    }
}

fn text_with_unit(raw: &Raw) -> Result<&str, String> {
    match raw {
        Raw::Integer(_) | Raw::Float(_) => Err("has no unit".to_owned()),
        _ => raw.as_text().ok_or_else(|| raw.misfit()),
    }
}

fn out_of_range() -> String {
    "is out of range".to_owned()
}
