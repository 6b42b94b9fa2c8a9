//! How much happens in a minute: averages in which older minutes weigh less and less, as the load
//! averages of a Unix system and mosquitto's `load` topics.

use super::figures::Figures;
use crate::Time;

/// The averages of every rate.
#[derive(Debug)]
pub(crate) struct Load {
    rates: [Rate; RATES.len()],
    at: Time,
}

/// One count, and its averages per minute.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    count: u64,
    averages: [f64; SPANS.len()],
}

/// Minutes after which a minute's weight has fallen to 1/e, with their names.
const SPANS: [(f64, &str); 3] = [(1.0, "1min"), (5.0, "5min"), (15.0, "15min")];

type Count = fn(&Figures) -> u64;

/// What is averaged, under mosquitto's names.
const RATES: [(&str, Count); 9] = [
    ("connections", |figures| figures.totals.client_connected),
    ("messages/received", |figures| figures.totals.packets_received.all()),
    ("messages/sent", |figures| figures.totals.packets_sent.all()),
    ("publish/received", |figures| figures.totals.messages_received),
    ("publish/sent", |figures| figures.totals.messages_sent),
    ("publish/dropped", Figures::dropped),
    ("bytes/received", |figures| figures.totals.bytes_received),
    ("bytes/sent", |figures| figures.totals.bytes_sent),
    ("sockets", |figures| figures.totals.sockets_accepted),
];

impl Load {
    /// Nothing has happened before `now`.
    pub(crate) fn new(now: Time) -> Self {
        Self { rates: Default::default(), at: now }
    }

    /// Takes in what has happened since the last time.
    pub(crate) fn update(&mut self, now: Time, figures: &Figures) {
        let minutes = self.at.until(now).as_secs_f64() / 60.0;
        if minutes <= 0.0 {
            return;
        }
        self.at = now;
        for (rate, (_, count)) in self.rates.iter_mut().zip(RATES) {
            let count = count(figures);
            let per_minute = count.saturating_sub(rate.count) as f64 / minutes;
            rate.count = count;
            for (average, (span, _)) in rate.averages.iter_mut().zip(SPANS) {
                let kept = (-minutes / span).exp();
                *average = per_minute + kept * (*average - per_minute);
            }
        }
    }

    /// Names such as `bytes/sent/5min`, and values with two decimals.
    pub(crate) fn values(&self) -> impl Iterator<Item = (String, String)> {
        self.rates.iter().zip(RATES).flat_map(|(rate, (name, _))| {
            rate.averages.iter().zip(SPANS).map(move |(average, (_, span))| {
                (format!("{name}/{span}"), format!("{average:.2}"))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn value(load: &Load, name: &str) -> f64 {
        let found = load.values().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Ten packets a second are 600 a minute, in whatever steps they are looked at.
    #[test]
    fn a_steady_rate_is_found_and_forgotten_at_the_pace_of_its_span() {
        for step in [1, 10, 20] {
            let mut load = Load::new(Time::default());
            let (mut now, mut figures) = (Time::default(), Figures::default());
            let mut pass = |load: &mut Load, seconds: u64, per_second: u64| {
                for _ in 0..seconds / step {
                    now = now.after(Duration::from_secs(step));
                    figures.totals.bytes_sent += step * per_second;
                    load.update(now, &figures);
                }
            };
            pass(&mut load, 60, 10);
            let rising = [("1min", 1.0), ("5min", 5.0), ("15min", 15.0)];
            for (name, span) in rising {
                let expected = 600.0 * (1.0 - (-1.0_f64 / span).exp());
                let found = value(&load, &format!("bytes/sent/{name}"));
                assert!((found - expected).abs() < 0.01, "{name}: {found}, not {expected}");
            }
            pass(&mut load, 3600, 10);
            assert!((value(&load, "bytes/sent/1min") - 600.0).abs() < 0.01);
            pass(&mut load, 60, 0);
            assert!((value(&load, "bytes/sent/1min") - 600.0 / std::f64::consts::E).abs() < 0.01);
            assert_eq!(value(&load, "bytes/received/1min"), 0.0);
        }
    }

    #[test]
    fn no_time_is_no_rate() {
        let mut load = Load::new(Time::from_millis(5));
        load.update(Time::from_millis(5), &Figures::default());
        assert_eq!(value(&load, "sockets/15min"), 0.0);
    }
}
