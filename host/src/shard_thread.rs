//! One shard's thread: its runtime, its acceptors, and the flusher as its root task.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use theseus_core::{Broker, Shard, ShardId};

use crate::accept;
use crate::flush::Flusher;
use crate::listen::Listener;
use crate::local::{Local, Shared};
use crate::{system, tls};

/// What a shard thread is started with.
pub(crate) struct Seed {
    pub(crate) id: ShardId,
    pub(crate) broker: Arc<Broker>,
    pub(crate) shared: Shared,
    pub(crate) listeners: Vec<(Arc<Listener>, TcpListener)>,
    pub(crate) system: system::Settings,
}

/// Starts the thread. It ends when the broker has stopped, or with the error or panic of its
/// runtime, which must end the process (invariant 7).
pub(crate) fn spawn(seed: Seed) -> io::Result<JoinHandle<io::Result<()>>> {
    Builder::new().name(format!("shard-{}", seed.id)).spawn(move || run(seed))
}

fn run(seed: Seed) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    let shard = Shard::new(seed.id, seed.broker);
    let local = Local::new(shard, seed.id, seed.shared);
    runtime.block_on(tasks.run_until(async {
        let of_all = seed.listeners.iter().map(|(listener, _)| listener.clone()).collect();
        tokio::task::spawn_local(vital(tls::sweep(local.clone(), of_all)));
        for (listener, socket) in seed.listeners {
            let socket = tokio::net::TcpListener::from_std(socket)?;
            let acceptor = accept::run(local.clone(), socket, listener);
            tokio::task::spawn_local(vital(acceptor));
        }
        if local.id == 0 {
            system::start(&local, seed.system);
        }
        Flusher::new(local).await;
        Ok(())
    }))
}

/// A task without which the broker is no broker: its panic ends the process instead of the task.
async fn vital(task: impl Future<Output = ()>) {
    struct Fuse;
    impl Drop for Fuse {
        fn drop(&mut self) {
            if std::thread::panicking() {
                std::process::exit(101);
            }
        }
    }
    let _fuse = Fuse;
    task.await;
}
