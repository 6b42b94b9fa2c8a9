//! Answers in words.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use theseus_reload::{FileState, FileStatus, PluginState, PluginStatus};

use super::answer::Status;

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
    lines.join("\n")
}

/// The answer to `plugins`.
pub(crate) fn plugins(status: &theseus_reload::Status) -> String {
    let mut rows =
        vec![["FILE", "PLUGIN", "VERSION", "SHA256", "SLOTS", "STATE"].map(str::to_owned)];
    rows.extend(status.plugins.iter().map(row));
    let mut text = format!("generation {}\n\n{}", status.generation, table(&rows));
    for plugin in &status.plugins {
        if let Some(reason) = &plugin.reason {
            let _ = write!(text, "\n{}: {reason}", plugin.path);
        }
    }
    for one in &status.running {
        let _ = write!(
            text,
            "\n{} {} ({}) runs for {}: {} calls, {} failed, {} instances",
            one.name,
            one.version,
            one.sha256,
            span(age(one.since)),
            one.calls,
            one.faults,
            one.instances
        );
    }
    for file in &status.files {
        let _ = write!(text, "\n{} ({}): {}", file.path, file.setting, in_words(file.state));
        if let Some(error) = &file.error {
            let _ = write!(text, ": {error}");
        }
    }
    text
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
        PluginState::Deleted => "deleted, still running",
        PluginState::Unsettled => "unsettled",
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
        PluginState::Live | PluginState::Superseded | PluginState::Unused => None,
        other => Some(format!("attention    {}: {}{reason}", plugin.path, state(other))),
    }
}

/// Columns as wide as their widest text.
fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 6] = std::array::from_fn(|column| width(column).unwrap_or(0));
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
fn age(since: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    now.saturating_sub(since)
}

/// As a person says it: the two largest units.
fn span(seconds: u64) -> String {
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
