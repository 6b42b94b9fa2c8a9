//! Who may publish and subscribe to what: the login's own rules, then each source in order, then
//! `no_match`. On the message path: nothing here waits or allocates.

use theseus_acl::{Effect, Request, RuleSet, Subject, first_match};
use theseus_core::{Action, Identity, Verdict};

use crate::generation::{DenyAction, Door, Draft, Generation, NoMatch};

impl Generation {
    /// Judges an action of a client that is no superuser.
    pub(crate) fn judge(&self, client: Identity<'_>, action: Action<'_>) -> Verdict {
        let draft = &self.draft;
        let (who, request) = (subject(client), request(action));
        if let Some((effect, _)) = first_match(&client.grant.rules, &who, &request) {
            return draft.verdict(effect);
        }
        for source in &draft.sources {
            // Rules that should be there and are not: nobody knows what they would forbid.
            let Some(sets) = &source.sets else { return draft.denied() };
            if let Some(effect) = judge_sets(sets, &who, &request) {
                return draft.verdict(effect);
            }
        }
        match self.door(&client.grant.listener) {
            Some(door) if draft.sources.is_empty() => draft.without_sources(door),
            _ => draft.unmatched(),
        }
    }
}

impl Draft {
    /// What a door's clients may do where no source is configured: with `allow_anonymous` everything.
    pub(crate) fn without_sources(&self, door: &Door) -> Verdict {
        if door.allow_anonymous { Verdict::Allow } else { self.unmatched() }
    }

    fn unmatched(&self) -> Verdict {
        match self.no_match {
            NoMatch::Allow => Verdict::Allow,
            NoMatch::Deny => self.denied(),
        }
    }

    fn verdict(&self, effect: Effect) -> Verdict {
        match effect {
            Effect::Allow => Verdict::Allow,
            // Back ends accept no rule that asks as long as nobody answers.
            Effect::Deny | Effect::Ask => self.denied(),
        }
    }

    fn denied(&self) -> Verdict {
        match self.deny_action {
            DenyAction::Ignore => Verdict::Deny,
            DenyAction::Disconnect => Verdict::Disconnect,
        }
    }
}

fn judge_sets(sets: &[RuleSet], who: &Subject<'_>, request: &Request<'_>) -> Option<Effect> {
    sets.iter().find_map(|set| set.judge(who, request)).map(|(effect, _)| effect)
}

fn subject<'a>(client: Identity<'a>) -> Subject<'a> {
    let grant = client.grant;
    Subject {
        client_id: client.client_id,
        user_name: grant.user_name.as_deref(),
        address: grant.address,
        listener: &grant.listener,
        attributes: &grant.attributes,
    }
}

fn request(action: Action<'_>) -> Request<'_> {
    match action {
        Action::Publish { topic, qos, retain } => {
            Request::Publish { topic, qos: qos as u8, retain }
        }
        Action::Subscribe { filter, qos } => Request::Subscribe { filter, qos: qos as u8 },
    }
}
