//! The one number of everything that is live: doors, chains, rule sets, in one pointer.
//! A change replaces it whole; whoever has it in hand finishes with the one it began with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use theseus_acl::RuleSet;
use theseus_core::{Action, Identity, Judged, Policy, Verdict};

use crate::chain::Decided;
use crate::exchange::Challenger;
use crate::login::Login;
use crate::plugin::Authenticator;

/// What is to become the next generation.
#[derive(Clone, Default)]
pub struct Draft {
    /// One for each listener.
    pub doors: Vec<Door>,
    /// Where rules come from, in the order they are asked.
    pub sources: Vec<Source>,
    /// What becomes of an action that no rule matches.
    pub no_match: NoMatch,
    /// What becomes of a client whose action is denied.
    pub deny_action: DenyAction,
}

/// How clients come in by one listener.
#[derive(Clone)]
pub struct Door {
    /// As `tcp:default`.
    pub listener: Box<str>,
    /// Who claims nothing may come in, if nobody in the chain says otherwise.
    pub allow_anonymous: bool,
    /// Who is asked, in order.
    pub chain: Vec<Link>,
}

/// A plugin in a chain.
#[derive(Clone)]
pub struct Link {
    /// Its name.
    pub plugin: Box<str>,
    /// Its version for a log, as `0.1.0 (3f2a91c0)`.
    pub version: Box<str>,
    /// `None`: there is no healthy version, and nobody comes in (0x88).
    pub authenticator: Option<Arc<dyn Authenticator>>,
}

/// A plugin that publishes rules.
#[derive(Clone)]
pub struct Source {
    /// Its name.
    pub plugin: Box<str>,
    /// `None`: there is no healthy version, and what comes to it is denied.
    pub sets: Option<Arc<[RuleSet]>>,
}

/// `authorization.no_match`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoMatch {
    /// It is allowed.
    Allow,
    /// It is denied.
    #[default]
    Deny,
}

/// `authorization.deny_action`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DenyAction {
    /// The packet is refused, the connection goes on.
    #[default]
    Ignore,
    /// The connection ends.
    Disconnect,
}

/// All that is live, with its number.
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) draft: Draft,
    /// What everybody without rules of their own is told, where it is the same for all.
    everyone: Option<Verdict>,
}

/// The live generation. Decisions take it as it is; changes replace it.
pub struct Policies {
    current: ArcSwap<Generation>,
    /// The number of `current`, stored after it: a verdict stamped with an older one is only asked
    /// for again.
    number: AtomicU64,
    publishing: Mutex<()>,
}

impl Policies {
    /// Begins with generation 1.
    pub fn new(first: Draft) -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwap::from_pointee(Generation::new(1, first)),
            number: AtomicU64::new(1),
            publishing: Mutex::new(()),
        })
    }

    /// Makes `draft` live at once and for everybody; returns its number.
    pub fn publish(&self, draft: Draft) -> u64 {
        // Two at once must not get one number.
        let _one = self.publishing.lock();
        let number = self.number.load(Ordering::Relaxed) + 1;
        self.current.store(Arc::new(Generation::new(number, draft)));
        self.number.store(number, Ordering::Release);
        number
    }

    /// The answer of a door whose chain is empty: there is nobody to wait for. `None` where the chain
    /// has to be asked.
    pub fn login_at_once(&self, login: &Login) -> Option<Decided> {
        self.current.load().login_at_once(login)
    }

    /// Whom to ask about a [`Challenge`](theseus_core::Challenge) of which nothing but the data is
    /// left; `None` if that very version is not live any more.
    pub fn challenger(&self, listener: &str, by: &str) -> Option<Challenger> {
        self.current.load().challenger(listener, by)
    }

    /// Asks the chain of the door that the client came to. Ends on the generation it began with.
    pub fn login(&self, login: Arc<Login>) -> impl Future<Output = Decided> + Send + 'static {
        let generation = self.current.load_full();
        async move { generation.login(&login).await }
    }
}

impl Policy for Policies {
    fn generation(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Judged {
        let generation = self.current.load();
        let free = match generation.everyone {
            _ if client.grant.superuser => Some(Verdict::Allow),
            Some(verdict) if client.grant.rules.is_empty() => Some(verdict),
            _ => None,
        };
        if let Some(verdict) = free {
            return Judged { verdict, generation: None };
        }
        let verdict = generation.judge(client, action);
        Judged { verdict, generation: Some(generation.number) }
    }
}

impl Generation {
    fn new(number: u64, draft: Draft) -> Self {
        let everyone = everyone(&draft);
        Self { number, draft, everyone }
    }

    /// The door of a listener.
    pub(crate) fn door(&self, listener: &str) -> Option<&Door> {
        self.draft.doors.iter().find(|door| &*door.listener == listener)
    }
}

/// Without a source only the doors differ.
fn everyone(draft: &Draft) -> Option<Verdict> {
    if !draft.sources.is_empty() {
        return None;
    }
    let mut verdicts = draft.doors.iter().map(|door| draft.without_sources(door));
    let first = verdicts.next()?;
    verdicts.all(|verdict| verdict == first).then_some(first)
}
