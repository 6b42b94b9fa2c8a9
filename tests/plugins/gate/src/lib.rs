//! A plugin for tests that comes in versions: each accepts passwords that no other accepts, so that
//! a test sees which version answered. The versions are the examples of this crate.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::Duration;

use theseus_plugin::authn::{Authn, Credentials, Decision, Revalidation};
use theseus_plugin::{Client, Description, Grant, Plugin, RefusalReason, Setting, config};

/// What makes a version.
pub trait Variant: 'static {
    /// Begins every password it accepts, and is the attribute `gate` of the grant.
    const NAME: &'static str;
    /// As in semantic versioning.
    const VERSION: &'static str;
    /// How long it takes to decide, unless the setting `delay_ms` says otherwise.
    const DELAY: Duration = Duration::ZERO;
    /// How many calls an instance answers before it traps.
    const GOOD: u32 = u32::MAX;
}

/// Lets in who says the variant's name, or the name, `-` and anything. It believes every user name, so
/// that tests can have rules for users; a real one vouches for what it has checked.
pub struct Gate<V> {
    delay: Duration,
    expires_in: Option<u32>,
    again: Again,
    calls: Cell<u32>,
    variant: PhantomData<V>,
}

impl<V: Variant> Plugin for Gate<V> {
    fn describe() -> Description {
        Description::new("gate", V::VERSION)
            .summary("lets in who says its name; for tests")
            .setting(Setting::integer("delay_ms").optional("how long it takes to decide"))
            .setting(Setting::integer("expires_in").optional("seconds that a grant holds"))
            .setting(Setting::text("again").optional(
                "what it says of connected clients: keep, renew, other, deny, next, or trap",
            ))
    }

    fn init() -> Result<Self, String> {
        let delay = match config::integer("delay_ms").map(u64::try_from) {
            None => V::DELAY,
            Some(Ok(milliseconds)) => Duration::from_millis(milliseconds),
            Some(Err(_)) => return Err("delay_ms: is negative".to_owned()),
        };
        let again = config::text("again");
        Ok(Self {
            delay,
            expires_in: config::integer("expires_in").and_then(|it| u32::try_from(it).ok()),
            again: Again::named(again.as_deref().unwrap_or("keep"))?,
            calls: Cell::new(0),
            variant: PhantomData,
        })
    }
}

impl<V: Variant> Authn for Gate<V> {
    fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision {
        let Some(password) = &credentials.password else { return Decision::Next };
        assert!(self.calls.get() < V::GOOD, "as the variant says");
        self.calls.set(self.calls.get() + 1);
        if !self.delay.is_zero() {
            #[expect(
                clippy::disallowed_methods,
                reason = "a plugin has no other clients to serve"
            )]
            std::thread::sleep(self.delay);
        }
        if opens(password, V::NAME.as_bytes()) {
            Decision::allow(self.grant(who.username.clone()))
        } else {
            Decision::deny(RefusalReason::BadCredentials)
        }
    }

    fn revalidate(&self, who: &Client) -> Revalidation {
        match self.again {
            Again::Keep => Revalidation::Keep,
            Again::Renew => Revalidation::Renew(self.grant(who.username.clone())),
            Again::Other => Revalidation::Renew(self.grant(Some("somebody else".to_owned()))),
            Again::Deny => Revalidation::Deny(RefusalReason::QuotaExceeded.into()),
            Again::Next => Revalidation::Next,
            Again::Trap => trap(),
        }
    }
}

impl<V: Variant> Gate<V> {
    fn grant(&self, username: Option<String>) -> Grant {
        let grant = Grant { username, expires_in: self.expires_in, ..Grant::new() };
        grant.attribute("gate", V::NAME)
    }
}

#[expect(clippy::panic, reason = "the panic is the purpose")]
fn trap() -> ! {
    panic!("as the setting says")
}

/// What it says of connected clients.
#[derive(Clone, Copy)]
enum Again {
    Keep,
    Renew,
    /// With a grant of another user.
    Other,
    Deny,
    Next,
    Trap,
}

impl Again {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "keep" => Self::Keep,
            "renew" => Self::Renew,
            "other" => Self::Other,
            "deny" => Self::Deny,
            "next" => Self::Next,
            "trap" => Self::Trap,
            _ => return Err(format!("again: `{name}` is nothing it can say")),
        })
    }
}

fn opens(password: &[u8], name: &[u8]) -> bool {
    password.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_plugin::testing::{Broker, client, user};

    struct Red;

    impl Variant for Red {
        const NAME: &'static str = "red";
        const VERSION: &'static str = "1.0.0";
    }

    fn ask(credentials: &Credentials) -> Decision {
        Broker::new()
            .run(|| Gate::<Red>::init().unwrap().authenticate(&client("c"), credentials))
            .result
    }

    #[test]
    fn only_its_own_passwords_open_it() {
        for password in ["red", "red-1"] {
            let grant = Grant::new().attribute("gate", "red");
            assert_eq!(ask(&Credentials::password(password)), Decision::allow(grant), "{password}");
        }
        for password in ["", "re", "redder", "blue"] {
            let refused = Decision::deny(RefusalReason::BadCredentials);
            assert_eq!(ask(&Credentials::password(password)), refused, "{password}");
        }
        assert_eq!(ask(&Credentials::none()), Decision::Next);
    }

    #[test]
    fn who_named_a_user_is_that_user() {
        let gate = Gate::<Red>::init().unwrap();
        let decision = gate.authenticate(&user("c", "anna"), &Credentials::password("red"));
        assert_eq!(decision, Decision::allow(Grant::to("anna").attribute("gate", "red")));
    }

    #[test]
    fn it_says_of_connected_clients_what_the_setting_says() {
        let say = |again: &str| {
            let broker = Broker::new().setting("again", again).setting("expires_in", 7);
            let judge = || Gate::<Red>::init().map(|gate| gate.revalidate(&user("c", "anna")));
            broker.run(judge).result
        };
        let grant = Grant { expires_in: Some(7), ..Grant::to("anna") };
        let renewed = Revalidation::Renew(grant.attribute("gate", "red"));
        assert_eq!(say("renew"), Ok(renewed));
        assert_eq!(say("next"), Ok(Revalidation::Next));
        assert!(say("whatever").unwrap_err().contains("`whatever`"));
    }

    #[test]
    fn a_negative_delay_is_refused() {
        let broker = Broker::new().setting("delay_ms", -1);
        assert_eq!(
            broker.run(|| Gate::<Red>::init().err()).result.unwrap(),
            "delay_ms: is negative"
        );
    }
}
