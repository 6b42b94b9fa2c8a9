//! Answers drawn by chance that is none: the same hash, the same answer, in every form of the plugin.

use std::fmt::{Debug, Write};

use theseus_plugin::authn::Decision;
use theseus_plugin::{
    Actions, Condition, Effect, Grant, Limit, Meter, OverLimit, QosSet, Refusal, RefusalReason,
    Retained, Rule, Scope, TextMatch,
};

/// A stream of numbers.
pub(crate) struct Draw(u64);

impl Draw {
    /// The one of all that this shows.
    pub(crate) fn of(shown: &dyn Debug) -> Self {
        let mut draw = Self(0xcbf2_9ce4_8422_2325);
        draw.mix(shown);
        draw
    }

    pub(crate) fn mix(&mut self, shown: &dyn Debug) {
        // Writing into a hash does not fail.
        let _ = write!(self, "{shown:?}");
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(crate) fn word(&mut self) -> String {
        format!("w{:x}", self.below(u64::MAX))
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    pub(crate) fn decision(&mut self, may_challenge: bool) -> Decision {
        match self.below(5) {
            0 => Decision::Next,
            1 => Decision::deny(self.refusal()),
            2 if may_challenge => Decision::challenge(self.word(), self.word()),
            3 if may_challenge => Decision::allow_saying(self.grant(), self.word()),
            _ => Decision::allow(self.grant()),
        }
    }

    pub(crate) fn refusal(&mut self) -> Refusal {
        let reason = self.pick(&[
            RefusalReason::BadCredentials,
            RefusalReason::NotAuthorized,
            RefusalReason::BadClientId,
            RefusalReason::Banned,
            RefusalReason::BadMethod,
            RefusalReason::QuotaExceeded,
            RefusalReason::Unavailable,
            RefusalReason::Busy,
        ]);
        Refusal::saying(reason, &self.word())
    }

    pub(crate) fn grant(&mut self) -> Grant {
        let mut grant = Grant::new();
        if self.below(2) == 0 {
            grant = grant.username(self.word());
        }
        if self.below(4) == 0 {
            grant = grant.client_id(self.word());
        }
        if self.below(4) == 0 {
            grant = grant.superuser().expires_in(1 + self.below(1000) as u32);
        }
        for _ in 0..self.below(3) {
            grant = grant.attribute(self.word(), self.word());
        }
        Grant { rules: self.rules(), limits: self.limits(2), ..grant }
    }

    pub(crate) fn rules(&mut self) -> Vec<Rule> {
        (0..self.below(3)).map(|_| self.rule()).collect()
    }

    fn rule(&mut self) -> Rule {
        let actions = self.pick(&[
            Actions::PUBLISH,
            Actions::SUBSCRIBE,
            Actions::PUBLISH | Actions::SUBSCRIBE,
        ]);
        let rule = match self.pick(&[Effect::Allow, Effect::Deny]) {
            Effect::Deny => Rule::deny(actions),
            _ => Rule::allow(actions),
        };
        let qos = [QosSet::all(), QosSet::AT_MOST_ONCE, QosSet::EXACTLY_ONCE];
        let rule = rule.qos(self.pick(&qos)).on(format!("{}/+", self.word()));
        let rule = rule.retained(self.pick(&[Retained::Any, Retained::Only, Retained::Never]));
        let rule = if self.below(2) == 0 { rule.on_exactly(self.word()) } else { rule };
        let word = self.word();
        match self.below(6) {
            0 => rule.when(Condition::ClientId(TextMatch::Exactly(word))),
            1 => rule.when(Condition::Username(TextMatch::Glob(format!("{word}*")))),
            2 => rule.when(Condition::Address("10.0.0.0/8".to_owned())),
            3 => rule.when(Condition::Listener(TextMatch::Exactly(word))),
            4 => rule.when(Condition::Attribute((self.word(), TextMatch::Exactly(word)))),
            _ => rule,
        }
    }

    /// At most so many, each with a name of its own.
    pub(crate) fn limits(&mut self, most: u64) -> Vec<Limit> {
        (0..self.below(most + 1)).map(|_| self.limit()).collect()
    }

    fn limit(&mut self) -> Limit {
        let meter = self.pick(&[
            Meter::Connects,
            Meter::MessagesIn,
            Meter::BytesIn,
            Meter::MessagesOut,
            Meter::BytesOut,
            Meter::Subscribes,
        ]);
        let over = self.pick(&[
            OverLimit::Pause,
            OverLimit::Drop,
            OverLimit::Refuse,
            OverLimit::Disconnect,
        ]);
        let scope = match self.below(8) {
            0 => Scope::Connection,
            1 => Scope::Client,
            2 => Scope::User,
            3 => Scope::Address,
            4 => Scope::Prefix((1 + self.below(32) as u8, 1 + self.below(128) as u8)),
            5 => Scope::Attribute(self.word()),
            6 => Scope::Shared(self.word()),
            _ => Scope::Node,
        };
        Limit {
            name: self.word(),
            meter,
            scope,
            amount: 1 + self.below(1000),
            period_ms: 1 + self.below(1000),
            burst: 1 + self.below(1000),
            over,
        }
    }
}

/// FNV-1a.
impl Write for Draw {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}
