//! The verb `revalidate`: connected clients are asked about again, and how that goes.

use std::sync::Arc;
use std::time::Duration;

use theseus_core::{Broker, Request, Round, Whom};

use super::answer::{Answer, Revalidated};
use crate::peers::Peers;

/// What may stand behind `revalidate`.
const USAGE: &str = "nothing behind it, all, client-id:ID, or username:NAME";
/// How often it is looked whether the shards have got to it, or are done with it.
const LOOK: Duration = Duration::from_millis(10);

/// The answer to `revalidate` with these words behind it.
pub(super) async fn answer(broker: &Arc<Broker>, peers: &Peers, words: &[String]) -> Answer {
    let whom = match words {
        [] => return told(broker, None),
        [word] => read(word),
        _ => None,
    };
    let Some(whom) = whom else { return Answer::Wrong(format!("revalidate needs {USAGE}")) };
    let is_under_way = broker.round().waiting > 0;
    let request = broker.revalidate(whom);
    (0..broker.shards()).for_each(|shard| peers.wake(shard));
    if !is_under_way {
        tokio::spawn(log_the_end(broker.clone(), request.clone()));
    }
    let asked = everybody_has_looked(&request).await;
    told(broker, Some(asked))
}

fn read(word: &str) -> Option<Whom> {
    match word.split_once(':') {
        None => (word == "all").then_some(Whom::Everyone),
        Some(("client-id", id)) => Some(Whom::ClientId(id.into())),
        Some(("username", name)) => Some(Whom::UserName(name.into())),
        Some(_) => None,
    }
}

fn told(broker: &Broker, asked: Option<u64>) -> Answer {
    Answer::Revalidate(Revalidated { asked, round: broker.round() })
}

/// How many clients a request is about.
async fn everybody_has_looked(request: &Request) -> u64 {
    loop {
        match request.asked() {
            Some(asked) => return asked,
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

async fn log_the_end(broker: Arc<Broker>, request: Arc<Request>) {
    everybody_has_looked(&request).await;
    let round = loop {
        match broker.round() {
            round if round.waiting == 0 => break round,
            _ => tokio::time::sleep(LOOK).await,
        }
    };
    let Round { asked, kept, renewed, denied, failed, gone, .. } = round;
    tracing::info!(
        "{asked} connected clients were asked about again: {kept} kept, {renewed} renewed, {denied} \
         denied, {failed} failed, {gone} gone before"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_a_client_or_a_user_is_meant() {
        for (word, whom) in [
            ("all", Some(Whom::Everyone)),
            ("client-id:a:b", Some(Whom::ClientId("a:b".into()))),
            ("client-id:all", Some(Whom::ClientId("all".into()))),
            ("username:", Some(Whom::UserName("".into()))),
            ("anna", None),
            ("", None),
            ("user:anna", None),
        ] {
            assert_eq!(read(word), whom, "{word}");
        }
    }
}
