//! A plugin for tests that comes in versions: each accepts passwords that no other accepts, so that
//! a test sees which version answered. The versions are the examples of this crate.
#![forbid(unsafe_code)]

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
}

/// Lets in who says the variant's name, or the name, `-` and anything. It believes every user name, so
/// that tests can have rules for users; a real one vouches for what it has checked.
pub struct Gate<V> {
    delay: Duration,
    variant: PhantomData<V>,
}

impl<V: Variant> Plugin for Gate<V> {
    fn describe() -> Description {
        Description::new("gate", V::VERSION)
            .summary("lets in who says its name; for tests")
            .setting(Setting::integer("delay_ms").optional("how long it takes to decide"))
    }

    fn init() -> Result<Self, String> {
        let delay = match config::integer("delay_ms").map(u64::try_from) {
            None => V::DELAY,
            Some(Ok(milliseconds)) => Duration::from_millis(milliseconds),
            Some(Err(_)) => return Err("delay_ms: is negative".to_owned()),
        };
        Ok(Self { delay, variant: PhantomData })
    }
}

impl<V: Variant> Authn for Gate<V> {
    fn authenticate(&self, who: &Client, credentials: &Credentials) -> Decision {
        let Some(password) = &credentials.password else { return Decision::Next };
        if !self.delay.is_zero() {
            #[expect(
                clippy::disallowed_methods,
                reason = "a plugin has no other clients to serve"
            )]
            std::thread::sleep(self.delay);
        }
        if opens(password, V::NAME.as_bytes()) {
            let grant = Grant { username: who.username.clone(), ..Grant::new() };
            Decision::allow(grant.attribute("gate", V::NAME))
        } else {
            Decision::deny(RefusalReason::BadCredentials)
        }
    }

    fn revalidate(&self, _who: &Client) -> Revalidation {
        Revalidation::Keep
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
        let gate = Gate::<Red> { delay: Duration::ZERO, variant: PhantomData };
        let decision = gate.authenticate(&user("c", "anna"), &Credentials::password("red"));
        assert_eq!(decision, Decision::allow(Grant::to("anna").attribute("gate", "red")));
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
