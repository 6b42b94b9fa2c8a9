//! What plugins of the slot ban are told: where it is noticed, and of whom. While nobody is to be told,
//! one look at that is all that happens here.

use std::net::SocketAddr;
use std::sync::Arc;

use theseus_core::{Happened, What};
use theseus_limit::Limit;
use theseus_mqtt::ReasonCode;
use theseus_policy::{Event, Happening, Login};

use crate::clock::since_1970;
use crate::local::{Local, State};

/// Something happened to a client that is not let in yet.
pub(crate) fn tell(local: &Local, login: &Login, happening: Happening) {
    if local.broker().policy().watches() {
        // Nobody is told a password.
        let who = Login {
            client_id: login.client_id.clone(),
            user_name: login.user_name.clone(),
            address: login.address,
            listener: login.listener.clone(),
            protocol: login.protocol,
            ..Login::default()
        };
        put(local, who, happening);
    }
}

/// True for what a client did wrong when it said who it is: not for what the broker lacks.
pub(crate) const fn is_failed_login(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::BadUserNameOrPassword
            | ReasonCode::NotAuthorized
            | ReasonCode::ClientIdentifierNotValid
            | ReasonCode::BadAuthenticationMethod
    )
}

/// Passes on what the core has noticed since it was asked last.
pub(crate) fn pass_on(local: &Local, state: &mut State) {
    while let Some(happened) = state.shard.poll_happened() {
        let happening = match happened.what.clone() {
            What::Connected => Happening::Connected,
            What::Refused(reason) => Happening::Refused(reason),
            What::ProtocolError => Happening::ProtocolError,
            What::LimitExceeded(limit) => exceeded(&limit),
            What::Disconnected { reason, by_client, after } => {
                Happening::Disconnected { reason, by_client, duration: after }
            }
        };
        put(local, who(happened), happening);
    }
}

/// That a limit was.
pub(crate) fn exceeded(limit: &Limit) -> Happening {
    let Limit { name, meter, scope, .. } = limit;
    Happening::LimitExceeded { name: name.clone(), meter: *meter, scope: scope.clone() }
}

fn who(happened: Happened) -> Login {
    let Happened { client_id, user_name, address, listener, version, .. } = happened;
    Login {
        client_id,
        user_name,
        // The port is not kept: it says nothing of who comes.
        address: address.map(|ip| SocketAddr::new(ip, 0)),
        listener,
        protocol: Some(version),
        ..Login::default()
    }
}

fn put(local: &Local, who: Login, happening: Happening) {
    let event = Event { happening, at_ms: since_1970(), who: Arc::new(who), count: 1 };
    if !local.feed.put(local.id, event) {
        local.broker().metrics(local.id).ban_events_dropped.add(1);
    }
}
