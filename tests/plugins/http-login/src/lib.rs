//! Authentication by an HTTP backend: it is sent what the client brought, and its status decides. Where
//! it is, what proves the broker to it and how long it may take, the operator says of the connector.
#![forbid(unsafe_code)]

mod form;

use theseus_plugin::authn::{Authn, Credentials, Decision, Revalidation};
use theseus_plugin::{Client, Description, Grant, Plugin, RefusalReason, http, log};

/// The connector it asks for: `[connectors.http.users]`.
const USERS: &str = "users";

struct HttpLogin;

impl Plugin for HttpLogin {
    fn describe() -> Description {
        Description::new("http-login", env!("CARGO_PKG_VERSION"))
            .summary("lets in whom an HTTP backend knows")
            .connector("http", USERS)
    }

    fn init() -> Result<Self, String> {
        Ok(Self)
    }
}

impl Authn for HttpLogin {
    fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision {
        let (Some(user), Some(password)) = (&who.username, &credentials.password) else {
            return Decision::Next;
        };
        let body = form::encode(&[
            ("username", user.as_bytes()),
            ("password", password),
            ("clientid", who.client_id.as_bytes()),
        ]);
        match ask("/login", body) {
            Ok(200 | 204) => Decision::allow(Grant::to(user)),
            Ok(401 | 403) => Decision::deny(RefusalReason::BadCredentials),
            // Not its user: the next plugin may know it.
            Ok(404) => Decision::Next,
            Ok(status) => {
                log::warn!("the backend answers /login with {status}");
                Decision::deny(RefusalReason::Unavailable)
            }
            Err(_) => Decision::deny(RefusalReason::Unavailable),
        }
    }

    /// A backend that does not answer is no reason to throw out who is in.
    fn revalidate(&self, who: &Client) -> Revalidation {
        let Some(user) = &who.username else { return Revalidation::Next };
        match ask("/known", form::encode(&[("username", user.as_bytes())])) {
            Ok(401 | 403) => Revalidation::Deny(RefusalReason::NotAuthorized.into()),
            Ok(404) => Revalidation::Next,
            _ => Revalidation::Keep,
        }
    }
}

/// The status of the answer.
fn ask(path: &str, body: String) -> Result<u16, http::Failure> {
    let form = http::Header {
        name: "content-type".to_owned(),
        value: "application/x-www-form-urlencoded".to_owned(),
    };
    let request = http::Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: vec![form],
        body: body.into_bytes(),
    };
    http::send(USERS, &request).map(|response| response.status)
}

theseus_plugin::export!(HttpLogin: authn);

#[cfg(test)]
mod tests;
