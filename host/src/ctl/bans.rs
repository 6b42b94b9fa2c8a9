//! The verbs `bans` and `ban`: the ban table in an operator's hand.

use std::time::Duration;

use theseus_ban::{Author, Refused, Table, Target};

use super::answer::{Ban, Bans};
use crate::clock::since_1970;

/// Bans in one answer; the newest.
const SHOWN_MAX: usize = 10_000;
/// Bytes of their names and reasons.
const SHOWN_BYTES_MAX: usize = 4 << 20;

/// The answer to `bans`.
pub(super) fn list(table: &Table) -> Bans {
    let now = since_1970();
    let mut bans = table.list(now);
    bans.sort_by_key(|ban| std::cmp::Reverse(ban.since));
    let mut room = SHOWN_BYTES_MAX;
    let row = |ban: &std::sync::Arc<theseus_ban::Ban>| {
        let ban = Ban {
            target: ban.target.to_string(),
            ends_in_seconds: ban.ends.map(|ends| ends.saturating_sub(now).div_ceil(1000)),
            ends_ms: ban.ends,
            since_ms: ban.since,
            reason: ban.reason.to_string(),
            by: ban.author.to_string(),
        };
        room = room.checked_sub(ban.target.len() + ban.reason.len())?;
        Some(ban)
    };
    let rows = bans.iter().take(SHOWN_MAX).map_while(row).collect();
    let counters =
        table.counters().iter().map(|(name, _, count)| (name.to_owned(), count)).collect();
    Bans { all: bans.len(), bans: rows, counters }
}

/// Does what `ban add …` and `ban remove …` say; returns what was done. An error is a sentence for a
/// person.
pub(super) fn carry_out(table: &Table, words: &[String]) -> Result<String, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words {
        ["add", target, ref options @ ..] => add(table, read(target)?, options),
        ["remove", target] => remove(table, &read(target)?),
        _ => Err(format!("ban needs {USAGE}")),
    }
}

const USAGE: &str = "add TARGET [--for DURATION] [--reason TEXT], or remove TARGET";

fn add(table: &Table, target: Target, options: &[&str]) -> Result<String, String> {
    let (mut lasts, mut reason) = (None, "");
    for option in options.chunks(2) {
        match *option {
            ["--for", span] => lasts = Some(duration(span)?),
            ["--reason", text] => reason = text,
            _ => return Err(format!("ban needs {USAGE}; not {option:?}")),
        }
    }
    let shown = target.to_string();
    match table.add(since_1970(), target, lasts, reason, Author::Operator) {
        Ok(_) => Ok(format!("{shown} is banned; its connections of now go on")),
        Err(Refused::Invalid(why)) => Err(why),
        Err(Refused::Full) => Err("the table is full: ban.max_entries".to_owned()),
    }
}

fn remove(table: &Table, target: &Target) -> Result<String, String> {
    match table.remove(since_1970(), target, &Author::Operator) {
        true => Ok(format!("{target} is not banned any more")),
        false => Err(format!("{target} was not banned")),
    }
}

fn read(target: &str) -> Result<Target, String> {
    Target::parse(target)
}

fn duration(text: &str) -> Result<Duration, String> {
    theseus_config::parse_duration(text)
        .map_err(|why| format!("--for `{text}` {why}; it is as `30s`, `15m`, `2h` or `7d`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_ban::Bounds;

    fn say(table: &Table, words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        carry_out(table, &words)
    }

    #[test]
    fn adds_lists_and_removes() {
        let table = Table::new(Bounds { entries_max: 2, ipv4_bits_min: 16, ipv6_bits_min: 32 });
        say(&table, &["add", "10.1.0.0/16", "--reason", "too loud", "--for", "2h"]).unwrap();
        say(&table, &["add", "client-id:a b"]).unwrap();
        let bans = list(&table);
        let of = |target: &str| bans.bans.iter().find(|ban| ban.target == target).unwrap();
        let net = of("10.1.0.0/16");
        assert_eq!(
            (&*net.reason, &*net.by, net.ends_in_seconds),
            ("too loud", "operator", Some(7200))
        );
        assert_eq!((of("client-id:a b").ends_ms, bans.all), (None, 2));
        assert!(say(&table, &["add", "::1"]).unwrap_err().contains("ban.max_entries"));
        say(&table, &["remove", "10.1.0.0/16"]).unwrap();
        assert!(say(&table, &["remove", "10.1.0.0/16"]).unwrap_err().contains("was not banned"));
    }

    #[test]
    fn says_what_is_wrong() {
        let table = Table::new(Bounds { entries_max: 2, ipv4_bits_min: 16, ipv6_bits_min: 32 });
        for (words, problem) in [
            (&[][..], "add TARGET"),
            (&["add"], "add TARGET"),
            (&["remove", "::1", "now"], "add TARGET"),
            (&["add", "sensor7"], "client-id:"),
            (&["add", "::1", "--for"], "add TARGET"),
            (&["add", "::1", "--for", "2"], "has no unit"),
            (&["add", "::1", "--for", "0s"], "at once"),
            (&["add", "0.0.0.0/0"], "ban.shortest_ipv4_prefix"),
        ] {
            let why = say(&table, words).unwrap_err();
            assert!(why.contains(problem), "{words:?}: {why}");
        }
        assert!(table.is_empty());
    }
}
