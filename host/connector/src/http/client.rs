//! The connector itself: a place, a breaker, a connection, one request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderMap;
use tokio::time::{Instant, timeout, timeout_at};

use crate::breaker::{Breaker, Habits, Turn};
use crate::connector::{Calling, Connector, Failure, Kind};
use crate::http::answer;
use crate::http::bounded::{BodyError, Sender, reason};
use crate::http::check::Checked;
use crate::http::dial::Dialer;
use crate::http::headers;
use crate::http::idle::Idle;
use crate::http::message::{Request, Response};
use crate::http::settings::Settings;
use crate::http::target::Target;
use crate::http::tls;
use crate::places::{NoPlace, Places};
use crate::tally::{Health, Tally};

/// A connector of kind `http`. Lives as long as anybody has it in hand: what goes over it ends, though
/// the configuration has another by then.
pub struct Http {
    name: Box<str>,
    target: Arc<Target>,
    headers: HeaderMap,
    dialer: Dialer,
    idle: Idle,
    places: Places,
    breaker: Breaker,
    tally: Tally,
    connect_timeout: Duration,
    request_timeout: Duration,
    max_request_size: usize,
    max_response_size: usize,
}

/// What a backend did with a request.
enum Outcome {
    Answered(Response),
    TooLarge,
    /// It does not do what it is there for; why, for a log.
    Failed(String),
}

impl Http {
    /// Makes it; nothing is connected yet.
    ///
    /// # Errors
    /// `KEY: …` or `FILE_KEY:LINE: …`, without a secret.
    pub fn new(name: &str, settings: &Settings) -> Result<Arc<Self>, String> {
        let target = Target::parse(&settings.url).map_err(|why| format!("url: it {why}"))?;
        let target = Arc::new(target);
        let tls = target.tls.then(|| tls::config(settings)).transpose()?;
        let dialer = Dialer::new(target.clone(), tls).map_err(|why| format!("url: it {why}"))?;
        let of_plugin = settings.max_per_plugin.min(settings.pool_size);
        Ok(Arc::new(Self {
            name: name.into(),
            target,
            headers: headers::of_connector(settings)?,
            dialer,
            idle: Idle::new(settings.pool_size, settings.idle_timeout),
            places: Places::new(settings.pool_size, of_plugin, settings.max_pending),
            breaker: Breaker::new(Habits {
                failures: settings.breaker_failures,
                window: settings.breaker_window,
                pause: settings.breaker_pause,
                pause_max: settings.breaker_max_pause,
            }),
            tally: Tally::default(),
            connect_timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
            max_request_size: settings.max_request_size,
            max_response_size: settings.max_response_size,
        }))
    }

    async fn send(&self, plugin: &str, request: Request) -> Result<Response, Failure> {
        let checked = Checked::new(request, &self.target, &self.headers, self.max_request_size);
        let checked = checked.map_err(Failure::Invalid)?;
        let deadline = Instant::now() + self.request_timeout;
        if self.breaker.refuses(Instant::now()) {
            return Err(Failure::Unavailable);
        }
        let place = self.places.take(plugin, deadline).await;
        let _place = place.map_err(|why| self.without_place(plugin, why))?;
        let begun = Instant::now();
        // It may have opened while this one waited.
        let attempt = self.breaker.attempt(begun).ok_or(Failure::Unavailable)?;
        match timeout_at(deadline, self.exchange(&checked)).await {
            Ok(Outcome::Answered(response)) => {
                self.tell(attempt.succeed(), "");
                Ok(response)
            }
            Ok(Outcome::TooLarge) => {
                self.tell(attempt.succeed(), "");
                Err(Failure::TooLarge)
            }
            Ok(Outcome::Failed(why)) => {
                self.tell(attempt.fail(Instant::now()), &why);
                Err(Failure::Unavailable)
            }
            Err(_) => {
                // Who had waited for a place until hardly any time was left says nothing of the backend.
                if deadline - begun >= self.request_timeout / 2 {
                    self.tell(attempt.fail(Instant::now()), "it took longer than request_timeout");
                }
                Err(Failure::TimedOut)
            }
        }
    }

    /// One request on a connection that is there, or on a new one.
    async fn exchange(&self, checked: &Checked) -> Outcome {
        while let Some(mut sender) = self.idle.take(Instant::now()) {
            if sender.ready().await.is_err() {
                continue;
            }
            // A backend may close what was idle at any time, also at this one.
            match sender.try_send_request(checked.to_send()).await {
                Ok(response) => return self.finish(sender, response).await,
                Err(mut error) => match error.take_message() {
                    Some(_) => {}
                    // It may have been read: once more on a new one, or never.
                    None if checked.is_idempotent() => break,
                    None => return Outcome::Failed(reason(error.error())),
                },
            }
        }
        let mut sender = match timeout(self.connect_timeout, self.dialer.dial()).await {
            Ok(Ok(sender)) => sender,
            Ok(Err(why)) => return Outcome::Failed(why),
            Err(_) => return Outcome::Failed("connecting took longer than connect_timeout".into()),
        };
        self.tally.connections.add();
        match sender.send_request(checked.to_send()).await {
            Ok(response) => self.finish(sender, response).await,
            Err(error) => Outcome::Failed(reason(&error)),
        }
    }

    async fn finish(
        &self,
        sender: Sender,
        response: hyper::Response<hyper::body::Incoming>,
    ) -> Outcome {
        // Nobody asked for another protocol.
        if response.status().is_informational() {
            return Outcome::Failed("it answers with a status of 1xx".into());
        }
        match answer::take(response, self.max_response_size).await {
            Ok(response) => {
                self.idle.put(sender, Instant::now());
                Outcome::Answered(response)
            }
            Err(BodyError::TooLarge) => Outcome::TooLarge,
            Err(BodyError::Broken(error)) => Outcome::Failed(reason(&error)),
        }
    }

    fn without_place(&self, plugin: &str, why: NoPlace) -> Failure {
        match why {
            NoPlace::Late => Failure::TimedOut,
            NoPlace::Crowded => {
                // Said at 1, 2, 4, 8, …: as often as it matters, and never in a flood.
                let count = self.tally.crowded.add();
                if count.is_power_of_two() {
                    tracing::warn!(
                        "connector http `{}`: more than max_pending requests wait; {count} refused \
                         so far, the last of {plugin}",
                        self.name
                    );
                }
                Failure::Unavailable
            }
        }
    }

    fn tell(&self, turn: Turn, why: &str) {
        let name = &self.name;
        match turn {
            Turn::None => {}
            Turn::Opened(pause) => tracing::warn!(
                "connector http `{name}` is not asked for {pause:?}: {why}, as often as \
                 breaker_failures allows"
            ),
            Turn::Closed => tracing::info!("connector http `{name}` answers again"),
        }
    }
}

impl Connector for Http {
    type Request = Request;
    type Response = Response;

    fn kind(&self) -> Kind {
        Kind::Http
    }

    fn call<'a>(&'a self, plugin: &'a str, request: Request) -> Calling<'a, Response> {
        Box::pin(async move {
            let result = self.send(plugin, request).await;
            self.tally.count(&result);
            result
        })
    }

    fn health(&self) -> Health {
        let (breaker, opened) = self.breaker.state(Instant::now());
        let (at_work, waiting) = (self.places.at_work(), self.places.waiting());
        Health { breaker, opened, at_work, waiting, ..self.tally.health() }
    }
}

/// Secrets stay out of logs.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("name", &self.name)
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}
