//! One level of a pattern: a wildcard, a text, or a text with placeholders.
//!
//! Parsed once; for each client it is resolved anew, without putting its text together.

use serde::{Deserialize, Serialize};

use crate::Subject;
use crate::error::shown;
use crate::placeholder::Placeholder;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Level {
    Plus,
    Hash,
    Text(Box<str>),
    /// At least one placeholder.
    Mixed(Box<[Piece]>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Piece {
    /// Never empty, no wildcard in it.
    Text(Box<str>),
    Placeholder(Placeholder),
}

impl Level {
    /// Reads what stands between two `/`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "+" => Ok(Self::Plus),
            "#" => Ok(Self::Hash),
            _ if text.contains("${") => Ok(Self::Mixed(parse_pieces(text)?)),
            _ => check_text(text).map(|()| Self::Text(text.into())),
        }
    }

    /// What this level is for one client.
    pub(crate) fn resolve<'a>(&'a self, who: &'a Subject<'a>) -> Resolved<'a> {
        match self {
            Self::Plus => Resolved::Plus,
            Self::Hash => Resolved::Hash,
            Self::Text(text) => Resolved::Text(Words::Whole(text)),
            Self::Mixed(pieces) if pieces.iter().all(|piece| piece.value(who).is_some()) => {
                Resolved::Text(Words::Pieces(pieces, who))
            }
            Self::Mixed(_) => Resolved::Unusable,
        }
    }
}

/// A level as one client has it.
pub(crate) enum Resolved<'a> {
    Plus,
    Hash,
    Text(Words<'a>),
    /// A value is missing, or would be more than a part of a level.
    Unusable,
}

/// The text of a level, whole or in pieces that all have a value. Never a wildcard.
pub(crate) enum Words<'a> {
    Whole(&'a str),
    Pieces(&'a [Piece], &'a Subject<'a>),
}

impl Words<'_> {
    pub(crate) fn is(&self, text: &str) -> bool {
        match *self {
            Self::Whole(whole) => whole == text,
            Self::Pieces(pieces, who) => {
                let strip = |rest: &mut &str, piece: &Piece| {
                    *rest = rest.strip_prefix(piece.value(who)?)?;
                    Some(())
                };
                let mut rest = text;
                pieces.iter().all(|piece| strip(&mut rest, piece).is_some()) && rest.is_empty()
            }
        }
    }

    pub(crate) fn begins_with_dollar(&self) -> bool {
        match *self {
            Self::Whole(whole) => whole.starts_with('$'),
            Self::Pieces(pieces, who) => {
                let first = pieces.first().and_then(|piece| piece.value(who));
                first.is_some_and(|text| text.starts_with('$'))
            }
        }
    }
}

impl Piece {
    fn value<'a>(&'a self, who: &Subject<'a>) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Placeholder(placeholder) => placeholder.value(who),
        }
    }
}

fn parse_pieces(text: &str) -> Result<Box<[Piece]>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("${") {
        let Some((name, behind)) = opened.split_once('}') else {
            return Err(format!("`${{{}` has no `}}` within its level", shown(opened)));
        };
        push_text(&mut pieces, before)?;
        pieces.push(Piece::Placeholder(Placeholder::parse(name)?));
        rest = behind;
    }
    push_text(&mut pieces, rest)?;
    Ok(pieces.into())
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) -> Result<(), String> {
    check_text(text)?;
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), String> {
    match text.find(['+', '#']) {
        Some(at) => Err(format!("`{}` must stand alone in its level", &text[at..=at])),
        None => Ok(()),
    }
}
