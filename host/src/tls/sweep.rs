//! Clients that are connected by a certificate that is not trusted any more: it was revoked, or its authority is
//! gone. One of these per shard finds them, once whom the broker trusts has changed.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use theseus_core::ConnectionKey;
use theseus_mqtt::ReasonCode;
use theseus_tls::Unverified;

use crate::clock::seconds_since_1970;
use crate::listen::Listener;
use crate::local::{Link, Local, State};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Looks until its task is dropped; at nothing where no listener is under TLS.
pub(crate) async fn sweep(local: Rc<Local>, listeners: Vec<Arc<Listener>>) {
    let of = |listener: &Arc<Listener>| Some(listener.tls.as_ref()?.acceptor.clone());
    let acceptors: Vec<_> = listeners.iter().filter_map(of).collect();
    let epochs = || acceptors.iter().map(|acceptor| acceptor.epoch()).collect::<Vec<_>>();
    let mut seen = epochs();
    while !acceptors.is_empty() {
        tokio::time::sleep(LOOK).await;
        let now = epochs();
        if std::mem::replace(&mut seen, now.clone()) != now || local.sweep_due.replace(false) {
            all(&local).await;
        }
    }
}

/// True if nobody has looked yet whether the settings of now trust the client of a link.
pub(crate) fn is_due(link: &Link) -> bool {
    let tls = link.seat.listener().tls.as_ref();
    tls.is_some_and(|tls| !link.wire.is_verified(&tls.acceptor))
}

/// For so long at a time it looks at one after the other; then everybody else has a turn. A turn among handshakes it does
/// not wait for: whoever floods the broker with these would keep those inside that have to go.
const SLICE: Duration = Duration::from_millis(1);

async fn all(local: &Rc<Local>) {
    let due = |(key, link): (ConnectionKey, &Link)| is_due(link).then_some(key);
    let keys: Vec<_> = local.state.borrow().links.iter().filter_map(due).collect();
    let (mut gone, mut began) = (0, Instant::now());
    for key in keys {
        gone += u64::from(local.state.borrow_mut().dismiss_unverified(local, key));
        if began.elapsed() >= SLICE {
            local.schedule_flush();
            tokio::task::yield_now().await;
            began = Instant::now();
        }
    }
    local.schedule_flush();
    if gone > 0 {
        tracing::info!(
            "{gone} connected clients had to go: their certificates are not trusted any more"
        );
    }
}

impl State {
    /// True if it had to go.
    fn dismiss_unverified(&mut self, local: &Local, key: ConnectionKey) -> bool {
        let Some(Link { wire, seat, .. }) = self.links.get_mut(key) else { return false };
        let Some(tls) = &seat.listener().tls else { return false };
        match wire.verify(&tls.acceptor, seconds_since_1970()) {
            Err(unverified @ Unverified::Refused(_)) => {
                let reason = ReasonCode::NotAuthorized;
                self.shard.dismiss(local.clock.now(), key, reason, &unverified.to_string());
                true
            }
            // Who was let in was found to be good then.
            Ok(()) | Err(Unverified::Unknown(_)) => false,
        }
    }
}
