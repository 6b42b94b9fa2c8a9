//! Requests of HTTP.

use theseus_connector::Failure;
use theseus_connector::http::{Request, Response};

use crate::bindings::interface::http as wit;
use crate::state::State;

impl wit::Host for State {
    async fn send(
        &mut self,
        connector: String,
        request: wit::Request,
    ) -> Result<wit::Response, wit::Failure> {
        // It may not ask anybody who it is.
        let Some(setup) = self.setup.clone() else {
            return Err(wit::Failure::NotGranted);
        };
        let sending = setup.connectors.send(&connector, asked(request));
        self.wait_for(sending).await.map(answered).map_err(failed)
    }
}

fn asked(request: wit::Request) -> Request {
    let header = |wit::Header { name, value }| (name, value);
    Request {
        method: request.method,
        path: request.path,
        headers: request.headers.into_iter().map(header).collect(),
        body: request.body,
    }
}

fn answered(response: Response) -> wit::Response {
    let header = |(name, value)| wit::Header { name, value };
    wit::Response {
        status: response.status,
        headers: response.headers.into_iter().map(header).collect(),
        body: response.body,
    }
}

fn failed(failure: Failure) -> wit::Failure {
    match failure {
        Failure::NotGranted => wit::Failure::NotGranted,
        Failure::TimedOut => wit::Failure::TimedOut,
        Failure::Unavailable => wit::Failure::Unavailable,
        Failure::TooLarge => wit::Failure::TooLarge,
        Failure::Invalid(why) => wit::Failure::Invalid(why),
    }
}
