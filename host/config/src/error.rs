//! What is wrong with a configuration, and where: every error of the file and of the environment at
//! once. Not the finding of errors, which is spread over `syntax`, `walk`, `env`, `read` and
//! `validate`. Used by everything in this crate; the host prints it and keeps the old
//! configuration.

use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The configuration file.
    File {
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable, which wins over the file.
    Environment {
        /// Its full name, `THESEUS_…`.
        variable: String,
    },
    /// Neither names it: the default of the declaration.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line } => write!(f, "line {line}"),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Where an error stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the configuration file, or about it as a whole.
    File {
        /// The name the file was given with.
        name: String,
        /// Counted from 1; none when the error is about something that is missing.
        line: Option<usize>,
    },
    /// In an environment variable.
    Environment {
        /// Its full name, `THESEUS_…`.
        variable: String,
    },
}

impl Place {
    /// Where a value of this origin stands; a default is missing in the file `source`.
    pub(crate) fn of(source: &str, origin: &Origin) -> Self {
        let file = |line| Self::File { name: source.to_owned(), line };
        match origin {
            Origin::File { line } => file(Some(*line)),
            Origin::Default => file(None),
            Origin::Environment { variable } => Self::Environment { variable: variable.clone() },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line: Some(line) } => write!(f, "{name}:{line}"),
            Self::File { name, line: None } => f.write_str(name),
            Self::Environment { variable } => write!(f, "environment {variable}"),
        }
    }
}

/// One error, printed as `etc/theseus.toml:12: mqtt.max_inflight: 0 is out of range; allowed: …`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// The file and line, or the variable.
    pub place: Place,
    /// The dotted key, where the error is about one.
    pub key: Option<String>,
    /// What was found and what is allowed, one sentence without a full stop.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.problem)
    }
}

/// Every error of one configuration, at least one: those of the file by line, then those of the
/// environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, in the order they are printed.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects errors while a configuration is read; knows the name of the file.
#[derive(Debug)]
pub(crate) struct Errors {
    source: String,
    list: Vec<ConfigError>,
}

impl Errors {
    pub(crate) fn new(source: &str) -> Self {
        Self { source: source.to_owned(), list: Vec::new() }
    }

    /// An error about a key. [`Origin::Default`] places it in the file, without a line.
    pub(crate) fn key(&mut self, origin: &Origin, key: &str, problem: impl Into<String>) {
        let place = Place::of(&self.source, origin);
        self.list.push(ConfigError { place, key: Some(key.to_owned()), problem: problem.into() });
    }

    /// An error about no key in particular.
    pub(crate) fn whole(&mut self, origin: &Origin, problem: impl Into<String>) {
        let place = Place::of(&self.source, origin);
        self.list.push(ConfigError { place, key: None, problem: problem.into() });
    }

    /// Whether something about this section, or a key of it, was wrong.
    pub(crate) fn mention(&self, section: &str) -> bool {
        let inside = |key: &String| key.split('.').next() == Some(section);
        self.list.iter().any(|error| error.key.as_ref().is_some_and(inside))
    }

    /// Whether an error is about a key whose last part is one of these, or suggests one.
    pub(crate) fn speak_of(&self, keys: &[&str]) -> bool {
        let speaks = |error: &ConfigError, key: &str| {
            let about = error.key.as_deref().and_then(|path| path.rsplit('.').next());
            about == Some(key) || error.problem.contains(&format!("`{key}`"))
        };
        self.list.iter().any(|error| keys.iter().any(|key| speaks(error, key)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Everything collected, sorted by place, without repetitions.
    pub(crate) fn finish(mut self) -> ConfigErrors {
        self.list.sort();
        self.list.dedup();
        ConfigErrors(self.list)
    }
}
