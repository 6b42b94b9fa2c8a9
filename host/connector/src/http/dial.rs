//! A new connection to the backend: name, socket, TLS, and hyper on top of it with its bounds.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::http::bounded::{HeadBounds, Sender, handshake};
use crate::http::target::Target;

/// What the head of an answer may have.
const HEAD: HeadBounds = HeadBounds { size_max: 64 << 10, headers_max: 100 };

/// Makes connections; the other end of each is a task of its own.
#[derive(Debug)]
pub(crate) struct Dialer {
    target: Arc<Target>,
    tls: Option<TlsOf>,
}

#[derive(Clone)]
struct TlsOf {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl std::fmt::Debug for TlsOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name.fmt(f)
    }
}

impl Dialer {
    pub(crate) fn new(target: Arc<Target>, tls: Option<Arc<ClientConfig>>) -> Result<Self, String> {
        let with_name = |config| {
            let name = ServerName::try_from(String::from(&*target.host));
            let name = name.map_err(|_| "names a host that no certificate can".to_owned())?;
            Ok::<_, String>(TlsOf { config, name })
        };
        let tls = tls.map(with_name).transpose()?;
        Ok(Self { target, tls })
    }

    /// The error is for a log.
    pub(crate) async fn dial(&self) -> Result<Sender, String> {
        let Target { host, port, .. } = &*self.target;
        let stream = TcpStream::connect((&**host, *port)).await;
        let stream = stream.map_err(|error| out_of_reach(&error))?;
        // Small requests, and somebody waits for each.
        stream.set_nodelay(true).map_err(|error| out_of_reach(&error))?;
        match &self.tls {
            None => greet(stream).await,
            Some(TlsOf { config, name }) => {
                let connector = TlsConnector::from(config.clone());
                let stream = connector.connect(name.clone(), stream).await;
                greet(stream.map_err(|error| format!("TLS fails: {error}"))?).await
            }
        }
    }
}

fn out_of_reach(error: &io::Error) -> String {
    format!("it cannot be reached: {error}")
}

async fn greet(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Sender, String> {
    let greeted = handshake(stream, HEAD).await;
    let (sender, connection) = greeted.map_err(|error| format!("it does not answer: {error}"))?;
    // Ends when its sender is dropped or the backend closes; who waits for it is told there.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
