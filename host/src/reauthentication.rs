//! Questions of the core about clients that authenticate again by AUTH: carried to the policy pool,
//! and the answers back to the shard. The connection is served meanwhile; when it ends, its question
//! is called off.

use std::rc::Rc;
use std::sync::Arc;

use theseus_core::{Answer, Client, Matter, Question, Reauthentication};
use theseus_mqtt::ReasonCode;
use theseus_policy::{Challenged, Challenger, Login, Progress, Refusal};

use crate::local::{Link, Local};
use crate::questions::{Asked, login_of};

/// What a connection's exchange needs beside the core's data.
#[derive(Default)]
pub(crate) struct Exchange {
    /// The version that challenged last. Without it the version is looked for among the live ones.
    pub(crate) challenger: Option<Challenger>,
    asked: Option<Asked>,
}

impl Exchange {
    /// Of a connection that comes from another shard; the core asks anew what was asked there.
    pub(crate) fn moved(challenger: Option<Challenger>) -> Self {
        Self { challenger, asked: None }
    }
}

/// Asks who the client of a connection is.
pub(crate) fn ask(local: &Rc<Local>, link: &mut Link, question: Question) {
    let challenger = link.exchange.challenger.clone();
    link.exchange.asked = Some(Asked::spawn(ask_one(local.clone(), question, challenger)));
}

/// Asks one question and gives the answer to the core, if the connection still is there.
async fn ask_one(local: Rc<Local>, question: Question, challenger: Option<Challenger>) {
    let asker = question.asker;
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
    if let Some(link) = asker.connection().and_then(|key| state.links.get_mut(key)) {
        link.exchange.challenger = challenger;
    }
    state.shard.handle_answer(local.clock.now(), asker, Answer::Authentication(answer));
    drop(state);
    local.schedule_flush();
}

async fn decide(
    local: &Local,
    question: Question,
    challenger: Option<Challenger>,
) -> Result<Progress, Refusal> {
    let Matter::Authentication { method, data, challenge } = question.matter else {
        return Err(ReasonCode::NotAuthorized.into());
    };
    let login = Arc::new(with_method(&question.client, &method, data.clone()));
    let Some(challenge) = challenge else { return local.logins.decide(&login).await };
    let challenger = challenger
        .or_else(|| local.logins.challenger(&login, &challenge))
        .ok_or(ReasonCode::NotAuthorized)?;
    local.logins.proceed(&login, challenger, challenge, data.unwrap_or_default()).await
}

fn with_method(client: &Client, method: &str, data: Option<Box<[u8]>>) -> Login {
    Login {
        method: Some(method.into()),
        data,
        facts: vec![("auth-method", method.to_owned())],
        ..login_of(client)
    }
}
