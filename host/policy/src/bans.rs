//! The plugins of the slot ban: told what happens, and asked who must not connect. What they want kept
//! they write into the ban table, which is not here.

use std::sync::Arc;
use std::time::Duration;

use theseus_mqtt::ReasonCode;
use tokio::time::Instant;

use crate::complaints::{FAILED_BANS, FAILED_LOGINS};
use crate::event::Event;
use crate::fault::Fault;
use crate::generation::{Generation, Link, Policies};
use crate::login::{Login, Refusal};
use crate::question::{Answer, Call, Question, ask_until, wrong_kind};

/// What the plugins say of a client that connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// It must not connect, or nobody can say whether it may.
    pub refusal: Option<Refusal>,
    /// How many of them failed; then only the ban table has spoken.
    pub failed: u64,
}

impl Policies {
    /// Asks whether a client must not connect. Ends on the generation it began with.
    pub fn check_bans(
        &self,
        login: Arc<Login>,
        within: Duration,
    ) -> impl Future<Output = Checked> + Send + 'static {
        let (generation, until) = (self.load(), Instant::now() + within);
        async move { generation.check_bans(&login, until).await }
    }

    /// The plugins that are to be told what happens.
    pub fn watchers(&self) -> Vec<Box<str>> {
        self.load().draft.bans.iter().map(|link| link.plugin.clone()).collect()
    }

    /// Tells a plugin what happened, at most 256 events; false if it failed, or is not there.
    pub fn tell(
        &self,
        plugin: &str,
        batch: Arc<[Event]>,
    ) -> impl Future<Output = bool> + Send + 'static {
        let generation = self.load();
        let link = generation.draft.bans.iter().find(|link| *link.plugin == *plugin).cloned();
        async move {
            match link {
                Some(link) => tell(&link, batch).await,
                None => false,
            }
        }
    }
}

impl Generation {
    async fn check_bans(&self, login: &Arc<Login>, until: Instant) -> Checked {
        let mut failed = 0;
        for link in &self.draft.bans {
            let Some(version) = &link.asked else {
                let (client, plugin) = (login.shown_id(), &link.plugin);
                FAILED_LOGINS.warn(format_args!(
                    "client \"{client}\" refused: no healthy version of plugin {plugin}"
                ));
                let refusal = Some(ReasonCode::ServerUnavailable.into());
                return Checked { refusal, failed };
            };
            let question = Question::about(login.clone(), Call::CheckBan);
            let asked = ask_until(&**version, question, until).await;
            match asked.and_then(is_banned) {
                Ok(false) => {}
                Ok(true) => {
                    let (client, by) = (login.shown_id(), link.name());
                    tracing::debug!("client \"{client}\" refused: {by} says it is banned");
                    return Checked { refusal: Some(ReasonCode::Banned.into()), failed };
                }
                Err(fault) => {
                    failed += 1;
                    let (client, by) = (login.shown_id(), link.name());
                    FAILED_BANS.warn(format_args!(
                        "client \"{client}\": {by} failed to say whether it is banned: {fault}; \
                         what the ban table says holds"
                    ));
                }
            }
        }
        Checked { refusal: None, failed }
    }
}

async fn tell(link: &Link, batch: Arc<[Event]>) -> bool {
    let Some(version) = &link.asked else { return false };
    let (events, first) = (batch.len(), batch.first().map(|event| event.who.shown_id()));
    let told = match version.ask(Question::events(batch)).await {
        Ok(Answer::Noted) => Ok(()),
        Ok(_) => Err(wrong_kind()),
        Err(fault) => Err(fault),
    };
    if let Err(fault) = &told {
        let (by, client) = (link.name(), first.unwrap_or_default());
        FAILED_BANS.warn(format_args!(
            "{by} failed when it was told {events} events, the first of client \"{client}\": {fault}; \
             the ban table stays"
        ));
    }
    told.is_ok()
}

fn is_banned(answer: Answer) -> Result<bool, Fault> {
    match answer {
        Answer::Banned(banned) => Ok(banned),
        _ => Err(wrong_kind()),
    }
}
