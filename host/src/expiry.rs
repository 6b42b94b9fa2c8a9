//! Certificates that listeners show and that expire soon: the log says so 30, 7 and 1 days ahead, and when they
//! have expired. When that is stands in the metrics too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use theseus_tls::Certificate;

use crate::clock::seconds_since_1970;
use crate::listen::Listener;

/// Days ahead, the last first.
const AHEAD: [i64; 4] = [0, 1, 7, 30];

/// In seconds.
const DAY: i64 = 24 * 3600;

/// Between two looks: a certificate may be replaced by one that expires soon.
const LOOK: Duration = Duration::from_secs(10);

/// Looks until its task is dropped.
pub(crate) async fn watch(listeners: Vec<Arc<Listener>>) {
    let mut told = Told::default();
    loop {
        let now = seconds_since_1970();
        for listener in &listeners {
            let certificate = listener.tls.as_ref().map(|tls| tls.acceptor.certificate());
            if let Some(line) = certificate.and_then(|it| told.look(&listener.title, it, now)) {
                tracing::warn!("{line}");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was told of the certificate of each listener: which, and how far ahead.
#[derive(Default)]
struct Told(BTreeMap<Box<str>, (Certificate, i64)>);

impl Told {
    /// What there is to say of it, once for each step.
    fn look(&mut self, listener: &str, certificate: Certificate, now: i64) -> Option<String> {
        let left = certificate.expires - now;
        let step = *AHEAD.iter().find(|days| left <= **days * DAY)?;
        let news = (certificate, step);
        if self.0.get(listener) == Some(&news) {
            return None;
        }
        let serial = &news.0.serial;
        let line = match left {
            ..=0 => format!("{listener} shows a certificate that has expired: {serial}"),
            left => {
                let days = left.div_euclid(DAY);
                format!("{listener} shows a certificate that expires in {days} days: {serial}")
            }
        };
        self.0.insert(listener.into(), news);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_told_once_and_a_new_certificate_begins_anew() {
        let mut told = Told::default();
        let of =
            |serial: &str, days: i64| Certificate { serial: serial.into(), expires: days * DAY };
        let mut days = Vec::new();
        for hour in 0..=100 * 24 {
            if told.look("ssl:a", of("1", 100), hour * 3600).is_some() {
                days.push(hour as f64 / 24.0);
            }
        }
        assert_eq!(days, [70.0, 93.0, 99.0, 100.0]);
        assert!(told.look("ssl:a", of("2", 200), 101 * DAY).is_none());
        let line = told.look("ssl:a", of("3", 106), 101 * DAY).unwrap_or_default();
        assert_eq!(line, "ssl:a shows a certificate that expires in 5 days: 3");
        let other = told.look("wss:a", of("3", 100), 101 * DAY).unwrap_or_default();
        assert_eq!(other, "wss:a shows a certificate that has expired: 3");
    }
}
