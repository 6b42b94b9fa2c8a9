//! A file of lines `KEY:VALUE` in memory: its bytes once, and an index of where its lines begin.
//! Not what a value means, except that a users file's values are checked in `users`.
//! Used by the policy, which shares one among all instances of a plugin.

use std::fmt;
use std::hash::BuildHasher as _;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::line_errors::{LineErrors, shown};
use crate::lines::{Line, line_of, lines, without_end};
use crate::users;

/// Largest file in bytes, 1 GiB. Offsets are 32 bits wide, so it could be no more than 4.
pub const FILE_SIZE_MAX: usize = 1 << 30;
const _: () = assert!(FILE_SIZE_MAX <= u32::MAX as usize);

/// What is checked of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: a value is whatever stands behind the first `:`, or nothing.
    Keyed,
    /// `HASH[:FIELD,FIELD…]`; a FIELD is `superuser` or `NAME=VALUE`. Files of mosquitto are such.
    Users,
}

/// One file in memory: its bytes, and 5 bytes for each place of an index that is 44 to 88 % full.
pub struct KeyedFile {
    text: Box<str>,
    /// Where the lines begin, found by the hash of their keys.
    starts: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl KeyedFile {
    /// Checks and indexes a file. UTF-8; a line ends with `\n` or `\r\n`; empty lines and lines that
    /// begin with `#` are skipped; a key is not empty and stands there once.
    ///
    /// # Errors
    /// The first 20 lines that are wrong, each with what is wrong in it; or one error if the file is
    /// larger than [`FILE_SIZE_MAX`].
    pub fn parse(bytes: Vec<u8>, form: Form) -> Result<Self, LineErrors> {
        if bytes.len() > FILE_SIZE_MAX {
            let problem = format!("the file is larger than {FILE_SIZE_MAX} bytes");
            return Err(LineErrors::one(1, problem));
        }
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(error.as_bytes()))?;
        let mut file = Self {
            text: text.into_boxed_str(),
            starts: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        match file.index(form) {
            None => Ok(file),
            Some(errors) => Err(errors),
        }
    }

    /// What stands behind `KEY:`; none if there is no such line.
    #[must_use]
    pub fn lookup(&self, key: &str) -> Option<&str> {
        let hash = self.hasher.hash_one(key);
        let start = self.starts.find(hash, |start| key_at(&self.text, *start) == key)?;
        let value = *start as usize + key.len() + 1;
        self.text[value..].split_inclusive('\n').next().map(without_end).or(Some(""))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// True if there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.starts.allocation_size()
    }

    fn index(&mut self, form: Form) -> Option<LineErrors> {
        let Self { text, starts, hasher } = self;
        let wrong = lines(text).filter(|line| !line.is_skipped()).filter_map(|line| {
            let key = checked(&line, form).and_then(|key| {
                let hash = hasher.hash_one(key);
                add(text, starts, hash, &line, |start| hasher.hash_one(key_at(text, *start)))
            });
            key.err().map(|problem| (line.number, problem))
        });
        LineErrors::gather(wrong)
    }
}

/// Its lines may hold hashes of passwords, so they are not shown.
impl fmt::Debug for KeyedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedFile").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The key of a line that is known to have one.
fn key_at(text: &str, start: u32) -> &str {
    text[start as usize..].split_once(':').map_or("", |(key, _)| key)
}

/// The line's key, if the line is as its form demands.
fn checked<'a>(line: &Line<'a>, form: Form) -> Result<&'a str, String> {
    let (key, value) = line.pair().ok_or("no `:` in the line")?;
    match form {
        Form::Keyed if key.is_empty() => Err("no key before the `:`".into()),
        Form::Keyed => Ok(key),
        Form::Users => users::check(key, value).map(|()| key),
    }
}

fn add(
    text: &str,
    starts: &mut HashTable<u32>,
    hash: u64,
    line: &Line<'_>,
    hasher: impl Fn(&u32) -> u64,
) -> Result<(), String> {
    let start = u32::try_from(line.start).map_err(|_| "too far behind in the file")?;
    let key = key_at(text, start);
    match starts.entry(hash, |start| key_at(text, *start) == key, hasher) {
        Entry::Vacant(place) => {
            place.insert(start);
            Ok(())
        }
        Entry::Occupied(first) => {
            let first = line_of(text.as_bytes(), *first.get() as usize);
            Err(format!("{} stands in line {first} already", shown(key)))
        }
    }
}

/// Every line that is not text.
pub(crate) fn not_utf8(bytes: &[u8]) -> LineErrors {
    let wrong = bytes.split(|byte| *byte == b'\n').enumerate();
    let wrong = wrong.filter(|(_, line)| str::from_utf8(line).is_err());
    LineErrors::gather(wrong.map(|(index, _)| (index + 1, NOT_UTF8.to_owned())))
        .unwrap_or_else(|| LineErrors::one(1, NOT_UTF8.to_owned()))
}

const NOT_UTF8: &str = "not UTF-8";
