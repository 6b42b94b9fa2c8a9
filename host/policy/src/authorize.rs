//! Who may publish and subscribe to what: the login's own rules, then each source in order, then
//! `no_match`. On the message path: nothing here waits or allocates.

use theseus_acl::{Effect, Request, Subject, first_match};
use theseus_core::{Action, Identity, Verdict};

use crate::generation::{DenyAction, Door, Draft, Generation, NoMatch};

/// A rule of a source, by its numbers; where judging goes on behind an `ask` rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) set: usize,
    pub(crate) rule: usize,
}

/// What the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Verdict(Verdict),
    /// An `ask` rule comes first; behind it the rules go on.
    Ask(Place),
}

impl Generation {
    /// Judges an action of a client that is no superuser.
    pub(crate) fn judge(&self, client: Identity<'_>, action: Action<'_>) -> Verdict {
        let request = request(action);
        let own = first_match(&client.grant.rules, &subject(client), &request);
        if let Some((effect, _)) = own {
            return self.draft.verdict(effect);
        }
        match self.judge_from(Place::default(), client, action) {
            Found::Verdict(verdict) => verdict,
            Found::Ask(_) => Verdict::Ask,
        }
    }

    /// The same by the rules of the sources alone, from a place on.
    pub(crate) fn judge_from(
        &self,
        from: Place,
        client: Identity<'_>,
        action: Action<'_>,
    ) -> Found {
        let draft = &self.draft;
        let (who, request) = (subject(client), request(action));
        for (number, source) in draft.sources.iter().enumerate().skip(from.source) {
            // Rules that should be there and are not: nobody knows what they would forbid.
            let Some(sets) = &source.sets else { return Found::Verdict(draft.denied()) };
            let is_begun = number == from.source;
            let first = if is_begun { from.set } else { 0 };
            for (set_number, set) in sets.iter().enumerate().skip(first) {
                let start = if is_begun && set_number == from.set { from.rule } else { 0 };
                match set.judge_from(start, &who, &request) {
                    None => {}
                    Some((Effect::Ask, rule)) => {
                        return Found::Ask(Place {
                            source: number,
                            set: set_number,
                            rule: rule + 1,
                        });
                    }
                    Some((effect, _)) => return Found::Verdict(draft.verdict(effect)),
                }
            }
        }
        Found::Verdict(match self.door(&client.grant.listener) {
            Some(door) if draft.sources.is_empty() => draft.without_sources(door),
            _ => draft.unmatched(),
        })
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
            // Back ends accept no grant whose rules ask: nobody is there to answer for them.
            Effect::Deny | Effect::Ask => self.denied(),
        }
    }

    pub(crate) fn denied(&self) -> Verdict {
        match self.deny_action {
            DenyAction::Ignore => Verdict::Deny,
            DenyAction::Disconnect => Verdict::Disconnect,
        }
    }
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
