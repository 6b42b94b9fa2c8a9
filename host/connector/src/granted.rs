//! The connectors that one plugin was granted, by name: all that it can reach.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::connector::{Connector, Failure};
use crate::http;

/// A connector of kind `http`, whatever is behind it.
pub type HttpConnector = dyn Connector<Request = http::Request, Response = http::Response>;

/// What a plugin may call. Belongs to one version of it; the connectors are shared.
#[derive(Clone, Default)]
pub struct Granted {
    plugin: Box<str>,
    http: BTreeMap<Box<str>, Arc<HttpConnector>>,
}

impl Granted {
    /// Nothing yet, for the plugin of this name.
    pub fn to(plugin: &str) -> Self {
        Self { plugin: plugin.into(), http: BTreeMap::new() }
    }

    /// Grants one more.
    #[must_use]
    pub fn and_http(mut self, name: &str, connector: Arc<HttpConnector>) -> Self {
        self.http.insert(name.into(), connector);
        self
    }

    /// Sends a request by the connector of this name. Must be awaited within a tokio runtime with
    /// time and sockets.
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
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("plugin", &self.plugin)
            .field("http", &self.http.keys())
            .finish()
    }
}
