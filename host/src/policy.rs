//! Which policy this broker asks: the anonymous built-in, and for tests one that panics.

use std::sync::Arc;

use theseus_config::Config;
use theseus_core::{Action, Claim, Grant, Identity, Policy, Verdict};
use theseus_mqtt::ReasonCode;
use theseus_policy::Anonymous;

/// The policy the configuration asks for.
pub(crate) fn of(config: &Config) -> Arc<dyn Policy> {
    if config.testing.panic_on_publish {
        return Arc::new(Panicking);
    }
    Arc::new(Anonymous)
}

/// [`Anonymous`], but it panics when it is asked about one topic (`testing.panic_on_publish`), so
/// that a test can see a panic in a connection contained (invariant 7).
struct Panicking;

impl Policy for Panicking {
    fn authenticate(&self, claim: Claim<'_>) -> Result<Grant, ReasonCode> {
        Anonymous.authenticate(claim)
    }

    #[expect(clippy::panic, reason = "the panic is the purpose")]
    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Verdict {
        if let Action::Publish { topic: "testing/panic", .. } = action {
            panic!("testing.panic_on_publish: {} published to testing/panic", client.client_id);
        }
        Anonymous.authorize(client, action)
    }
}
