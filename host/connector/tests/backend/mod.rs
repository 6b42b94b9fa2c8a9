//! A backend that says what a test wants, byte for byte, and remembers what it was asked.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is the failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use theseus_connector::http::{Http, Request, Response, Settings};
use theseus_connector::{Connector, Failure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What is done with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, and the connection stays.
    Say(Vec<u8>),
    /// These bytes, and it is closed.
    SayAndClose(Vec<u8>),
    /// The first once, then the second again and again, as fast as it is taken.
    SayForever(&'static str, &'static str),
    /// The first once, then the second after each pause.
    Drip(&'static str, &'static str, Duration),
    /// Nothing, and the connection stays.
    Nothing,
}

/// A backend on a port of its own.
pub(crate) struct Backend {
    pub(crate) port: u16,
    pub(crate) connections: Arc<AtomicUsize>,
    /// Connections that are open.
    pub(crate) open: Arc<AtomicUsize>,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// What its certificate is, where it has one.
    pub(crate) certificate: Option<String>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Respond = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

impl Backend {
    pub(crate) async fn new(respond: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(Arc::new(respond), None).await
    }

    /// With a certificate of its own for `name`.
    pub(crate) async fn tls(
        name: &str,
        respond: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut backend = Self::serve(Arc::new(respond), Some(acceptor)).await;
        backend.certificate = Some(cert.pem());
        backend
    }

    async fn serve(respond: Respond, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let mut backend = Self {
            port,
            connections: connections.clone(),
            open: open.clone(),
            asked: asked.clone(),
            certificate: None,
            serving: tokio::spawn(async {}),
        };
        backend.serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                let (open, asked) = (open.clone(), asked.clone());
                let (respond, tls) = (respond.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, &respond, &asked).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                converse(stream, &respond, &asked).await;
                            }
                        }
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        backend
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.url())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    respond: &Respond,
    asked: &Mutex<Vec<String>>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut buffer).await {
        let reply = respond(&request);
        asked.lock().push(request);
        let said = match reply {
            Reply::Say(bytes) => stream.write_all(&bytes).await,
            Reply::SayAndClose(bytes) => {
                drop(stream.write_all(&bytes).await);
                drop(stream.shutdown().await);
                return;
            }
            Reply::SayForever(first, more) => forever(&mut stream, first, more, None).await,
            Reply::Drip(first, more, pause) => forever(&mut stream, first, more, Some(pause)).await,
            Reply::Nothing => Ok(()),
        };
        if said.is_err() {
            return;
        }
    }
}

async fn forever(
    stream: &mut (impl AsyncWrite + Unpin),
    first: &str,
    more: &str,
    pause: Option<Duration>,
) -> std::io::Result<()> {
    stream.write_all(first.as_bytes()).await?;
    loop {
        stream.write_all(more.as_bytes()).await?;
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => tokio::task::yield_now().await,
        }
    }
}

async fn next_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = end + 4 + length.map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= whole {
                return Some(String::from_utf8(buffer.drain(..whole).collect()).unwrap());
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// An answer with a body.
pub(crate) fn ok(body: &str) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    Reply::Say(format!("{head}{body}").into_bytes())
}

/// These very bytes.
pub(crate) fn say(text: &str) -> Reply {
    Reply::Say(text.as_bytes().to_vec())
}

pub(crate) fn get(path: &str) -> Request {
    Request { method: "GET".into(), path: path.into(), ..Request::default() }
}

pub(crate) fn post(path: &str, body: &str) -> Request {
    Request { method: "POST".into(), body: body.into(), ..get(path) }
}

/// Asks as the plugin `door`.
pub(crate) async fn ask(http: &Http, request: Request) -> Result<Response, Failure> {
    http.call("door", request).await
}
