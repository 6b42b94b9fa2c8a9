//! Which policy the core asks: the live generation, and for tests one that panics.

use std::sync::Arc;

use theseus_config::Config;
use theseus_core::{Action, Identity, Judged, LimitsForAll, Policy};
use theseus_policy::Policies;

/// The policy the configuration asks for.
pub(crate) fn of(config: &Config, policies: &Arc<Policies>) -> Arc<dyn Policy> {
    let policies = policies.clone();
    match config.testing.panic_on_publish {
        true => Arc::new(Panicking(policies)),
        false => policies,
    }
}

/// Panics when it is asked about one topic (`testing.panic_on_publish`), so that a test can see a
/// panic in a connection contained (invariant 7).
struct Panicking(Arc<Policies>);

impl Policy for Panicking {
    fn generation(&self) -> u64 {
        self.0.generation()
    }

    fn watches(&self) -> bool {
        self.0.watches()
    }

    fn limits_number(&self) -> u64 {
        self.0.limits_number()
    }

    fn limits(&self) -> LimitsForAll {
        self.0.limits()
    }

    #[expect(clippy::panic, reason = "the panic is the purpose")]
    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Judged {
        if let Action::Publish { topic: "testing/panic", .. } = action {
            panic!("testing.panic_on_publish: {} published to testing/panic", client.client_id);
        }
        self.0.authorize(client, action)
    }
}
