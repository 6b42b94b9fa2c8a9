//! What the rules ask of a crate's `Cargo.toml`: its folder, its dependencies, its keys by line.
//! No TOML parser: cargo has already refused what is not well formed.

use super::source::Source;

pub(crate) struct Manifest<'a> {
    pub(crate) file: &'a Source,
    /// The crate's folder, such as `host/mqtt`.
    pub(crate) folder: &'a str,
}

/// One dependency that is part of the shipped crate.
pub(crate) struct Dependency<'a> {
    pub(crate) name: &'a str,
    pub(crate) at: usize,
}

impl<'a> Manifest<'a> {
    pub(crate) fn new(file: &'a Source) -> Self {
        Self { file, folder: file.path.trim_end_matches("/Cargo.toml") }
    }

    /// Normal and build dependencies, for any target. Those of tests are not counted.
    pub(crate) fn dependencies(&self) -> Vec<Dependency<'a>> {
        let mut found = Vec::new();
        for (section, at, line) in lines(&self.file.text) {
            let (kind, named) = kind_of(section);
            if !matches!(kind, "dependencies" | "build-dependencies") {
                continue;
            }
            let key = line.split(['=', '.']).next().unwrap_or_default().trim().trim_matches('"');
            match named {
                Some(name) if line.starts_with('[') => found.push(Dependency { name, at }),
                None if line.contains('=') => found.push(Dependency { name: key, at }),
                _ => {}
            }
        }
        found
    }

    pub(crate) fn has(&self, section: &str, line: &str) -> bool {
        lines(&self.file.text).any(|(s, _, l)| s == section && l == line)
    }
}

/// Each line with its section and offset, without comments, indents and empty lines.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (&str, usize, &str)> {
    let (mut section, mut at) = ("", 0);
    let split = text.split_inclusive('\n').map(move |raw| {
        let start = at;
        at += raw.len();
        let line = raw.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') && line.ends_with(']') {
            section = line.trim_matches(['[', ']']);
        }
        (section, start, line)
    });
    split.filter(|(_, _, line)| !line.is_empty())
}

/// `target.'cfg(unix)'.dependencies.foo` is (`dependencies`, `foo`).
fn kind_of(section: &str) -> (&str, Option<&str>) {
    const KINDS: [&str; 3] = ["dev-dependencies", "build-dependencies", "dependencies"];
    for kind in KINDS {
        let rest = section.strip_prefix(kind).or_else(|| {
            let (before, rest) = section.split_once(&format!(".{kind}"))?;
            before.starts_with("target.").then_some(rest)
        });
        match rest {
            Some("") => return (kind, None),
            Some(rest) if rest.starts_with('.') => return (kind, Some(&rest[1..])),
            _ => {}
        }
    }
    ("", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_in_every_form() {
        let text = "[package]\nname = \"x\"\n[dependencies]\na = \"1\" # b = 1\nc.workspace = true\n\
                    [dependencies.d]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\ne = \"1\"\n\
                    [dev-dependencies]\nf = \"1\"\n[build-dependencies]\ng = \"1\"\n";
        let file = Source::new("host/x/Cargo.toml", text.to_owned());
        let manifest = Manifest::new(&file);
        let names: Vec<&str> = manifest.dependencies().iter().map(|d| d.name).collect();
        assert_eq!(names, ["a", "c", "d", "e", "g"]);
        assert_eq!(manifest.folder, "host/x");
        assert!(manifest.has("package", "name = \"x\""));
    }
}
