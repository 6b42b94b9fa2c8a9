//! What a live version of a plugin is asked, whatever it is made of, and what it answers.
//! One question and one method for all slots: whoever tends a version (counts its calls, tries it,
//! records it) wraps it once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use theseus_limit::Limit;
use tokio::time::{Instant, timeout_at};

use crate::decision::{Decision, Revalidation};
use crate::event::Event;
use crate::fault::Fault;
use crate::hook::{HookMessage, Hooked};
use crate::login::Login;
use crate::plugin::Slot;
use crate::request::{Opinion, Request};

/// A question. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Question {
    /// The client it is about; `None` only for [`Call::Events`], which are about many.
    pub who: Option<Arc<Login>>,
    /// What is asked.
    pub call: Call,
    /// Who asks wants no answer after it, and soon drops the asking; `None`: for as long as a call may take.
    pub until: Option<Instant>,
}

/// What is asked: a function of the interface.
#[derive(Clone, Debug)]
pub enum Call {
    /// `authn.authenticate`: may this client come in?
    Authenticate,
    /// `authn.proceed`: the client's answer to a challenge.
    Proceed {
        /// What the version gave with its challenge.
        state: Arc<[u8]>,
        /// Authentication Data of the client.
        data: Arc<[u8]>,
    },
    /// `authn.revalidate`: may this client stay?
    Revalidate,
    /// `authz.authorize`: what an `ask` rule left open.
    Authorize(Arc<Request>),
    /// `limit.limits-for`: this client's own limits.
    LimitsFor,
    /// `ban.check`: must this client not connect?
    CheckBan,
    /// `ban.on-events`: what happened, at most 256 events.
    Events(Arc<[Event]>),
    /// `hook.on-publish`: a message of a declared filter.
    Publish(Arc<HookMessage>),
}

/// What is answered; the kind is that of the call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To `authenticate` and `proceed`.
    Decision(Decision),
    /// To `revalidate`.
    Revalidation(Revalidation),
    /// To `authorize`.
    Opinion(Opinion),
    /// To `limits-for`, at most 16, checked.
    Limits(Vec<Limit>),
    /// To `check`: it must not connect.
    Banned(bool),
    /// To `on-events`.
    Noted,
    /// To `on-publish`.
    Hooked(Hooked),
}

/// An answer on its way. It may be dropped at any time: nobody waits for it any more.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Answer, Fault>> + Send + 'a>>;

/// A live version of a plugin.
pub trait Version: Send + Sync {
    /// Asks it. What it gives back has been checked against the interface, and is of the kind that was
    /// asked for; everything else is a [`Fault`].
    fn ask(&self, question: Question) -> Asking<'_>;
}

impl Question {
    /// About one client.
    pub const fn about(who: Arc<Login>, call: Call) -> Self {
        Self { who: Some(who), call, until: None }
    }

    /// What happened, to many.
    pub const fn events(batch: Arc<[Event]>) -> Self {
        Self { who: None, call: Call::Events(batch), until: None }
    }

    /// The same, of who waits for so long.
    #[must_use]
    pub fn until(self, until: Instant) -> Self {
        Self { until: Some(until), ..self }
    }

    /// When a version that gives a call so long must have ended this one: who asks may have less time, and is
    /// told all the same what was waited for.
    pub fn deadline(&self, call_wall: Duration) -> Instant {
        let wall = Instant::now() + call_wall;
        self.until.map_or(wall, |until| until.min(wall))
    }
}

impl Call {
    /// The slot whose function it is.
    pub const fn slot(&self) -> Slot {
        match self {
            Self::Authenticate | Self::Proceed { .. } | Self::Revalidate => Slot::Authn,
            Self::Authorize(_) => Slot::Authz,
            Self::LimitsFor => Slot::Limit,
            Self::CheckBan | Self::Events(_) => Slot::Ban,
            Self::Publish(_) => Slot::Hook,
        }
    }
}

/// The function's name in `wit/`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authenticate => "authenticate",
            Self::Proceed { .. } => "proceed",
            Self::Revalidate => "revalidate",
            Self::Authorize(_) => "authorize",
            Self::LimitsFor => "limits-for",
            Self::CheckBan => "check",
            Self::Events(_) => "on-events",
            Self::Publish(_) => "on-publish",
        })
    }
}

/// How long a version may take to say why it has not answered in time.
const GRACE: Duration = Duration::from_millis(100);

/// Asks for as long as there is time. A version that heeds it ends by itself in that moment, and says why:
/// who gave up in the same moment would call its wait for the broker a fault of its own.
pub(crate) async fn ask_until(
    version: &dyn Version,
    question: Question,
    until: Instant,
) -> Result<Answer, Fault> {
    let asking = version.ask(question.until(until));
    timeout_at(until + GRACE, asking).await.unwrap_or(Err(Fault::WallTime))
}

/// An answer of another kind than was asked for.
pub(crate) fn wrong_kind() -> Fault {
    Fault::Invalid("it answered another question".to_owned())
}
