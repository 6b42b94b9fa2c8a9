//! What the rounds of a case say together: medians, paired ratios, a table and JSON.
//! Not the measuring.

use std::fmt::Write as _;

use serde::Serialize;

use crate::fault::Fault;
use crate::interval;
use crate::sample::{Latency, Sample};

/// All of a case: for each contender its rounds, in the order they were run.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) columns: Vec<Column>,
}

/// The rounds of one contender in one case.
#[derive(Serialize)]
pub(crate) struct Column {
    pub(crate) broker: &'static str,
    /// Middle of each figure over the rounds that ended well.
    pub(crate) median: Option<Sample>,
    pub(crate) rounds: Vec<Round>,
    /// To the last column; none of the last itself.
    pub(crate) ratio: Option<Ratio>,
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
    /// Holds the true median with 95 % probability; of six rounds and more.
    pub(crate) interval: Option<(f64, f64)>,
}

impl Round {
    /// What a run came to.
    pub(crate) fn of(outcome: Result<Sample, Fault>) -> Self {
        match outcome {
            Ok(sample) => Self::Measured(Box::new(sample)),
            Err(fault) => Self::Failed(fault.to_string()),
        }
    }

    /// True if there are figures.
    pub(crate) fn is_measured(&self) -> bool {
        self.sample().is_some()
    }

    /// The figures, if there are any.
    fn sample(&self) -> Option<&Sample> {
        match self {
            Self::Measured(sample) => Some(sample),
            Self::Failed(_) => None,
        }
    }
}

impl Row {
    /// Sums up `columns`; the ratios are to the last of them.
    pub(crate) fn new(
        case: &'static str,
        unit: &'static str,
        columns: Vec<(&'static str, Vec<Round>)>,
    ) -> Self {
        let ratios: Vec<_> = match columns.split_last() {
            Some(((_, last), others)) => others.iter().map(|(_, it)| ratio(it, last)).collect(),
            None => Vec::new(),
        };
        let column = |((broker, rounds), ratio): ((_, Vec<Round>), _)| {
            let samples: Vec<&Sample> = rounds.iter().filter_map(Round::sample).collect();
            Column { broker, median: middle(&samples), rounds, ratio }
        };
        let ratios = ratios.into_iter().chain([None]);
        Self { case, unit, columns: columns.into_iter().zip(ratios).map(column).collect() }
    }
}

/// The table to read.
pub(crate) fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.case.len()).max().unwrap_or(0).max("case".len());
    let mut out = format!(
        "{:<width$} {:<15} {:>9} {:<14} {:>9} {:>7} {:>8} {:>8} {:>16} {:>6} {:>6}  {:<22}\n",
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
        for column in &row.columns {
            push_column(&mut out, row, column, width);
        }
    }
    out
}

// Writing to a String cannot fail.
fn push_column(out: &mut String, row: &Row, column: &Column, width: usize) {
    if let Some(sample) = &column.median {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let _ = writeln!(
            out,
            "{:<width$} {:<15} {:>9.2} {:<14} {:>9.0} {:>7.2} {:>8.1} {:>8.1} {:>16} {:>6} {:>6}  {}",
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
            column.ratio.as_ref().map(Ratio::to_string).unwrap_or_default()
        );
        push_details(out, sample, width);
    }
    for (nth, round) in column.rounds.iter().enumerate() {
        if let Round::Failed(why) = round {
            let (case, broker) = (row.case, column.broker);
            let _ = writeln!(out, "{case:<width$} {broker:<15} round {nth} FAILED: {why}");
        }
    }
}

fn push_details(out: &mut String, sample: &Sample, width: usize) {
    let latencies = [("latency", sample.latency), ("generator late by", sample.late)];
    for (what, latency) in latencies {
        if let Some(Latency { p50, p99, p999, max }) = latency {
            let _ = writeln!(
                out,
                "{:<width$}   {what} us: p50 {p50:.0} p99 {p99:.0} p99.9 {p999:.0} max {max:.0}",
                ""
            );
        }
    }
    for (name, figure) in &sample.figures {
        let _ = writeln!(out, "{:<width$}   {name}: {figure:.1}", "");
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, min, max, interval } = self;
        write!(out, "{median:.3} ({min:.3}-{max:.3})")?;
        match interval {
            Some((low, high)) => write!(out, " 95 %: {low:.3}-{high:.3}"),
            None => Ok(()),
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
        latency: timed(samples, |sample| sample.latency),
        late: timed(samples, |sample| sample.late),
        figures: figures(samples),
    })
}

/// Of the latency that `which` names, if every round has it; the highest of all rounds is the highest.
fn timed(samples: &[&Sample], which: fn(&Sample) -> Option<Latency>) -> Option<Latency> {
    let all: Vec<Latency> = samples.iter().map(|sample| which(sample)).collect::<Option<_>>()?;
    let of = |figure: fn(&Latency) -> f64| median(all.iter().map(figure));
    Some(Latency {
        p50: of(|latency| latency.p50),
        p99: of(|latency| latency.p99),
        p999: of(|latency| latency.p999),
        max: all.iter().map(|latency| latency.max).fold(0.0, f64::max),
    })
}

/// By name, each the median of the rounds.
fn figures(samples: &[&Sample]) -> Vec<(&'static str, f64)> {
    let names = samples.first().map_or(&[][..], |first| &first.figures[..]);
    let of = |nth: usize| median(samples.iter().map(|sample| sample.figures[nth].1));
    names.iter().enumerate().map(|(nth, (name, _))| (*name, of(nth))).collect()
}

fn ratio(ours: &[Round], theirs: &[Round]) -> Option<Ratio> {
    let quotient = |(a, b): (&Round, &Round)| Some(a.sample()?.cost / b.sample()?.cost);
    let mut all: Vec<f64> = ours.iter().zip(theirs).filter_map(quotient).collect();
    if all.is_empty() {
        return None;
    }
    all.sort_by(f64::total_cmp);
    Some(Ratio {
        median: median(all.iter().copied()),
        min: all[0],
        max: all[all.len() - 1],
        interval: interval::of_median(&all),
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
        let expected = Ratio { median: 1.0, min: 0.5, max: 3.0, interval: None };
        assert_eq!(ratio(&ours, &theirs), Some(expected));
    }

    #[test]
    fn a_failed_round_is_named_in_the_table() {
        let columns = vec![("theseus", vec![Round::Failed("hung: x".into())])];
        let text = table(&[Row::new("p2p", "us", columns)]);
        assert!(text.contains("round 0 FAILED: hung: x"), "{text}");
    }

    #[test]
    fn every_column_but_the_last_is_compared_with_it() {
        let columns = vec![("a", rounds(&[3.0])), ("b", rounds(&[4.0])), ("c", rounds(&[2.0]))];
        let row = Row::new("chain", "us", columns);
        let ratios: Vec<_> =
            row.columns.iter().map(|it| it.ratio.as_ref().map(|ratio| ratio.median)).collect();
        assert_eq!(ratios, [Some(1.5), Some(2.0), None]);
    }

    #[test]
    fn the_worst_loss_is_shown() {
        let sample = |lost| Sample { lost, expected: 100, ..Sample::default() };
        let median = middle(&[&sample(0), &sample(3), &sample(0)]).unwrap();
        assert_eq!((median.lost, median.expected), (3, 100));
    }
}
