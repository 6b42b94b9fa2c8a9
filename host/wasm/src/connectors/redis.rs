//! Commands of Redis.

use theseus_connector::Failure;
use theseus_connector::redis::{Reply, Request};

use crate::bindings::interface::redis as wit;
use crate::state::State;

impl wit::Host for State {
    async fn command(
        &mut self,
        connector: String,
        arguments: Vec<Vec<u8>>,
    ) -> Result<wit::Reply, wit::Failure> {
        // It may not ask anybody who it is.
        let Some(setup) = self.setup.clone() else {
            return Err(wit::Failure::NotGranted);
        };
        let commanding = setup.connectors.command(&connector, Request { arguments });
        self.wait_for(commanding).await.map(answered).map_err(failed)
    }
}

fn answered(reply: Reply) -> wit::Reply {
    match reply {
        Reply::Nil => wit::Reply::Nil,
        Reply::Integer(it) => wit::Reply::Integer(it),
        Reply::Bytes(it) => wit::Reply::Bytes(it),
        Reply::Many(them) => wit::Reply::Many(them),
    }
}

fn failed(failure: Failure) -> wit::Failure {
    match failure {
        Failure::NotGranted => wit::Failure::NotGranted,
        Failure::TimedOut => wit::Failure::TimedOut,
        Failure::Unavailable => wit::Failure::Unavailable,
        Failure::TooLarge => wit::Failure::TooLarge,
        Failure::Invalid(why) => wit::Failure::Refused(why),
    }
}
