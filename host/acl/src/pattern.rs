//! The topics that a rule speaks of, parsed, and whether a request is about them.
//!
//! A SUBSCRIBE asks for all topics that its filter matches, a PUBLISH for one. An allowing pattern
//! must cover them all; a denying one need only touch them. One that asks must cover them all too, and
//! where it only touches some nobody can be asked about the whole.

use serde::{Deserialize, Serialize};

use crate::level::{Level, Resolved};
use crate::request::Target;
use crate::{Effect, Subject, Topics};

/// Longest pattern, in bytes [MQTT-4.7.3-3].
const LEN_MAX: usize = u16::MAX as usize;
/// Most levels of a pattern.
const LEVELS_MAX: usize = 128;

/// A checked [`Topics`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pattern {
    levels: Box<[Level]>,
    exactly: bool,
}

impl Pattern {
    pub(crate) fn compile(topics: &Topics) -> Result<Self, String> {
        let (text, exactly) = match topics {
            Topics::Matching(text) => (text, false),
            Topics::Exactly(text) => (text, true),
        };
        check(text)?;
        if !exactly && text.starts_with("$share/") {
            return Err("a shared subscription is judged by the filter behind `$share/GROUP/`, \
                        write that, or use the exact form"
                .to_owned());
        }
        let levels: Box<[Level]> = text.split('/').map(Level::parse).collect::<Result<_, _>>()?;
        if levels.iter().rev().skip(1).any(|level| *level == Level::Hash) {
            return Err("`#` must be the last level".to_owned());
        }
        Ok(Self { levels, exactly })
    }

    /// Whether a rule that asks speaks of a part of what the request is about, and not of the whole.
    pub(crate) fn is_cut_by(&self, who: &Subject<'_>, target: &Target<'_>) -> bool {
        match *target {
            Target::Topics { filter, .. } => !self.exactly && self.overlaps(filter, who, false),
            Target::Malformed => false,
        }
    }

    pub(crate) fn matches(&self, effect: Effect, who: &Subject<'_>, target: &Target<'_>) -> bool {
        let denies = effect == Effect::Deny;
        match *target {
            Target::Malformed => denies,
            Target::Topics { filter, whole } if self.exactly => {
                self.is(filter, who, denies) || self.is(whole, who, denies)
            }
            Target::Topics { filter, .. } if denies => self.overlaps(filter, who, true),
            Target::Topics { filter, .. } => self.covers(filter, who),
        }
    }

    /// Whether it matches every topic that the filter matches. An unusable value matches none.
    fn covers(&self, filter: &str, who: &Subject<'_>) -> bool {
        if filter == "#" {
            // There is no level above the first, so that `+/#` is the same.
            return matches!(*self.levels, [Level::Hash] | [Level::Plus, Level::Hash]);
        }
        if self.dollar_parts(filter, who) {
            return false;
        }
        let mut others = filter.split('/');
        for level in &self.levels {
            match (level.resolve(who), others.next()) {
                (Resolved::Unusable, _) => return false,
                // Also the level above itself: a/# matches a.
                (Resolved::Hash, _) => return true,
                (_, None | Some("#")) => return false,
                (Resolved::Plus, Some(_)) => {}
                // The text is never `+`.
                (Resolved::Text(text), Some(other)) if text.is(other) => {}
                _ => return false,
            }
        }
        others.next().is_none()
    }

    /// Whether some topic matches both; `unusable` is what holds of everything from an unusable value on.
    fn overlaps(&self, filter: &str, who: &Subject<'_>, unusable: bool) -> bool {
        if self.dollar_parts(filter, who) {
            return false;
        }
        let mut others = filter.split('/');
        for level in &self.levels {
            match (level.resolve(who), others.next()) {
                (Resolved::Unusable, _) => return unusable,
                (Resolved::Hash, _) => return true,
                (_, Some("#")) => return unusable || self.is_usable(who),
                (_, None) => return false,
                (Resolved::Plus, _) | (_, Some("+")) => {}
                (Resolved::Text(text), Some(other)) if text.is(other) => {}
                _ => return false,
            }
        }
        matches!(others.next(), None | Some("#"))
    }

    fn is_usable(&self, who: &Subject<'_>) -> bool {
        self.levels.iter().all(|level| !matches!(level.resolve(who), Resolved::Unusable))
    }

    /// Whether one begins with a wildcard and the other with `$`: these have no topic in common
    /// [MQTT-4.7.2-1]. A value that is unusable is no wildcard: it stands for `$` topics too.
    fn dollar_parts(&self, filter: &str, who: &Subject<'_>) -> bool {
        let first = self.levels.first();
        match filter.as_bytes().first() {
            Some(b'$') => matches!(first, Some(Level::Plus | Level::Hash)),
            Some(b'+' | b'#') => match first.map(|level| level.resolve(who)) {
                Some(Resolved::Text(text)) => text.begins_with_dollar(),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether it is this text; `unusable` is what holds of all texts from an unusable value on.
    fn is(&self, text: &str, who: &Subject<'_>, unusable: bool) -> bool {
        let mut others = text.split('/');
        for level in &self.levels {
            match (level.resolve(who), others.next()) {
                (Resolved::Unusable, _) => return unusable,
                (Resolved::Plus, Some("+")) | (Resolved::Hash, Some("#")) => {}
                (Resolved::Text(text), Some(other)) if text.is(other) => {}
                _ => return false,
            }
        }
        others.next().is_none()
    }
}

fn check(text: &str) -> Result<(), String> {
    let levels = text.bytes().filter(|&byte| byte == b'/').count() + 1;
    if text.is_empty() {
        Err("is empty".to_owned())
    } else if text.len() > LEN_MAX {
        Err(format!("is longer than {LEN_MAX} bytes"))
    } else if levels > LEVELS_MAX {
        Err(format!("has {levels} levels, {LEVELS_MAX} are allowed"))
    } else if text.contains('\0') {
        Err("holds the character U+0000".to_owned())
    } else {
        Ok(())
    }
}
