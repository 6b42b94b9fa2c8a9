//! Topic names and topic filters: what is one, what a shared one names, and what matches what.
//!
//! The matcher is the plain reference that faster ones are tested against; `theseus-route` has the fast one.

use std::error::Error;
use std::fmt;

/// The longest topic name or filter in bytes `[MQTT-4.7.3-3]`.
const LEN_MAX: usize = u16::MAX as usize;
const SHARE_PREFIX: &str = "$share/";

/// Why a string is no topic name or no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// No character `[MQTT-4.7.3-1]`.
    Empty,
    /// More than 65535 bytes `[MQTT-4.7.3-3]`.
    TooLong,
    /// U+0000 `[MQTT-4.7.3-2]`.
    NulCharacter,
    /// `+` or `#` in a topic name `[MQTT-4.7.0-1]`.
    WildcardInName,
    /// `#` not last, or not alone in its level `[MQTT-4.7.1-1]`.
    MisplacedHash,
    /// `+` not alone in its level `[MQTT-4.7.1-2]`.
    MisplacedPlus,
    /// `$share/` with an empty share name, or one with a wildcard `[MQTT-4.8.2-1]`, `[MQTT-4.8.2-2]`.
    ShareName,
    /// `$share/` and a share name without a filter `[MQTT-4.8.2-2]`.
    ShareWithoutFilter,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::TooLong => "is longer than 65535 bytes",
            Self::NulCharacter => "holds the character U+0000",
            Self::WildcardInName => "holds a wildcard",
            Self::MisplacedHash => "has a # that is not alone in the last level",
            Self::MisplacedPlus => "has a + that is not alone in its level",
            Self::ShareName => "has a share name that is empty or holds a wildcard",
            Self::ShareWithoutFilter => "names a share but no filter",
        })
    }
}

impl Error for TopicError {}

/// Whether `topic` is a topic name: not empty, no wildcards, no U+0000, at most 65535 bytes.
///
/// # Errors
/// What is wrong with it.
pub fn check_topic_name(topic: &str) -> Result<(), TopicError> {
    check_string(topic)?;
    // No early end: so the compiler compares many bytes at once, in a check every PUBLISH pays.
    let wildcard = topic.bytes().fold(false, |found, byte| found | (byte == b'+') | (byte == b'#'));
    if wildcard { Err(TopicError::WildcardInName) } else { Ok(()) }
}

/// Whether `filter` is a topic filter, shared or not. A string that starts with `$share/` is
/// judged as a shared subscription in every version, because the broker treats it as one.
///
/// # Errors
/// What is wrong with it.
pub fn check_filter(filter: &str) -> Result<(), TopicError> {
    check_string(filter)?;
    match SharedFilter::parse(filter)? {
        Some(shared) => check_wildcards(shared.filter),
        None => check_wildcards(filter),
    }
}

/// A filter of the form `$share/group/filter`, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedFilter<'a> {
    /// The share name.
    pub group: &'a str,
    /// The topic filter behind it.
    pub filter: &'a str,
}

impl<'a> SharedFilter<'a> {
    /// Takes a filter apart; `None` if it is not a shared one. Wildcards in the filter behind the
    /// share name are not checked; [`check_filter`] does that.
    ///
    /// # Errors
    /// [`TopicError::ShareName`] and [`TopicError::ShareWithoutFilter`].
    pub fn parse(filter: &'a str) -> Result<Option<Self>, TopicError> {
        let Some(rest) = filter.strip_prefix(SHARE_PREFIX) else {
            return Ok(None);
        };
        let (group, filter) = rest.split_once('/').unwrap_or((rest, ""));
        if group.is_empty() || group.contains(['+', '#']) {
            return Err(TopicError::ShareName);
        }
        if filter.is_empty() {
            return Err(TopicError::ShareWithoutFilter);
        }
        Ok(Some(Self { group, filter }))
    }
}

/// Whether `filter` (valid, and without `$share/group/`) matches the topic name `topic`. Nothing
/// is normalised `[MQTT-4.7.3-4]`; a leading wildcard does not match `$` `[MQTT-4.7.2-1]`.
#[must_use]
pub fn filter_matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut topic_levels = topic.split('/');
    for filter_level in filter.split('/') {
        match (filter_level, topic_levels.next()) {
            // Also the parent level itself: a/# matches a.
            ("#", _) => return true,
            (_, None) => return false,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    topic_levels.next().is_none()
}

fn check_string(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > LEN_MAX {
        return Err(TopicError::TooLong);
    }
    if text.as_bytes().contains(&0) {
        return Err(TopicError::NulCharacter);
    }
    Ok(())
}

fn check_wildcards(filter: &str) -> Result<(), TopicError> {
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err(TopicError::MisplacedHash);
        }
        if level.contains('+') && level != "+" {
            return Err(TopicError::MisplacedPlus);
        }
    }
    Ok(())
}
