//! Kinds whose values are arrays of words, in an order that matters, each once; in a variable they are
//! separated by commas. Not arrays with a form of their own, which stand beside the other kinds.

use std::collections::BTreeSet;
use std::fmt;

use theseus_acl::Network;

use crate::kind::Kind;
use crate::raw::{Raw, shorten};
use crate::schema;

/// Some of a few words, at least one.
pub(crate) struct Choices<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Copy + fmt::Debug> Kind for Choices<T> {
    type Value = Vec<T>;

    fn read(&self, raw: &Raw) -> Result<Vec<T>, String> {
        let words = words(raw)?;
        let chosen = |word: &&str| self.0.iter().find(|(known, _)| known == word).map(|it| it.1);
        if let Some(bad) = words.iter().find(|word| chosen(word).is_none()) {
            return Err(format!("holds \"{}\", which is none of them", shorten(bad)));
        }
        match words.is_empty() {
            true => Err("holds none".to_owned()),
            false => Ok(words.iter().filter_map(chosen).collect()),
        }
    }

    fn allowed(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        format!("an array of one or more of {}", words.join(", "))
    }
}

/// Names as operators choose them.
pub(crate) struct Names;

impl Kind for Names {
    type Value = Vec<String>;

    fn read(&self, raw: &Raw) -> Result<Vec<String>, String> {
        let names = words(raw)?;
        match names.iter().find(|name| !schema::is_name(name)) {
            Some(bad) => Err(format!("holds \"{}\", which is no name", shorten(bad))),
            None => Ok(names.into_iter().map(str::to_owned).collect()),
        }
    }

    fn allowed(&self) -> String {
        format!("an array of names such as [\"one\", \"two\"], each {}", schema::name_rule())
    }
}

/// Names that somebody else knows: without spaces, at most 64 bytes each.
pub(crate) struct Tokens {
    /// The rest of a sentence that begins with "an array of".
    pub(crate) of: &'static str,
}

impl Tokens {
    /// Longest token, in bytes.
    const MAX: usize = 64;
}

impl Kind for Tokens {
    type Value = Vec<String>;

    fn read(&self, raw: &Raw) -> Result<Vec<String>, String> {
        let words = words(raw)?;
        let fits = |word: &&str| {
            (1..=Self::MAX).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_graphic())
        };
        match words.iter().find(|word| !fits(word)) {
            Some(bad) => Err(format!("holds \"{}\", which is no name", shorten(bad))),
            None => Ok(words.into_iter().map(str::to_owned).collect()),
        }
    }

    fn allowed(&self) -> String {
        format!("an array of {}", self.of)
    }
}

/// Addresses and networks, as rules and bans name them.
pub(crate) struct Networks;

impl Kind for Networks {
    type Value = Vec<Network>;

    fn read(&self, raw: &Raw) -> Result<Vec<Network>, String> {
        let parse = |text: &str| {
            Network::parse(text).map_err(|why| format!("holds \"{}\", which {why}", shorten(text)))
        };
        words(raw)?.into_iter().map(parse).collect()
    }

    fn allowed(&self) -> String {
        "an array of addresses and networks such as [\"10.0.0.0/8\", \"::1\"]".to_owned()
    }
}

fn words(raw: &Raw) -> Result<Vec<&str>, String> {
    let words = match raw {
        Raw::Mixed => return Err("holds something that is no string".to_owned()),
        _ => raw.as_texts().ok_or_else(|| raw.misfit())?,
    };
    let mut seen = BTreeSet::new();
    match words.iter().find(|word| !seen.insert(**word)) {
        Some(twice) => Err(format!("holds \"{}\" twice", shorten(twice))),
        None => Ok(words),
    }
}
