//! What the rounds of a case say together: medians, paired ratios, a table and JSON.
//! Not the measuring.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cases::{Latency, Sample};

/// All of a case: for each broker its rounds, in the order they were run.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) columns: Vec<Column>,
    /// Theseus to mosquitto, where both were run.
    pub(crate) ratio: Option<Ratio>,
}

/// The rounds of one broker in one case.
#[derive(Serialize)]
pub(crate) struct Column {
    pub(crate) broker: &'static str,
    /// Middle of each figure over the rounds that ended well.
    pub(crate) median: Option<Sample>,
    pub(crate) rounds: Vec<Round>,
}

/// One run against a fresh process.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Round {
    Measured(Box<Sample>),
    /// Why there is no figure.
    Failed(String),
}

/// Quotients of costs, one of each pair of rounds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Round {
    /// The figures, if there are any.
    pub(crate) fn sample(&self) -> Option<&Sample> {
        match self {
            Self::Measured(sample) => Some(sample),
            Self::Failed(_) => None,
        }
    }
}

impl Row {
    /// Sums up `columns`; the ratio is the first to the second.
    pub(crate) fn new(
        case: &'static str,
        unit: &'static str,
        columns: Vec<(&'static str, Vec<Round>)>,
    ) -> Self {
        let ratio = match &columns[..] {
            [(_, ours), (_, theirs)] => ratio(ours, theirs),
            _ => None,
        };
        let column = |(broker, rounds): (_, Vec<Round>)| {
            let samples: Vec<&Sample> = rounds.iter().filter_map(Round::sample).collect();
            Column { broker, median: middle(&samples), rounds }
        };
        Self { case, unit, columns: columns.into_iter().map(column).collect(), ratio }
    }
}

/// The table to read.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut out = format!(
        "{:<13} {:<9} {:>8} {:<14} {:>9} {:>7} {:>8} {:>8} {:>16} {:>6} {:>6}  {:<22}\n",
        "case",
        "broker",
        "cost",
        "unit",
        "each/s",
        "gen us",
        "peak MiB",
        "res MiB",
        "lost",
        "dup",
        "order",
        "ratio (min-max)"
    );
    for row in rows {
        for (nth, column) in row.columns.iter().enumerate() {
            push_column(&mut out, row, column, nth == 0);
        }
    }
    out
}

fn push_column(out: &mut String, row: &Row, column: &Column, first: bool) {
    let ratio = match &row.ratio {
        Some(Ratio { median, min, max }) if first => format!("{median:.2} ({min:.2}-{max:.2})"),
        _ => String::new(),
    };
    // Writing to a String cannot fail.
    if let Some(sample) = &column.median {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let _ = writeln!(
            out,
            "{:<13} {:<9} {:>8.2} {:<14} {:>9.0} {:>7.2} {:>8.1} {:>8.1} {:>16} {:>6} {:>6}  {}",
            row.case,
            column.broker,
            sample.cost,
            row.unit,
            sample.per_second,
            sample.generator_us,
            mib(sample.peak_kib),
            mib(sample.resident_kib),
            loss(sample),
            sample.duplicates,
            sample.reordered,
            ratio
        );
        if let Some(Latency { p50, p99, late_p50, late_p99 }) = sample.latency {
            let _ = writeln!(
                out,
                "{:<23} latency us p50 {p50:.0} p99 {p99:.0}; the generator was late by p50 \
                 {late_p50:.0} p99 {late_p99:.0}",
                ""
            );
        }
    }
    for (nth, round) in column.rounds.iter().enumerate() {
        if let Round::Failed(why) = round {
            let _ =
                writeln!(out, "{:<13} {:<9} round {nth} FAILED: {why}", row.case, column.broker);
        }
    }
}

fn loss(sample: &Sample) -> String {
    match sample.lost {
        0 => "0".into(),
        lost => format!("{lost} ({:.3} %)", sample.loss_rate() * 100.0),
    }
}

/// Every figure's own median; loss and disorder are the worst of any round.
fn middle(samples: &[&Sample]) -> Option<Sample> {
    let worst = samples.iter().max_by(|a, b| a.loss_rate().total_cmp(&b.loss_rate()))?;
    let of = |figure: fn(&Sample) -> f64| median(samples.iter().map(|sample| figure(sample)));
    let all_timed = samples.iter().all(|sample| sample.latency.is_some());
    let timed = |figure: fn(&Latency) -> f64| {
        median(samples.iter().filter_map(|sample| sample.latency.as_ref().map(figure)))
    };
    Some(Sample {
        cost: of(|sample| sample.cost),
        generator_us: of(|sample| sample.generator_us),
        per_second: of(|sample| sample.per_second),
        peak_kib: of(|sample| sample.peak_kib as f64) as u64,
        resident_kib: of(|sample| sample.resident_kib as f64) as u64,
        expected: worst.expected,
        lost: worst.lost,
        duplicates: samples.iter().map(|sample| sample.duplicates).max().unwrap_or(0),
        reordered: samples.iter().map(|sample| sample.reordered).max().unwrap_or(0),
        latency: all_timed.then(|| Latency {
            p50: timed(|latency| latency.p50),
            p99: timed(|latency| latency.p99),
            late_p50: timed(|latency| latency.late_p50),
            late_p99: timed(|latency| latency.late_p99),
        }),
    })
}

fn ratio(ours: &[Round], theirs: &[Round]) -> Option<Ratio> {
    let quotient = |(a, b): (&Round, &Round)| Some(a.sample()?.cost / b.sample()?.cost);
    let all: Vec<f64> = ours.iter().zip(theirs).filter_map(quotient).collect();
    if all.is_empty() {
        return None;
    }
    Some(Ratio {
        median: median(all.iter().copied()),
        min: all.iter().copied().fold(f64::INFINITY, f64::min),
        max: all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    })
}

/// Of an even count the mean of the two in the middle; 0 of none.
fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(costs: &[f64]) -> Vec<Round> {
        let sample = |&cost| Sample { cost, ..Sample::default() };
        costs.iter().map(|cost| Round::Measured(Box::new(sample(cost)))).collect()
    }

    #[test]
    fn a_ratio_is_of_pairs_and_skips_the_failed() {
        let mut ours = rounds(&[1.0, 9.0, 4.0]);
        ours.insert(1, Round::Failed("hung".into()));
        let theirs = rounds(&[2.0, 1.0, 3.0, 4.0]);
        let expected = Ratio { median: 1.0, min: 0.5, max: 3.0 };
        assert_eq!(ratio(&ours, &theirs), Some(expected));
    }

    #[test]
    fn a_failed_round_is_named_in_the_table() {
        let columns = vec![("theseus", vec![Round::Failed("hung: x".into())])];
        let text = table(&[Row::new("p2p", "us", columns)]);
        assert!(text.contains("round 0 FAILED: hung: x"), "{text}");
    }

    #[test]
    fn the_worst_loss_is_shown() {
        let sample = |lost| Sample { lost, expected: 100, ..Sample::default() };
        let median = middle(&[&sample(0), &sample(3), &sample(0)]).unwrap();
        assert_eq!((median.lost, median.expected), (3, 100));
    }
}
