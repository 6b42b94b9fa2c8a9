//! What `theseus plugin sign` has its signatures say, in the trusted comment: which plugin was meant,
//! in which version, with which content. Not the signature.

use std::fmt;

use semver::Version;

use crate::hash::Hash;

/// What begins a trusted comment of this form.
const FORM: &str = "theseus-plugin ";

/// `theseus-plugin name=door version=1.2.0 sha256=…`, with one space between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the plugin says it is called.
    pub name: String,
    /// Likewise.
    pub version: Version,
    /// Of the whole file.
    pub sha256: Hash,
}

impl Statement {
    /// The trusted comment.
    pub fn comment(&self) -> String {
        format!("{FORM}name={} version={} sha256={}", self.name, self.version, self.sha256)
    }

    /// What a trusted comment states; none if it is of another form, as minisign's own are.
    ///
    /// # Errors
    /// It begins as one of this form and does not go on so.
    pub fn read(comment: &str) -> Result<Option<Self>, String> {
        let Some(rest) = comment.strip_prefix(FORM) else { return Ok(None) };
        let wrong = || "its trusted comment begins with `theseus-plugin` and has another form";
        Self::of_fields(rest).map(Some).ok_or_else(|| wrong().to_owned())
    }

    fn of_fields(rest: &str) -> Option<Self> {
        let mut fields = rest.split(' ');
        let mut field = |key: &str| fields.next()?.strip_prefix(key)?.strip_prefix('=');
        let name = field("name").filter(|name| is_name(name))?.to_owned();
        let version = field("version")?.parse().ok()?;
        let sha256 = field("sha256")?.parse().ok()?;
        fields.next().is_none().then_some(Self { name, version, sha256 })
    }
}

/// As a person reads it.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} with the sha256 {}", self.name, self.version, self.sha256)
    }
}

/// What a plugin may be called.
fn is_name(name: &str) -> bool {
    let plain = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        let version = "1.2.0-rc.1".parse().unwrap();
        Statement { name: "door".to_owned(), version, sha256: Hash::of(b"abc") }
    }

    #[test]
    fn is_read_as_it_was_written() {
        assert_eq!(Statement::read(&statement().comment()), Ok(Some(statement())));
    }

    #[test]
    fn other_comments_state_nothing_and_half_ones_are_errors() {
        assert_eq!(Statement::read("timestamp:1\tfile:door.wasm\thashed"), Ok(None));
        assert_eq!(Statement::read(""), Ok(None));
        let whole = statement().comment();
        for (from, to) in [
            ("name=door", "name=Door"),
            ("name=door", "name="),
            ("version=1.2.0-rc.1", "version=1.2"),
            ("sha256=b", "sha256="),
            ("sha256=b", "sha256=b "),
            ("name=door version", "version"),
            (" version", "  version"),
        ] {
            let wrong = whole.replacen(from, to, 1);
            assert_ne!(wrong, whole);
            assert!(Statement::read(&wrong).is_err(), "{wrong}");
        }
        assert!(Statement::read(&format!("{whole} more")).is_err());
    }
}
