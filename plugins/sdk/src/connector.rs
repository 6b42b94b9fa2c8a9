//! Connectors: the world outside, by names that the operator grants. Address, TLS, secrets, pool and
//! time-outs stand in the broker's configuration; a plugin never sees a secret.

/// HTTP.
pub mod http {
    pub use crate::bindings::interface::http::{Failure, Header, Request, Response};

    use crate::broker;

    /// Sends one request and waits for the response. The time counts as waiting, not as work.
    ///
    /// # Errors
    /// The connector is not granted, cannot be reached, or answers too late or with too much.
    pub fn send(connector: &str, request: &Request) -> Result<Response, Failure> {
        broker::http::send(connector, request)
    }
}

/// SQL.
pub mod sql {
    pub use crate::bindings::interface::sql::{Failure, Value};

    use crate::broker;

    /// Runs one statement and returns its rows. Parameters are bound, never pasted in.
    ///
    /// # Errors
    /// The connector is not granted, cannot be reached, refuses, or answers too late or with too much.
    pub fn query(
        connector: &str,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, Failure> {
        broker::sql::query(connector, statement, parameters)
    }
}

/// Redis.
pub mod redis {
    pub use crate::bindings::interface::redis::{Failure, Reply};

    use crate::broker;

    /// Sends one command, as its words.
    ///
    /// # Errors
    /// The connector is not granted, cannot be reached, refuses, or answers too late or with too much.
    pub fn command(connector: &str, arguments: &[Vec<u8>]) -> Result<Reply, Failure> {
        broker::redis::command(connector, arguments)
    }
}
