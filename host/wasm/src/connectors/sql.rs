//! Statements of SQL.

use theseus_connector::Failure;
use theseus_connector::sql::{Request, Rows, Value};

use crate::bindings::interface::sql as wit;
use crate::state::State;

impl wit::Host for State {
    async fn query(
        &mut self,
        connector: String,
        statement: String,
        parameters: Vec<wit::Value>,
    ) -> Result<Vec<Vec<wit::Value>>, wit::Failure> {
        // It may not ask anybody who it is.
        let Some(setup) = self.setup.clone() else {
            return Err(wit::Failure::NotGranted);
        };
        let parameters = parameters.into_iter().map(asked).collect();
        let querying = setup.connectors.query(&connector, Request { statement, parameters });
        self.wait_for(querying).await.map(answered).map_err(failed)
    }
}

fn asked(value: wit::Value) -> Value {
    match value {
        wit::Value::Null => Value::Null,
        wit::Value::Boolean(it) => Value::Boolean(it),
        wit::Value::Integer(it) => Value::Integer(it),
        wit::Value::Number(it) => Value::Number(it),
        wit::Value::Text(it) => Value::Text(it),
        wit::Value::Bytes(it) => Value::Bytes(it),
    }
}

fn answered(rows: Rows) -> Vec<Vec<wit::Value>> {
    let value = |value| match value {
        Value::Null => wit::Value::Null,
        Value::Boolean(it) => wit::Value::Boolean(it),
        Value::Integer(it) => wit::Value::Integer(it),
        Value::Number(it) => wit::Value::Number(it),
        Value::Text(it) => wit::Value::Text(it),
        Value::Bytes(it) => wit::Value::Bytes(it),
    };
    rows.into_iter().map(|row| row.into_iter().map(value).collect()).collect()
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
