//! What an authority says of the certificate that a listener shows, shown with it (OCSP stapling, RFC 6066, 8):
//! asked for ahead of time, kept while it holds whatever becomes of the authority, and never shown after.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use theseus_config::{HttpUrl, Ocsp};
use theseus_tls::{Acceptor, Inquiry, Newest, Refused, Staple};

use crate::clock::seconds_since_1970;
use crate::fetch::{self, Bounds};
use crate::refresh::Refresh;
use crate::tls::Tls;

/// Between two looks at whether the certificate is another, or an answer is over.
const LOOK: Duration = Duration::from_secs(2);

/// Seconds before its end that an answer is shown for the last time: it has a way to go, and clocks differ.
const MARGIN: i64 = 10;

/// Bytes of an answer.
const ANSWER_MAX: usize = 64 << 10;

/// Asks and shows until its task is dropped, as the options of the listener want at any time. `title` is the listener as
/// logs know it: `ssl:default`.
pub(crate) async fn watch(title: Box<str>, tls: Arc<Tls>) {
    let mut stapled: Option<Stapled> = None;
    loop {
        let options = tls.options.load().ocsp.clone();
        if let (Some(options), Some(about)) = (options, tls.acceptor.inquiry()) {
            // Without stapling for a while it is still the same certificate, and known what was said of it.
            let is_known = |it: &Stapled| *it.about == *about;
            match stapled.as_mut().filter(|it| is_known(it)) {
                Some(stapled) => stapled.follow(options, about),
                None => stapled = Some(Stapled::new(options, about)),
            }
            if let Some(stapled) = &mut stapled {
                stapled.turn(&title, &tls).await;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A certificate that is asked about.
struct Stapled {
    options: Ocsp,
    about: Arc<Inquiry>,
    course: Course,
    /// The acceptor has not been told of an answer to this inquiry.
    is_new: bool,
}

impl Stapled {
    fn new(options: Ocsp, about: Arc<Inquiry>) -> Self {
        let course = Course::new(options.refresh_interval);
        Self { options, about, course, is_new: true }
    }

    /// Goes on with other options, or after a time without stapling. What does not work is told again then.
    fn follow(&mut self, options: Ocsp, about: Arc<Inquiry>) {
        self.is_new = !Arc::ptr_eq(&self.about, &about);
        if self.is_new || self.options != options {
            self.course.told = Told::Nothing;
        }
        if self.options != options {
            self.course.refresh = Refresh::new(options.refresh_interval);
        }
        (self.options, self.about) = (options, about);
    }

    async fn turn(&mut self, title: &str, tls: &Tls) {
        let is_over = self.course.is_over(seconds_since_1970());
        if is_over {
            tell(title, &self.about, &Line::Over);
        }
        if is_over || self.is_new {
            self.show(&tls.acceptor);
        }
        if self.course.refresh.is_due() {
            let left = self.course.left(seconds_since_1970());
            let heard = tokio::select! {
                heard = ask(&self.options, &self.about, &mut self.course.newest, left) => heard,
                () = wanted_otherwise(&self.options, &self.about, tls) => return,
            };
            let line = self.course.hear(heard, seconds_since_1970());
            self.show(&tls.acceptor);
            line.iter().for_each(|line| tell(title, &self.about, line));
        }
    }

    fn show(&self, acceptor: &Acceptor) {
        acceptor.staple(&self.about, self.course.staple.clone());
    }
}

/// Ends when the listener has other options, or another certificate: a responder that lets us wait keeps nobody
/// from asking about that.
async fn wanted_otherwise(options: &Ocsp, about: &Arc<Inquiry>, tls: &Tls) {
    let is_wanted = || {
        let inquiry = tls.acceptor.inquiry();
        tls.options.load().ocsp.as_ref() == Some(options)
            && inquiry.is_some_and(|it| Arc::ptr_eq(&it, about))
    };
    while is_wanted() {
        tokio::time::sleep(LOOK).await;
    }
}

/// What came of one question.
enum Heard {
    Good(Staple),
    /// With the rest of a sentence about the certificate.
    Revoked(String),
    /// Likewise about the answer that there is not.
    Nothing(String),
}

/// Asks, for no longer than an answer that is shown still holds.
async fn ask(options: &Ocsp, about: &Inquiry, newest: &mut Newest, left: Duration) -> Heard {
    let url = match (&options.responder_url, about.responder()) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => match url.parse::<HttpUrl>() {
            Ok(url) => url,
            Err(why) => return Heard::Nothing(format!("the address in the certificate {why}")),
        },
        (None, None) => {
            let why = "the certificate names nobody to ask by plain HTTP (ocsp.responder_url does)";
            return Heard::Nothing(why.to_owned());
        }
    };
    let timeout = options.refresh_http_timeout.min(left);
    let bounds = Bounds { timeout, body_max: ANSWER_MAX };
    let kind = "application/ocsp-request";
    let answer = match fetch::post(&url, kind, about.request(), bounds).await {
        Ok(answer) => answer,
        Err(error) => return Heard::Nothing(format!("{url} {error}")),
    };
    match about.read(&answer, seconds_since_1970(), newest) {
        Ok(staple) => Heard::Good(staple),
        Err(Refused::Revoked) => Heard::Revoked(format!("{url} {}", Refused::Revoked)),
        Err(refused) => Heard::Nothing(format!("{url} {refused}")),
    }
}

/// What has been heard of one certificate.
struct Course {
    refresh: Refresh,
    newest: Newest,
    staple: Option<Staple>,
    told: Told,
}

/// What the log says of it by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Works,
    Fails,
    Revoked,
}

/// What there is to say in the log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// In minutes.
    Works(i64),
    /// Why, and for how many minutes the last answer still holds, if there is one.
    Fails(String, Option<i64>),
    Revoked(String),
    /// The last answer.
    Over,
}

impl Course {
    fn new(interval: Duration) -> Self {
        let (refresh, newest) = (Refresh::new(interval), Newest::default());
        Self { refresh, newest, staple: None, told: Told::Nothing }
    }

    /// Takes in what came; from now on the pause until it is asked again.
    fn hear(&mut self, heard: Heard, now: i64) -> Option<Line> {
        let minutes = |staple: &Staple| (staple.until - now) / 60;
        let (told, line) = match heard {
            Heard::Good(staple) => {
                let line = Line::Works(minutes(&staple));
                self.refresh.came(staple.until - now);
                self.staple = Some(staple);
                (Told::Works, line)
            }
            // What is known to be wrong is not shown, though its signature holds for a while.
            Heard::Revoked(why) => {
                self.staple = None;
                self.refresh.came_to_nothing();
                (Told::Revoked, Line::Revoked(why))
            }
            Heard::Nothing(why) => {
                self.refresh.failed();
                (Told::Fails, Line::Fails(why, self.staple.as_ref().map(minutes)))
            }
        };
        let is_news = std::mem::replace(&mut self.told, told) != told;
        is_news.then_some(line)
    }

    /// Whether it has just become too old to be shown.
    fn is_over(&mut self, now: i64) -> bool {
        let is_over = self.staple.take_if(|staple| staple.until <= now + MARGIN).is_some();
        if is_over {
            self.refresh.ended();
            // The log says that none is shown, and has to say when one is again.
            if self.told == Told::Works {
                self.told = Told::Nothing;
            }
        }
        is_over
    }

    /// How long it may be shown.
    fn left(&self, now: i64) -> Duration {
        let left = self.staple.as_ref().map(|staple| staple.until - now - MARGIN);
        left.map_or(Duration::MAX, |left| Duration::from_secs(left.try_into().unwrap_or_default()))
    }
}

/// Writes it into the log.
fn tell(title: &str, about: &Inquiry, line: &Line) {
    let serial = about.serial();
    match line {
        Line::Works(_) => tracing::info!("{title}, certificate {serial}: {line}"),
        Line::Fails(..) | Line::Revoked(_) | Line::Over => {
            tracing::warn!("{title}, certificate {serial}: {line}");
        }
    }
}

/// The rest of a line about a certificate.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works(minutes) => {
                write!(f, "shown with an OCSP answer that holds for {minutes} minutes")
            }
            Self::Fails(why, None) => write!(f, "shown without an OCSP answer: {why}"),
            Self::Fails(why, Some(minutes)) => {
                write!(f, "no new OCSP answer, the last one holds for {minutes} minutes: {why}")
            }
            Self::Revoked(why) => write!(f, "shown though it is revoked: {why}"),
            Self::Over => f.write_str("the last OCSP answer is over, none is shown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60;

    fn course() -> Course {
        Course::new(Duration::from_secs(5 * MINUTE))
    }

    fn good(until: i64) -> Heard {
        Heard::Good(Staple { der: vec![1], until })
    }

    fn nothing() -> Heard {
        Heard::Nothing("http://ca/ is gone".to_owned())
    }

    /// In how many seconds it is asked again, and what is said.
    fn hear(course: &mut Course, heard: Heard, now: i64) -> (u64, Option<String>) {
        let line = course.hear(heard, now);
        (course.refresh.pause.as_secs(), line.map(|line| line.to_string()))
    }

    #[test]
    fn what_fails_is_told_once_and_tried_again_ever_later() {
        let mut course = course();
        let (mut pauses, mut lines) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            let (pause, line) = hear(&mut course, nothing(), 0);
            pauses.push(pause);
            lines.extend(line);
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(lines, ["shown without an OCSP answer: http://ca/ is gone"]);
        let works = "shown with an OCSP answer that holds for 1000 minutes".to_owned();
        assert_eq!(hear(&mut course, good(60_000), 0), (300, Some(works)));
        assert_eq!(hear(&mut course, good(60_000), 0), (300, None));
        let fails =
            "no new OCSP answer, the last one holds for 900 minutes: http://ca/ is gone".to_owned();
        assert_eq!(hear(&mut course, nothing(), 6000), (10, Some(fails)));
        assert!(course.staple.is_some());
    }

    #[test]
    fn an_answer_is_renewed_before_it_is_over_and_not_shown_when_it_is() {
        let mut course = course();
        assert_eq!(course.left(0), Duration::MAX);
        assert_eq!(hear(&mut course, good(400), 0).0, 200);
        assert_eq!(hear(&mut course, good(400), 396).0, 10);
        assert_eq!((course.left(100).as_secs(), course.left(500).as_secs()), (290, 0));
        assert!(!course.is_over(400 - MARGIN - 1));
        assert!(course.is_over(400 - MARGIN));
        assert!(course.staple.is_none() && !course.is_over(400));
    }

    /// As when the clock is set or the machine has slept.
    #[test]
    fn what_is_over_before_its_time_is_asked_for_as_soon_as_what_failed() {
        let mut course = course();
        assert_eq!(hear(&mut course, good(60_000), 0).0, 300);
        assert!(!course.is_over(100));
        assert_eq!(course.refresh.pause.as_secs(), 300);
        assert!(course.is_over(60_000));
        assert_eq!(course.refresh.pause.as_secs(), 10);
        let works = "shown with an OCSP answer that holds for 1000 minutes".to_owned();
        assert_eq!(hear(&mut course, good(120_000), 60_000), (300, Some(works)));
        assert!(course.is_over(120_000));
        assert_eq!(hear(&mut course, nothing(), 120_000).0, 10);
        assert_eq!(hear(&mut course, nothing(), 120_000).0, 20);
    }

    #[test]
    fn a_revoked_certificate_is_told_and_shown_without_the_answer_of_before() {
        let mut course = course();
        course.hear(good(4000), 0);
        let revoked = || Heard::Revoked("http://ca/ says so".to_owned());
        let line = "shown though it is revoked: http://ca/ says so".to_owned();
        assert_eq!(hear(&mut course, revoked(), 0), (300, Some(line)));
        assert!(course.staple.is_none());
        assert_eq!(hear(&mut course, revoked(), 0), (300, None));
        assert!(course.hear(nothing(), 0).is_some());
        assert!(course.hear(revoked(), 0).is_some());
    }

    #[test]
    fn no_pause_is_longer_than_told() {
        let mut course = Course::new(Duration::from_secs(1));
        assert_eq!(hear(&mut course, nothing(), 0).0, 1);
        assert_eq!(hear(&mut course, good(4000), 0).0, 1);
        assert_eq!(hear(&mut course, good(0), 0).0, 1);
    }
}
