//! What kind of run a seed makes: the bounds of its broker, and how its clients behave.

use std::time::Duration;

use theseus_core::{ClientLimits, Expiry, KeepAliveLimits};

use super::oracle::Rules;
use super::rng::Rng;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Queues are short and clients slow: messages are dropped, acknowledgements withheld.
    pub(crate) pressed: bool,
    /// Wildcards may match several retained topics. Their order depends on the process's hash
    /// seed, so such a run is the same in outline only.
    pub(crate) wild: bool,
    pub(crate) store_qos0: bool,
    /// Most messages are for groups.
    pub(crate) shared: bool,
    /// Clients authenticate again while they are connected.
    pub(crate) auth: bool,
    /// Plugins are asked about some topics.
    pub(crate) asks: bool,
    /// What clients are told and held to.
    pub(crate) rules: Rules,
}

impl Kind {
    pub(crate) fn of(seed: u64, rng: &mut Rng) -> Self {
        let pressed = seed % 4 == 3;
        let place = seed % 8;
        let rules = Rules {
            session_expiry_v3: 60,
            session_expiry_max: (place == 2).then_some(30),
            keep_alive_imposed: (place == 5).then_some(15),
            keep_alive_min: if place == 1 { 20 } else { 0 },
            receive_maximum: if pressed { 6 } else { 8 },
            exchange_max: 3,
            alias_max: if place == 4 { 0 } else { 3 },
        };
        let (shared, auth) = (matches!(place, 0 | 3), matches!(place, 1 | 4 | 7));
        let (wild, asks) = (place == 6, matches!(place, 2 | 5));
        Self { pressed, wild, store_qos0: rng.chance(70), shared, auth, asks, rules }
    }

    pub(crate) fn limits(&self) -> ClientLimits {
        let rules = &self.rules;
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let limits = ClientLimits {
            session_expiry_v3: Expiry::from_seconds(rules.session_expiry_v3),
            session_expiry_max: rules.session_expiry_max.map(seconds),
            keep_alive: KeepAliveLimits {
                imposed: rules.keep_alive_imposed,
                min: rules.keep_alive_min,
                max: None,
            },
            receive_maximum: rules.receive_maximum,
            topic_alias_max: rules.alias_max,
            exchange_max: seconds(rules.exchange_max),
            queue_qos0_offline: self.store_qos0,
            shutdown_after: None,
            ..ClientLimits::default()
        };
        if !self.pressed {
            return limits;
        }
        ClientLimits {
            queue_len_max: 12,
            inflight_max: 4,
            shutdown_after: Some(Duration::from_secs(20)),
            ..limits
        }
    }
}
