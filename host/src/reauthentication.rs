//! Questions of the core about clients that authenticate again by AUTH: carried to the policy pool,
//! and the answers back to the shard. The connection is served meanwhile; when it ends, its question
//! is called off.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use theseus_core::{Question, Reauthentication};
use theseus_mqtt::{ProtocolVersion, ReasonCode};
use theseus_policy::{Challenged, Challenger, Login, Progress, Refusal};
use tokio::task::AbortHandle;

use crate::local::Local;

/// What a connection's exchange needs beside the core's data.
#[derive(Default)]
pub(crate) struct Exchange {
    /// The version that challenged last. Without it the version is looked for among the live ones.
    pub(crate) challenger: Option<Challenger>,
    asked: Option<Asked>,
}

/// A question on its way; it is not asked any further once this is dropped.
struct Asked(AbortHandle);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Exchange {
    /// Of a connection that comes from another shard; the core asks anew what was asked there.
    pub(crate) fn moved(challenger: Option<Challenger>) -> Self {
        Self { challenger, asked: None }
    }
}

/// Asks all that the core wants to have asked.
pub(crate) fn ask_all(local: &Rc<Local>) {
    loop {
        let mut state = local.state.borrow_mut();
        let Some(question) = state.shard.poll_question() else { return };
        let Some(link) = state.links.get_mut(question.key) else { continue };
        let challenger = link.exchange.challenger.clone();
        let asking = ask(local.clone(), question, challenger);
        link.exchange.asked = Some(Asked(tokio::task::spawn_local(asking).abort_handle()));
    }
}

/// Asks one question and gives the answer to the core, if the connection still is there.
async fn ask(local: Rc<Local>, question: Question, challenger: Option<Challenger>) {
    let key = question.key;
    let decided = decide(&local, question, challenger).await;
    let (answer, challenger) = match decided {
        Ok(Progress::Admitted(admitted)) => {
            let (grant, data) = (admitted.grant, admitted.data);
            (Reauthentication::Admitted { grant, data }, None)
        }
        Ok(Progress::Challenged(Challenged { data, challenge, challenger })) => {
            (Reauthentication::Challenged { challenge, data }, Some(challenger))
        }
        Err(refusal) => (Reauthentication::Refused(refusal.reason), None),
    };
    let mut state = local.state.borrow_mut();
    if let Some(link) = state.links.get_mut(key) {
        link.exchange.challenger = challenger;
    }
    state.shard.handle_reauthentication(local.clock.now(), key, answer);
    drop(state);
    local.schedule_flush();
}

async fn decide(
    local: &Local,
    question: Question,
    challenger: Option<Challenger>,
) -> Result<Progress, Refusal> {
    let login = Arc::new(login_of(&question));
    let Some(challenge) = question.challenge else { return local.logins.decide(&login).await };
    let challenger = challenger
        .or_else(|| local.logins.challenger(&login, &challenge))
        .ok_or(ReasonCode::NotAuthorized)?;
    let data = question.data.unwrap_or_default();
    local.logins.proceed(&login, challenger, challenge, data).await
}

/// The client as its grant has it: no password, and the user name that was settled on.
fn login_of(question: &Question) -> Login {
    Login {
        client_id: question.client_id.clone(),
        user_name: question.user_name.clone(),
        method: Some(question.method.clone()),
        data: question.data.clone(),
        // The port is not kept: it says nothing of who comes.
        address: question.address.map(|ip| SocketAddr::new(ip, 0)),
        listener: question.listener.clone(),
        protocol: Some(ProtocolVersion::V5),
        facts: vec![("auth-method", question.method.to_string())],
        ..Login::default()
    }
}
