//! What listeners show and trust by, and that ends soon. The log says so of certificates, and of those of authorities
//! in `cacertfile`, 30, 7 and 1 days ahead and when they have expired, and of lists of revoked ones when they have. When
//! that is stands in the metrics too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use theseus_tls::{Authority, Certificate, RevocationList};

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
            let Some(tls) = &listener.tls else { continue };
            let certificates = tls.acceptor.certificates();
            let of_certificates =
                certificates.iter().map(|it| certificate(&listener.title, it, now));
            let authorities = tls.acceptor.authorities();
            let of_authorities = authorities.iter().map(|it| authority(&listener.title, it, now));
            let lists = tls.acceptor.revocation_lists();
            let of_lists = lists.iter().map(|it| list(&listener.title, it, now));
            for line in of_certificates.chain(of_authorities).chain(of_lists).flatten() {
                told.tell(line);
            }
        }
        told.forget_the_rest();
        tokio::time::sleep(LOOK).await;
    }
}

/// What there is to say: of which, how far ahead, and how.
type Line = (String, i64, String);

fn certificate(listener: &str, certificate: &Certificate, now: i64) -> Option<Line> {
    let Certificate { serial, expires } = certificate;
    let (step, when) = ahead(*expires, now)?;
    let line = format!("{listener} shows a certificate that {when}: {serial}");
    Some((format!("{listener} {serial} {expires}"), step, line))
}

/// Each is told of, of at most as many as `cacertfile` holds: who waits for one may have forgotten another.
fn authority(listener: &str, authority: &Authority, now: i64) -> Option<Line> {
    let Authority { subject, serial, expires } = authority;
    let (step, when) = ahead(*expires, now)?;
    let line =
        format!("{listener} trusts an authority in cacertfile that {when}: `{subject}`, {serial}");
    Some((format!("{listener} {subject} {serial} {expires}"), step, line))
}

/// How far ahead its end is to be told, and the rest of a sentence about it; `None`: not yet.
fn ahead(expires: i64, now: i64) -> Option<(i64, String)> {
    let left = expires - now;
    let step = *AHEAD.iter().find(|days| left <= **days * DAY)?;
    let when = match left {
        ..=0 => "has expired".to_owned(),
        left => format!("expires in {} days", left.div_euclid(DAY)),
    };
    Some((step, when))
}

/// They are made anew every few hours or days, so only the end is worth a word.
fn list(listener: &str, list: &RevocationList, now: i64) -> Option<Line> {
    let RevocationList { issuer, expires, .. } = list;
    let line = format!(
        "{listener}: the list of revoked certificates of `{issuer}` has expired: who comes with a \
         certificate of it is refused until there is a new one"
    );
    (*expires <= now).then(|| (format!("{listener} {issuer} {expires}"), 0, line))
}

/// How far ahead what was told, and whether there was anything to tell in this look.
#[derive(Default)]
struct Told(BTreeMap<String, (i64, bool)>);

impl Told {
    /// Once for each step.
    fn tell(&mut self, (of, step, line): Line) -> bool {
        let before = self.0.insert(of, (step, true));
        let is_new = before.is_none_or(|(before, _)| before != step);
        if is_new {
            tracing::warn!("{line}");
        }
        is_new
    }

    /// What was replaced is not told of again.
    fn forget_the_rest(&mut self) {
        self.0.retain(|_, (_, is_there)| std::mem::take(is_there));
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
            let line = certificate("ssl:a", &of("1", 100), hour * 3600);
            if line.is_some_and(|line| told.tell(line)) {
                days.push(hour as f64 / 24.0);
            }
            told.forget_the_rest();
        }
        assert_eq!(days, [70.0, 93.0, 99.0, 100.0]);
        told.forget_the_rest();
        assert_eq!(told.0.len(), 0);
        assert!(certificate("ssl:a", &of("2", 200), 101 * DAY).is_none());
        let line =
            |listener, days| certificate(listener, &of("3", days), 101 * DAY).unwrap_or_default();
        assert_eq!(line("ssl:a", 106).2, "ssl:a shows a certificate that expires in 5 days: 3");
        assert_eq!(line("wss:a", 100).2, "wss:a shows a certificate that has expired: 3");
        assert!(told.tell(line("ssl:a", 106)) && !told.tell(line("ssl:a", 106)));
    }

    /// Also of each of one name, as while one takes the place of another.
    #[test]
    fn each_authority_is_told_of_as_a_certificate_is() {
        let mut told = Told::default();
        let of = |serial: &str, days: i64| Authority {
            subject: "CN=a".into(),
            serial: serial.into(),
            expires: days * DAY,
        };
        let mut lines = Vec::new();
        for day in 0..=101 {
            for it in [of("1", 100), of("2", 95)] {
                let Some(line) = authority("ssl:a", &it, day * DAY) else { continue };
                let text = line.2.clone();
                if told.tell(line) {
                    lines.push((day, text));
                }
            }
            told.forget_the_rest();
        }
        let days: Vec<_> = lines.iter().map(|(day, _)| *day).collect();
        assert_eq!(days, [65, 70, 88, 93, 94, 95, 99, 100]);
        let said = "ssl:a trusts an authority in cacertfile that";
        assert_eq!(lines[0].1, format!("{said} expires in 30 days: `CN=a`, 2"));
        assert_eq!(lines[7].1, format!("{said} has expired: `CN=a`, 1"));
    }
}
