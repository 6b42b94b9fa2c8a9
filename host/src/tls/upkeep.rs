//! What a listener under TLS needs that comes from elsewhere and runs out: lists of revoked certificates, answers about
//! its own.

use std::sync::Arc;
use std::time::Duration;

use theseus_config::SslOptions;
use tokio::task::JoinSet;

use crate::stapling::{self, Stapled};
use crate::tls::Tls;
use crate::tls::fetched::{self, Source};

/// Between two looks at whether other options are in force.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps it new until its task is dropped; after a change of the options all of it begins anew. `title` is the listener
/// as logs know it: `ssl:default`.
pub(crate) async fn keep(title: Box<str>, tls: Arc<Tls>) {
    loop {
        let options = tls.options.load_full();
        let _tasks = begin(&title, &tls, &options);
        while *tls.options.load_full() == *options {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// They end when the set is dropped.
fn begin(title: &str, tls: &Arc<Tls>, options: &SslOptions) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let sources = options.crl_urls.iter().map(|url| Source::new(title, url, tls, options));
    sources.for_each(|source| drop(tasks.spawn(fetched::watch(source))));
    if let Some(options) = &options.ocsp {
        let (title, acceptor) = (title.to_owned(), tls.acceptor.clone());
        tasks.spawn(stapling::watch(Stapled { title, options: options.clone(), acceptor }));
    }
    tasks
}
