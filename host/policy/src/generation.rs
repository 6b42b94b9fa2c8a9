//! The one number of everything that is live: doors, chains, rule sets, in one pointer.
//! A change replaces it whole; whoever has it in hand finishes with the one it began with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use theseus_acl::RuleSet;
use theseus_core::{Action, Identity, Judged, LimitsForAll, Policy, Verdict};
use theseus_limit::Limit;
use tokio::time::Instant;

use crate::chain::Decided;
use crate::decision::Admitted;
use crate::exchange::Challenger;
use crate::login::Login;
use crate::question::Version;

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
    /// Who says how much clients may do; all that they say holds.
    pub limits: Vec<LimitLink>,
    /// Who watches what happens, and is asked who must not connect.
    pub bans: Vec<Link>,
    /// Who sees messages, in order.
    pub hooks: Vec<HookLink>,
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
    /// `None`: there is no healthy version, and what it would decide is refused.
    pub asked: Option<Arc<dyn Version>>,
}

/// A plugin that gives limits.
#[derive(Clone)]
pub struct LimitLink {
    /// Who is asked for those of a client.
    pub link: Link,
    /// Those for everybody, at most 256.
    pub globals: Arc<[Limit]>,
}

/// A plugin that sees messages.
#[derive(Clone)]
pub struct HookLink {
    /// Who is asked.
    pub link: Link,
    /// The topic filters whose messages it sees. Without a healthy version nobody knows them.
    pub filters: Arc<[Box<str>]>,
    /// What becomes of a message that it cannot judge.
    pub on_failure: OnFailure,
}

/// `policy.plugins.NAME.on_failure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes on as if there were no such hook.
    Keep,
    /// Nobody gets it.
    #[default]
    Drop,
}

/// A plugin that publishes rules.
#[derive(Clone)]
pub struct Source {
    /// Who answers for its `ask` rules.
    pub link: Link,
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
    pub(crate) limits_for_all: LimitsForAll,
}

/// The live generation. Decisions take it as it is; changes replace it.
pub struct Policies {
    current: ArcSwap<Generation>,
    /// The number of `current`, stored after it: a verdict stamped with an older one is only asked
    /// for again.
    number: AtomicU64,
    /// The number of its limits for everybody, stored after it too.
    limits_number: AtomicU64,
    publishing: Mutex<()>,
}

impl Policies {
    /// Begins with generation 1.
    pub fn new(first: Draft) -> Arc<Self> {
        let limits_for_all = first.limits_for_all(None);
        Arc::new(Self {
            limits_number: AtomicU64::new(limits_for_all.number),
            current: ArcSwap::from_pointee(Generation::new(1, first, limits_for_all)),
            number: AtomicU64::new(1),
            publishing: Mutex::new(()),
        })
    }

    /// Makes `draft` live at once and for everybody; returns its number.
    pub fn publish(&self, draft: Draft) -> u64 {
        // Two at once must not get one number.
        let _one = self.publishing.lock();
        let number = self.number.load(Ordering::Relaxed) + 1;
        let limits_for_all = draft.limits_for_all(Some(&self.current.load().limits_for_all));
        let limits_number = limits_for_all.number;
        self.current.store(Arc::new(Generation::new(number, draft, limits_for_all)));
        self.number.store(number, Ordering::Release);
        self.limits_number.store(limits_number, Ordering::Release);
        number
    }

    /// The answer of a door whose chain is empty: there is nobody to wait for. `None` where the chain
    /// has to be asked.
    pub fn login_at_once(&self, login: &Login) -> Option<Decided> {
        self.current.load().login_at_once(login)
    }

    /// The plugins that are named and have no healthy version, each once.
    pub fn missing(&self) -> Vec<String> {
        let names: BTreeSet<_> =
            self.current.load().draft.links().filter_map(Link::missing).collect();
        names.into_iter().collect()
    }

