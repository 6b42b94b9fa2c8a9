//! A login as guests are told of it.

use theseus_mqtt::ProtocolVersion;
use theseus_policy::Login;

use crate::bindings::interface::authn::Credentials;
use crate::bindings::interface::types::{Client, Protocol};

pub(crate) fn client(login: &Login) -> Client {
    Client {
        client_id: login.client_id.to_string(),
        username: login.user_name.as_deref().map(str::to_owned),
        address: login.address.map(|address| address.ip().to_string()).unwrap_or_default(),
        port: login.address.map_or(0, |address| address.port()),
        listener: login.listener.to_string(),
        protocol: match login.protocol {
            Some(ProtocolVersion::V3_1) => Protocol::V31,
            Some(ProtocolVersion::V3_1_1) => Protocol::V311,
            Some(ProtocolVersion::V5) | None => Protocol::V5,
        },
    }
}

pub(crate) fn credentials(login: &Login) -> Credentials {
    Credentials {
        password: login.password.as_deref().map(<[u8]>::to_vec),
        method: login.method.as_deref().map(str::to_owned),
        data: login.data.as_deref().map(<[u8]>::to_vec),
    }
}
