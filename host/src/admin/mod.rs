//! The HTTP listener for operators and their machines: `/metrics`, `/livez`, `/readyz`.
//! Served by the policy pool, never by a shard; bounded in connections and in time.
//! What is answered is in `answer`, the figures in `metrics` and how they are written in `page`, what is
//! wrong in `readiness`.

mod answer;
mod metrics;
mod page;
mod readiness;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use theseus_core::Broker;
use theseus_native::Loader;
use theseus_policy::Policies;
use theseus_reload::StatusView;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::listen::Listener;

/// Connections at the same time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 32;
/// For the head of a request to come, and for a connection that says nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For all of a connection: who scrapes connects again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of the head of a request.
const HEAD_SIZE_MAX: usize = 16 << 10;
/// Between two attempts to accept, when the system gives no file.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What answers are made of.
pub(crate) struct Sources {
    pub(crate) broker: Arc<Broker>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) files: StatusView,
    pub(crate) loader: Arc<Loader>,
    pub(crate) bans: Arc<theseus_ban::Table>,
    pub(crate) told: Arc<crate::telling::Told>,
    pub(crate) listeners: Vec<Arc<Listener>>,
}

/// A bound socket that nobody is served on yet.
pub(crate) struct Bound {
    socket: TcpListener,
    pub(crate) address: SocketAddr,
}

/// The listener; it ends when this is dropped.
pub(crate) struct Admin(AbortHandle);

impl Bound {
    /// Takes the address, so that who cannot have it hears of it before anything else is done.
    ///
    /// # Errors
    /// A sentence with the key.
    pub(crate) fn to(address: SocketAddr) -> Result<Self, String> {
        let failed = |error: io::Error| {
            let another = match error.kind() {
                io::ErrorKind::AddrInUse => "; another program has that port",
                _ => "",
            };
            format!("cannot listen on {address} (admin.bind): {error}{another}")
        };
        let socket = TcpListener::bind(address).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Serves on `pool` from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn serve(self, pool: &Handle, sources: Sources) -> io::Result<Admin> {
        let _inside = pool.enter();
        let socket = tokio::net::TcpListener::from_std(self.socket)?;
        let task = pool.spawn(accept(socket, Arc::new(sources)));
        Ok(Admin(task.abort_handle()))
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept(socket: tokio::net::TcpListener, sources: Arc<Sources>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed: the task ends with its runtime.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, _)) => {
                let sources = sources.clone();
                tokio::spawn(async move {
                    serve(stream, sources).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("admin: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end. What goes wrong there is its client's business.
async fn serve(stream: TcpStream, sources: Arc<Sources>) {
    let answer = service_fn(move |request| {
        let answered = answer::answer(&request, &sources);
        async move { Ok::<_, Infallible>(answered) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_SIZE_MAX)
        .serve_connection(TokioIo::new(stream), answer);
    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
}
