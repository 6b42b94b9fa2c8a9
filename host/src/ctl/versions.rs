//! How the versions of plugins do, in words: those that run, those beside them, those that must not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use theseus_reload::{
    ComparisonStatus, ExampleStatus, QuarantineStatus, RunningStatus, ShadowStatus, SlotStatus,
    Status, VersionState,
};

use super::show::{age, span, table};

/// A row for each slot that was asked.
pub(super) fn versions(status: &Status) -> String {
    let head = [
        "PLUGIN",
        "VERSION",
        "SHA256",
        "STATE",
        "GENERATION",
        "INSTANCES",
        "SLOT",
        "CALLS",
        "FAILED",
        "P50",
        "P99",
        "P99.9",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for version in status.running.iter().chain(&status.beside) {
        rows.extend(version.figures.iter().map(|figures| row(version, figures)));
        if version.figures.is_empty() {
            let slot = version.slots.join(",");
            rows.push(row(version, &SlotStatus { slot, ..SlotStatus::default() }));
        }
    }
    table(&rows)
}

fn row(version: &RunningStatus, figures: &SlotStatus) -> [String; 12] {
    let generation = Some(version.generation).filter(|number| *number > 0);
    let failed: u64 = figures.faults.values().sum();
    [
        version.name.clone(),
        version.version.clone(),
        version.sha256.clone(),
        state(version),
        generation.map_or_else(|| "-".to_owned(), |number| number.to_string()),
        version.instances.to_string(),
        figures.slot.clone(),
        figures.calls.to_string(),
        failed.to_string(),
        micros(figures.p50_us),
        micros(figures.p99_us),
        micros(figures.p999_us),
    ]
}

fn state(version: &RunningStatus) -> String {
    match version.state {
        VersionState::Live => "live".to_owned(),
        VersionState::Probation => format!("probation, {} left", span(version.probation_seconds)),
        VersionState::LeftAlone => "left alone".to_owned(),
        VersionState::Previous => "previous".to_owned(),
        VersionState::Shadow => "shadow".to_owned(),
    }
}

fn micros(micros: u64) -> String {
    if micros < 10_000 { format!("{micros} us") } else { format!("{} ms", micros / 1000) }
}

/// How one runs, in one line.
pub(super) fn running(one: &RunningStatus) -> String {
    let RunningStatus { name, version, sha256, since, calls, faults, instances, kept, .. } = one;
    let mut text = format!(
        "{name} {version} ({sha256}) runs for {}: {calls} calls, {faults} failed, {instances} instances, \
         keeps {} keys in {} bytes",
        span(age(*since)),
        kept.keys,
        kept.bytes
    );
    if one.hanging > 0 {
        let _ = write!(text, ", {} calls hang", one.hanging);
    }
    for (bound, count) in one.bounds_hit.iter().filter(|(_, count)| **count > 0) {
        let _ = write!(text, ", {bound} met {count} times");
    }
    text
}

/// The answer to `plugins quarantine`.
pub(super) fn quarantine(all: &[QuarantineStatus]) -> String {
    if all.is_empty() {
        return "nothing is in quarantine".to_owned();
    }
    let line = |it: &QuarantineStatus| {
        let since = span(age(it.since));
        format!("{} {} {}, for {since}: {}", it.sha256, it.name, it.version, it.reason)
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The answer to `plugins shadow NAME`.
pub(super) fn shadow(it: &ShadowStatus) -> String {
    let ShadowStatus { name, candidate, live, standing, sample, left_out, .. } = it;
    let mut text = format!("{name} {candidate} beside {live}: {standing}\n");
    compare(&mut text, "recorded decisions put to it", &it.replay);
    compare(&mut text, &format!("requests in shadow ({sample}% of all)"), &it.shadow);
    if *left_out > 0 {
        let _ = writeln!(text, "{left_out} more were left out: too many waited");
    }
    let head = ["VERSION", "SLOT", "CALLS", "P50", "P99", "P99.9"].map(str::to_owned);
    let mut rows = vec![head];
    for (version, figures) in [(live, &it.live_figures), (candidate, &it.candidate_figures)] {
        rows.extend(figures.iter().map(|slot| latency(version, slot)));
    }
    let _ = write!(text, "\n{}", table(&rows));
    let examples: Vec<_> = it.replay.examples.iter().chain(&it.shadow.examples).collect();
    if !examples.is_empty() {
        let head = ["DIFFERENCE", "ASKED", "CLIENT", "USER", "LISTENER", "TOPIC"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(examples.into_iter().map(example));
        let _ = write!(text, "\n{}", table(&rows));
    }
    text.truncate(text.trim_end().len());
    text
}

fn compare(text: &mut String, what: &str, comparison: &ComparisonStatus) {
    let ComparisonStatus { compared, agreed, differences, faults, .. } = comparison;
    let _ = write!(text, "{what}: {compared} answered, {agreed} alike");
    let before = ("decided before and answered".to_owned(), comparison.decided_before);
    let left_out = ("left out".to_owned(), comparison.left_out);
    let others = [before, left_out].into_iter().filter(|(_, count)| *count > 0);
    let others: BTreeMap<_, _> = others.collect();
    for (kind, count) in differences.iter().chain(faults).chain(&others) {
        let _ = write!(text, ", {kind} {count}");
    }
    text.push('\n');
}

fn latency(version: &str, slot: &SlotStatus) -> [String; 6] {
    let SlotStatus { slot, calls, p50_us, p99_us, p999_us, .. } = slot;
    let [p50, p99, p999] = [*p50_us, *p99_us, *p999_us].map(micros);
    [version.to_owned(), slot.clone(), calls.to_string(), p50, p99, p999]
}

fn example(it: &ExampleStatus) -> [String; 6] {
    [
        it.difference.clone(),
        it.call.clone(),
        it.client_id.clone(),
        it.username.clone(),
        it.listener.clone(),
        it.topic.clone(),
    ]
}
