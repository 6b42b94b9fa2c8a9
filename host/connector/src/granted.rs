//! The connectors that one plugin was granted, by kind and name: all that it can reach.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::connector::{Connector, Failure};
use crate::{http, redis, sql};

/// A connector of kind `http`, whatever is behind it.
pub type HttpConnector = dyn Connector<Request = http::Request, Response = http::Response>;

/// A connector of kind `sql`, whatever is behind it.
pub type SqlConnector = dyn Connector<Request = sql::Request, Response = sql::Rows>;

/// A connector of kind `redis`, whatever is behind it.
pub type RedisConnector = dyn Connector<Request = redis::Request, Response = redis::Reply>;

/// What a plugin may call. Belongs to one version of it; the connectors are shared.
#[derive(Clone, Default)]
pub struct Granted {
    plugin: Box<str>,
    http: Named<HttpConnector>,
    sql: Named<SqlConnector>,
    redis: Named<RedisConnector>,
}

type Named<T> = BTreeMap<Box<str>, Arc<T>>;

impl Granted {
    /// Nothing yet, for the plugin of this name.
    pub fn to(plugin: &str) -> Self {
        Self { plugin: plugin.into(), ..Self::default() }
    }

    /// Grants one more of kind `http`.
    #[must_use]
    pub fn and_http(mut self, name: &str, connector: Arc<HttpConnector>) -> Self {
        self.http.insert(name.into(), connector);
        self
    }

    /// Grants one more of kind `sql`.
    #[must_use]
    pub fn and_sql(mut self, name: &str, connector: Arc<SqlConnector>) -> Self {
        self.sql.insert(name.into(), connector);
        self
    }

    /// Grants one more of kind `redis`.
    #[must_use]
    pub fn and_redis(mut self, name: &str, connector: Arc<RedisConnector>) -> Self {
        self.redis.insert(name.into(), connector);
        self
    }

    /// Sends a request by the connector of this name. Must be awaited within a tokio runtime with
    /// time and sockets, as the other two.
    ///
    /// # Errors
    /// [`Failure`]; `NotGranted` is told at once.
    pub async fn send(
        &self,
        connector: &str,
        request: http::Request,
    ) -> Result<http::Response, Failure> {
        let granted = self.http.get(connector).ok_or(Failure::NotGranted)?;
        granted.call(&self.plugin, request).await
    }

    /// Runs a statement by the connector of this name.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn query(
        &self,
        connector: &str,
        request: sql::Request,
    ) -> Result<sql::Rows, Failure> {
        let granted = self.sql.get(connector).ok_or(Failure::NotGranted)?;
        granted.call(&self.plugin, request).await
    }

    /// Gives a command by the connector of this name.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn command(
        &self,
        connector: &str,
        request: redis::Request,
    ) -> Result<redis::Reply, Failure> {
        let granted = self.redis.get(connector).ok_or(Failure::NotGranted)?;
        granted.call(&self.plugin, request).await
    }
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("plugin", &self.plugin)
            .field("http", &self.http.keys())
            .field("sql", &self.sql.keys())
            .field("redis", &self.redis.keys())
            .finish()
    }
}