    /// Whom to ask about a [`Challenge`](theseus_core::Challenge) of which nothing but the data is
    /// left; `None` if that very version is not live any more.
    pub fn challenger(&self, listener: &str, by: &str) -> Option<Challenger> {
        self.current.load().challenger(listener, by)
    }

    /// Asks what only plugins can say about a packet or a will, for so long in all. Ends on the
    /// generation it began with. Must be awaited within a tokio runtime with time.
    pub fn answer(
        &self,
        who: Arc<Login>,
        question: theseus_core::Question,
        within: Duration,
    ) -> impl Future<Output = theseus_core::Answer> + Send + 'static {
        let generation = self.current.load_full();
        async move { generation.answer(&who, question, within).await }
    }

    /// True if a client that is let in may be given limits: then they have to be asked for.
    pub fn gives_limits(&self) -> bool {
        self.current.load().gives_limits()
    }

    /// Asks the limit slot for the limits of a client that has been let in. Ends on the generation it
    /// began with.
    pub fn limits_for(
        &self,
        login: Arc<Login>,
        admitted: Admitted,
        within: Duration,
    ) -> impl Future<Output = Decided> + Send + 'static {
        let (generation, until) = (self.current.load_full(), Instant::now() + within);
        async move { generation.limits_for(&login, admitted, until).await }
    }

    /// Asks the chain of the door that the client came to. Ends on the generation it began with.
    pub fn login(
        &self,
        login: Arc<Login>,
        within: Duration,
    ) -> impl Future<Output = Decided> + Send + 'static {
        let (generation, until) = (self.current.load_full(), Instant::now() + within);
        async move { generation.login(&login, until).await }
    }
}

impl Policies {
    /// What is live now.
    pub(crate) fn load(&self) -> Arc<Generation> {
        self.current.load_full()
    }
}

impl Policy for Policies {
    fn watches(&self) -> bool {
        !self.current.load().draft.bans.is_empty()
    }

    fn generation(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    fn limits_number(&self) -> u64 {
        self.limits_number.load(Ordering::Acquire)
    }

    fn limits(&self) -> LimitsForAll {
        self.current.load().limits_for_all.clone()
    }

    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Judged {
        let generation = self.current.load();
        let has_hooks = !generation.draft.hooks.is_empty();
        let hooked = has_hooks && generation.is_hooked(action);
        let free = match generation.everyone {
            _ if client.grant.superuser => Some(Verdict::Allow),
            Some(verdict) if client.grant.rules.is_empty() => Some(verdict),
            _ => None,
        };
        if let Some(verdict) = free {
            // Finding its hooks again would cost more than remembering them.
            let generation = has_hooks.then_some(generation.number);
            return Judged { verdict, hooked, generation };
        }
        let verdict = generation.judge(client, action);
        Judged { verdict, hooked, generation: Some(generation.number) }
    }
}

impl Generation {
    fn new(number: u64, draft: Draft, limits_for_all: LimitsForAll) -> Self {
        let everyone = everyone(&draft);
        Self { number, draft, everyone, limits_for_all }
    }

    /// The door of a listener.
    pub(crate) fn door(&self, listener: &str) -> Option<&Door> {
        self.draft.doors.iter().find(|door| &*door.listener == listener)
    }
}

impl Draft {
    /// Every plugin that is asked anything, as often as it is named.
    fn links(&self) -> impl Iterator<Item = &Link> {
        let doors = self.doors.iter().flat_map(|door| &door.chain);
        let sources = self.sources.iter().map(|source| &source.link);
        let limits = self.limits.iter().map(|limit| &limit.link);
        let hooks = self.hooks.iter().map(|hook| &hook.link);
        doors.chain(sources).chain(limits).chain(&self.bans).chain(hooks)
    }
}

impl Link {
    /// Its name, if nobody can be asked.
    fn missing(&self) -> Option<String> {
        self.asked.is_none().then(|| self.plugin.to_string())
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
