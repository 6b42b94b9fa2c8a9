//! Answers in words.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use theseus_reload::{ConnectorStatus, FileState, FileStatus, PluginState, PluginStatus};

use super::answer::{Bans, Libraries, Plugins, Revalidated, Status};
use super::versions::{running, versions};

/// The answer to `status`.
pub(crate) fn status(status: &Status) -> String {
    let live = &status.live;
    let mut lines = vec![
        format!("theseus {} ({}), process {}", status.version, status.node, status.process),
        format!("up           {}", span(status.uptime_seconds)),
        format!("generation   {}, for {}", live.generation, span(age(live.changed))),
        format!("connections  {}", status.connections),
        format!("sessions     {}", status.sessions),
        format!("retained     {}", status.retained),
        format!("shards       {}", status.shards),
        format!("listeners    {}", status.listeners.join(", ")),
    ];
    let files = std::iter::once(&live.configuration).chain(&live.files);
    lines.extend(files.filter_map(file_trouble));
    lines.extend(live.plugins.iter().filter_map(plugin_trouble));
    let troubled = live.connectors.iter().filter(|one| one.breaker != "closed");
    lines.extend(troubled.map(connector));
    lines.join("\n")
}

/// The answer to `plugins`.
pub(crate) fn plugins(Plugins { status, libraries }: &Plugins) -> String {
    let mut rows =
        vec![["FILE", "PLUGIN", "VERSION", "SHA256", "SLOTS", "STATE"].map(str::to_owned)];
    rows.extend(status.plugins.iter().map(row));
    let mut text = format!("generation {}\n\n{}", status.generation, table(&rows));
    let _ = write!(text, "\n{}", versions(status));
    for plugin in &status.plugins {
        if let Some(reason) = &plugin.reason {
            let _ = write!(text, "\n{}: {reason}", plugin.path);
        }
    }
    for one in &status.running {
        let _ = write!(text, "\n{}", running(one));
    }
    let Libraries { count, bytes } = libraries;
    if *count > 0 {
        let _ =
            write!(text, "\n{count} native libraries of {bytes} bytes are loaded until the end");
    }
    for one in &status.connectors {
        let _ = write!(text, "\n{}", connector(one));
    }
    for file in &status.files {
        let _ = write!(text, "\n{} ({}): {}", file.path, file.setting, in_words(file.state));
        if let Some(error) = &file.error {
            let _ = write!(text, ": {error}");
        }
    }
    text
}

/// The answer to `bans`.
pub(crate) fn bans(answer: &Bans) -> String {
    let mut rows = vec![["TARGET", "FOR", "BY", "REASON"].map(str::to_owned)];
    rows.extend(answer.bans.iter().map(|ban| {
        let lasts = ban.ends_in_seconds.map_or_else(|| "ever".to_owned(), span);
        [in_one_line(&ban.target), lasts, ban.by.clone(), in_one_line(&ban.reason)]
    }));
    let mut text = table(&rows);
    let more = answer.all.saturating_sub(answer.bans.len());
    if more > 0 {
        let _ = writeln!(text, "and {more} older ones");
    }
    text.truncate(text.trim_end().len());
    text
}

/// The answer to `revalidate`.
pub(crate) fn revalidated(answer: &Revalidated) -> String {
    let Revalidated { asked, round } = answer;
    let asked = asked.map_or_else(String::new, |count| {
        format!("{count} connected clients are asked about, as their turn comes\n")
    });
    format!(
        "{asked}of {}: {} waiting, {} kept, {} renewed, {} denied, {} failed, {} gone before",
        round.asked,
        round.waiting,
        round.kept,
        round.renewed,
        round.denied,
        round.failed,
        round.gone
    )
}

/// A text of a client or a plugin, which may hold anything.
fn in_one_line(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).collect()
}

fn connector(one: &ConnectorStatus) -> String {
    format!(
        "connector {} {}: breaker {}; {} calls, {} timed out, {} unavailable, {} at work, {} waiting",
        one.kind,
        one.name,
        one.breaker,
        one.calls,
        one.timed_out,
        one.unavailable,
        one.at_work,
        one.waiting
    )
}

fn row(plugin: &PluginStatus) -> [String; 6] {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let slots = if plugin.slots.is_empty() { "-".to_owned() } else { plugin.slots.join(",") };
    [
        plugin.path.clone(),
        or_dash(&plugin.name),
        or_dash(&plugin.version),
        or_dash(&plugin.sha256),
        slots,
        state(plugin.state).to_owned(),
    ]
}

fn state(state: PluginState) -> &'static str {
    match state {
        PluginState::Live => "live",
        PluginState::Superseded => "superseded",
        PluginState::Unused => "unused",
        PluginState::Rejected => "rejected",
        PluginState::Quarantined => "quarantined",
        PluginState::Distrusted => "no longer trusted, still running",
        PluginState::Deleted => "deleted, still running",
        PluginState::Unsettled => "unsettled",
        PluginState::Compiling => "compiling",
        PluginState::Shadow => "shadow",
    }
}

fn in_words(state: FileState) -> &'static str {
    match state {
        FileState::Live => "in force",
        FileState::Unsettled => "being written",
        FileState::Rejected => "rejected, the last good one is in force",
        FileState::Deleted => "deleted, the last good one is in force",
    }
}

fn file_trouble(file: &FileStatus) -> Option<String> {
    let error = file.error.as_deref().map_or_else(String::new, |error| format!(": {error}"));
    match file.state {
        FileState::Live => None,
        other => Some(format!("attention    {}: {}{error}", file.path, in_words(other))),
    }
}

fn plugin_trouble(plugin: &PluginStatus) -> Option<String> {
    let reason = plugin.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
    match plugin.state {
        PluginState::Live
        | PluginState::Superseded
        | PluginState::Unused
        | PluginState::Compiling
        | PluginState::Shadow => None,
        other => Some(format!("attention    {}: {}{reason}", plugin.path, state(other))),
    }
}

/// Columns as wide as their widest text.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  "));
        let line: String = cells.collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Seconds since a moment that is given in seconds since 1970.
pub(super) fn age(since: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    now.saturating_sub(since)
}

/// As a person says it: the two largest units.
pub(super) fn span(seconds: u64) -> String {
    let span = Duration::from_secs(seconds).as_secs();
    match span {
        0..60 => format!("{span} s"),
        60..3600 => format!("{} min {} s", span / 60, span % 60),
        3600..86400 => format!("{} h {} min", span / 3600, span / 60 % 60),
        _ => format!("{} d {} h", span / 86400, span / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_largest_units() {
        let shown = [5, 65, 3_661, 90_000].map(span);
        assert_eq!(shown, ["5 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]);
    }
}
