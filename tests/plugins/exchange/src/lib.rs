//! A plugin for tests that has client and broker prove to each other that they know a secret, which
//! neither sends (method `HMAC-BOTH-WAYS`):
//!
//! | from | packet | data |
//! |---|---|---|
//! | client | CONNECT, or AUTH 0x19 | a nonce of its own, 16 to 64 bytes |
//! | broker | AUTH | 16 bytes of a nonce |
//! | client | AUTH | HMAC-SHA-256 of `client`, its nonce and the broker's |
//! | broker | AUTH | HMAC-SHA-256 of `broker` and the same nonces |
//! | client | AUTH | nothing |
//! | broker | CONNACK, or AUTH 0x00 | `welcome` |
#![forbid(unsafe_code)]

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use theseus_plugin::authn::{Authn, Credentials, Decision};
use theseus_plugin::{
    Actions, Client, Description, Grant, Plugin, RefusalReason, Rule, Setting, config, files,
};

/// The Authentication Method.
pub const METHOD: &str = "HMAC-BOTH-WAYS";

/// Lines `USER:SECRET`, or `USER:SECRET,FILTER` for one who may do nothing on that filter.
const SECRETS: &str = "secrets_file";
/// Seconds that a grant holds.
const EXPIRES: &str = "expires_in";

const NONCE: usize = 16;
const NONCE_MAX: usize = 64;

struct Exchange {
    expires_in: Option<u32>,
}

impl Plugin for Exchange {
    fn describe() -> Description {
        Description::new("exchange", env!("CARGO_PKG_VERSION"))
            .summary("lets in who proves to know a secret; for tests")
            .setting(Setting::keyed_file(SECRETS).required("lines `USER:SECRET[,FILTER]`"))
            .setting(Setting::integer(EXPIRES).optional("seconds that a grant holds"))
    }

    fn init() -> Result<Self, String> {
        let expires_in = config::integer(EXPIRES).map(u32::try_from).transpose();
        Ok(Self { expires_in: expires_in.map_err(|_| format!("{EXPIRES}: is no such time"))? })
    }
}

impl Authn for Exchange {
    fn authenticate(&self, _who: &Client, credentials: &Credentials) -> Decision {
        if credentials.method.as_deref() != Some(METHOD) {
            return Decision::Next;
        }
        let Some(theirs) = &credentials.data else { return refused() };
        if !(NONCE..=NONCE_MAX).contains(&theirs.len()) {
            return refused();
        }
        let mut ours = [0; NONCE];
        if getrandom::fill(&mut ours).is_err() {
            return Decision::deny(RefusalReason::Unavailable);
        }
        // Who exists is not told: everybody is challenged.
        Decision::challenge(ours, [&[PROOF], theirs.as_slice(), &ours].concat())
    }

    fn proceed(&self, who: &Client, state: &[u8], data: &[u8]) -> Decision {
        let Some((user, secret, forbidden)) = known(who) else { return refused() };
        match state.split_first() {
            Some((&PROOF, nonces)) => {
                if mac(&secret, b"client", nonces).verify_slice(data).is_err() {
                    return refused();
                }
                let ours = mac(&secret, b"broker", nonces).finalize().into_bytes();
                Decision::challenge(ours.as_slice(), [CONFIRMED])
            }
            Some((&CONFIRMED, [])) if data.is_empty() => {
                Decision::allow_saying(self.grant(user, forbidden), *b"welcome")
            }
            _ => refused(),
        }
    }
}

/// What the state begins with: what is awaited of the client.
const PROOF: u8 = 1;
const CONFIRMED: u8 = 2;

impl Exchange {
    fn grant(&self, user: String, forbidden: Option<String>) -> Grant {
        let grant = Grant { expires_in: self.expires_in, ..Grant::to(user) };
        match forbidden {
            Some(filter) => grant.rule(Rule::deny(Actions::all()).on(filter)),
            None => grant,
        }
    }
}

/// The user, the secret, and the filter that is closed.
fn known(who: &Client) -> Option<(String, String, Option<String>)> {
    let user = who.username.clone()?;
    let line = files::lookup(SECRETS, &user)?;
    match line.split_once(',') {
        Some((secret, filter)) => Some((user, secret.to_owned(), Some(filter.to_owned()))),
        None => Some((user, line, None)),
    }
}

fn mac(secret: &str, side: &[u8], nonces: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.chain_update(side).chain_update(nonces)
}

fn refused() -> Decision {
    Decision::deny(RefusalReason::BadCredentials)
}

theseus_plugin::export!(Exchange: authn);

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_plugin::testing::{Broker, Exchanged, exchange, user};

    const NONCE: &[u8] = b"a nonce of 16 by";

    fn credentials(data: &[u8]) -> Credentials {
        Credentials::method(METHOD, data)
    }

    /// The exchange of a client that knows this secret.
    fn play(name: &str, secret: &str) -> Exchanged {
        let mut nonces = Vec::new();
        let client = |data: &[u8]| match data.len() {
            16 => {
                nonces = [NONCE, data].concat();
                mac(secret, b"client", &nonces).finalize().into_bytes().to_vec()
            }
            _ => {
                mac(secret, b"broker", &nonces).verify_slice(data).unwrap();
                Vec::new()
            }
        };
        let broker = Broker::new().line(SECRETS, "ann", "s3cret").line(SECRETS, "bob", "x,a/#");
        broker.run(|| exchange::<Exchange>(&user("c", name), &credentials(NONCE), client)).result
    }

    #[test]
    fn who_knows_the_secret_gets_in_and_learns_that_the_broker_does() {
        let played = play("ann", "s3cret");
        assert_eq!(played.challenges.len(), 2);
        assert_eq!(played.decision, Decision::allow_saying(Grant::to("ann"), *b"welcome"));
        let Decision::Allow(admission) = play("bob", "x").decision else { panic!() };
        assert_eq!(admission.grant.rules.len(), 1);
    }

    #[test]
    fn a_wrong_secret_and_an_unknown_user_look_the_same() {
        for (name, secret) in [("ann", "other"), ("nobody", "s3cret")] {
            let played = play(name, secret);
            assert_eq!((played.challenges.len(), played.decision), (1, refused()), "{name}");
        }
    }

    #[test]
    fn who_names_another_method_is_left_to_others() {
        let exchange = Exchange { expires_in: None };
        for other in [Credentials::none(), Credentials::method("other", NONCE)] {
            assert_eq!(exchange.authenticate(&user("c", "ann"), &other), Decision::Next);
        }
        for nonce in [b"short".as_slice(), &[1; NONCE_MAX + 1]] {
            assert_eq!(exchange.authenticate(&user("c", "ann"), &credentials(nonce)), refused());
        }
    }

    #[test]
    fn no_two_challenges_are_alike() {
        let nonces = [(); 2].map(|()| play("ann", "s3cret").challenges[0].clone());
        assert_ne!(nonces[0], nonces[1]);
    }
}
