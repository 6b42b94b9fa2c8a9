//! [`Rule`]s, built step by step.

use crate::{Actions, Condition, Effect, QosSet, Retained, Rule, TextMatch, Topics};

impl Rule {
    /// Everybody may do this on the topics that [`on`](Self::on) adds.
    #[must_use]
    pub fn allow(actions: Actions) -> Self {
        Self::new(Effect::Allow, actions)
    }

    /// Nobody may do this on the topics that [`on`](Self::on) adds.
    #[must_use]
    pub fn deny(actions: Actions) -> Self {
        Self::new(Effect::Deny, actions)
    }

    /// The broker asks [`authorize`](crate::authz::Authz::authorize).
    #[must_use]
    pub fn ask(actions: Actions) -> Self {
        Self::new(Effect::Ask, actions)
    }

    /// A topic filter, with `${clientid}`, `${username}` and `${attribute.NAME}` within a level.
    #[must_use]
    pub fn on(mut self, filter: impl Into<String>) -> Self {
        self.topics.push(Topics::Matching(filter.into()));
        self
    }

    /// This very topic name or filter, compared as text.
    #[must_use]
    pub fn on_exactly(mut self, text: impl Into<String>) -> Self {
        self.topics.push(Topics::Exactly(text.into()));
        self
    }

    /// Only if this is true of the client too.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Only for these levels of quality of service.
    #[must_use]
    pub fn qos(mut self, qos: QosSet) -> Self {
        self.qos = qos;
        self
    }

    /// Only for messages that are to be retained, or only for others.
    #[must_use]
    pub fn retained(mut self, retained: Retained) -> Self {
        self.retained = retained;
        self
    }

    fn new(effect: Effect, actions: Actions) -> Self {
        Self {
            conditions: Vec::new(),
            effect,
            actions,
            qos: QosSet::all(),
            retained: Retained::Any,
            topics: Vec::new(),
        }
    }
}

impl TextMatch {
    /// The form that files of rules use: a `*` makes it a glob.
    #[must_use]
    pub fn written(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.contains('*') { Self::Glob(text) } else { Self::Exactly(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_for_all_qos_and_everybody_unless_told_otherwise() {
        let rule = Rule::allow(Actions::PUBLISH).on("a/+").on_exactly("#");
        assert!(rule.qos == QosSet::all() && rule.retained == Retained::Any);
        assert_eq!(rule.topics, [Topics::Matching("a/+".into()), Topics::Exactly("#".into())]);
        assert!(rule.conditions.is_empty());
        let narrow = rule
            .when(Condition::Username(TextMatch::written("dev-*")))
            .qos(QosSet::AT_MOST_ONCE)
            .retained(Retained::Never);
        assert_eq!(narrow.conditions, [Condition::Username(TextMatch::Glob("dev-*".into()))]);
        assert_eq!(narrow.qos, QosSet::AT_MOST_ONCE);
    }

    #[test]
    fn a_star_makes_a_glob() {
        assert_eq!(TextMatch::written("a.b"), TextMatch::Exactly("a.b".into()));
        assert_eq!(TextMatch::written("*"), TextMatch::Glob("*".into()));
    }
}
