//! Questions of the core that only plugins can answer: carried to the policy pool, and the answers back
//! to the shard. Only the connection that asks waits; when it ends, its question is called off.
//! Bounded in number and in time; each question is answered, whatever happens on the way.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use theseus_core::{Answer, Asker, Client, Question};
use theseus_mqtt::ReasonCode;
use theseus_policy::{FAILED_QUESTIONS, Login, Policies, shown};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::local::Local;
use crate::logins::Called;
use crate::places::Places;
use crate::{reauthentication, revalidation};

/// Where the packets of all shards are asked about.
pub(crate) struct Questions {
    policies: Arc<Policies>,
    pool: Handle,
    timeout: Duration,
    places: Places,
}

/// A question on its way; it is not asked any further once this is dropped.
pub(crate) struct Asked(AbortHandle);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Asked {
    /// Asks beside everything else on this thread.
    pub(crate) fn spawn(asking: impl Future<Output = ()> + 'static) -> Self {
        Self(tokio::task::spawn_local(asking).abort_handle())
    }
}

impl Questions {
    /// At most `pending_max` (`policy.max_pending_questions`) wait, each for at most `timeout`
    /// (`policy.authorize_timeout`).
    pub(crate) fn new(
        policies: Arc<Policies>,
        pool: Handle,
        pending_max: usize,
        timeout: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { policies, pool, timeout, places: Places::new(pending_max) })
    }

    /// Asks whoever has to be asked about a packet or a will.
    async fn answer(&self, question: Question) -> Answer {
        let Some(_place) = self.places.take() else {
            let client = shown(&question.client.client_id);
            FAILED_QUESTIONS.warn(format_args!(
                "client \"{client}\": a packet is refused: policy.max_pending_questions wait already"
            ));
            return Answer::Silence(ReasonCode::QuotaExceeded);
        };
        let login = Arc::new(login_of(&question.client));
        let asking = self.policies.answer(login.clone(), question, self.timeout);
        let called = Called::on(&self.pool, asking);
        // A little longer: who took all of the time is named by the one who waited for it.
        let patience = self.timeout + self.timeout / 10;
        match tokio::time::timeout(patience, called).await {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => {
                let client = login.shown_id();
                FAILED_QUESTIONS.warn(format_args!(
                    "client \"{client}\": a packet is denied: no answer in policy.authorize_timeout"
                ));
                Answer::Silence(ReasonCode::NotAuthorized)
            }
        }
    }
}

/// Asks all that the core wants to have asked.
pub(crate) fn ask_all(local: &Rc<Local>) {
    loop {
        let mut state = local.state.borrow_mut();
        let Some(question) = state.shard.poll_question() else { return };
        let link = question.asker.connection().map(|key| state.links.get_mut(key));
        match (question.asker, link) {
            (Asker::Authentication(_), Some(Some(link))) => {
                reauthentication::ask(local, link, question);
            }
            (Asker::Revalidation(_), Some(Some(link))) => revalidation::ask(local, link, question),
            (Asker::Packet { .. }, Some(Some(link))) => {
                link.asked = Some(Asked::spawn(ask(local.clone(), question)));
            }
            (Asker::Will(_), _) => {
                tokio::task::spawn_local(ask(local.clone(), question));
            }
            // The socket is gone already.
            _ => {}
        }
    }
}

/// Asks one question and gives the answer to the core, if who asked still is there.
async fn ask(local: Rc<Local>, question: Question) {
    let asker = question.asker;
    let answer = local.questions.answer(question).await;
    local.state.borrow_mut().shard.handle_answer(local.clock.now(), asker, answer);
    local.schedule_flush();
}

/// The client as its grant has it: no password, and the user name that was settled on.
pub(crate) fn login_of(client: &Client) -> Login {
    let grant = &client.grant;
    Login {
        client_id: client.client_id.clone(),
        user_name: grant.user_name.clone(),
        // The port is not kept: it says nothing of who comes.
        address: grant.address.map(|ip| SocketAddr::new(ip, 0)),
        listener: grant.listener.clone(),
        protocol: client.version,
        attributes: grant.attributes.clone(),
        ..Login::default()
    }
}
