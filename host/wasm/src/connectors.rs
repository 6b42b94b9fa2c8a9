//! The connectors as guests call them. Who is granted what is in the setup; a wait is the broker's, and
//! costs a guest neither computing time nor its good name.

use theseus_connector::{Failure, http};

use crate::bindings::interface as wit;
use crate::state::State;

impl wit::http::Host for State {
    async fn send(
        &mut self,
        connector: String,
        request: wit::http::Request,
    ) -> Result<wit::http::Response, wit::http::Failure> {
        // It may not ask anybody who it is.
        let Some(setup) = self.setup.clone() else {
            return Err(wit::http::Failure::NotGranted);
        };
        let sending = setup.connectors.send(&connector, asked(request));
        self.wait_for(sending).await.map(answered).map_err(failed)
    }
}

/// No connector of this kind can be granted yet: whoever wants one is refused at load, by its name.
impl wit::sql::Host for State {
    fn query(
        &mut self,
        _connector: String,
        _statement: String,
        _parameters: Vec<wit::sql::Value>,
    ) -> Result<Vec<Vec<wit::sql::Value>>, wit::sql::Failure> {
        Err(wit::sql::Failure::NotGranted)
    }
}

/// As for SQL.
impl wit::redis::Host for State {
    fn command(
        &mut self,
        _connector: String,
        _arguments: Vec<Vec<u8>>,
    ) -> Result<wit::redis::Reply, wit::redis::Failure> {
        Err(wit::redis::Failure::NotGranted)
    }
}

fn asked(request: wit::http::Request) -> http::Request {
    let header = |wit::http::Header { name, value }| (name, value);
    http::Request {
        method: request.method,
        path: request.path,
        headers: request.headers.into_iter().map(header).collect(),
        body: request.body,
    }
}

fn answered(response: http::Response) -> wit::http::Response {
    let header = |(name, value)| wit::http::Header { name, value };
    wit::http::Response {
        status: response.status,
        headers: response.headers.into_iter().map(header).collect(),
        body: response.body,
    }
}

fn failed(failure: Failure) -> wit::http::Failure {
    match failure {
        Failure::NotGranted => wit::http::Failure::NotGranted,
        Failure::TimedOut => wit::http::Failure::TimedOut,
        Failure::Unavailable => wit::http::Failure::Unavailable,
        Failure::TooLarge => wit::http::Failure::TooLarge,
        Failure::Invalid(why) => wit::http::Failure::Invalid(why),
    }
}
