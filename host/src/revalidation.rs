//! Questions of the core about connected clients that may stay or not: carried to the policy pool, and the
//! answers back to the shard. The connection is served meanwhile; when it ends, its question is called
//! off. How many are asked at the same time, the core sees to.

use std::rc::Rc;
use std::sync::Arc;

use theseus_core::{Answer, Question};

use crate::local::{Link, Local};
use crate::questions::{Asked, login_of};

/// Asks whether the client of a connection may stay.
pub(crate) fn ask(local: &Rc<Local>, link: &mut Link, question: Question) {
    link.revalidation = Some(Asked::spawn(ask_one(local.clone(), question)));
}

async fn ask_one(local: Rc<Local>, question: Question) {
    let Question { asker, client, .. } = question;
    let login = Arc::new(login_of(&client));
    let answer = Answer::Revalidation(local.logins.revalidate(&login, client.grant).await);
    local.state.borrow_mut().shard.handle_answer(local.clock.now(), asker, answer);
    local.schedule_flush();
}
