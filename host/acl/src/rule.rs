//! A checked rule: compiled once from what was written, then judging without allocating.
//!
//! It travels in snapshots of sessions, so its serialized form must be read by the next version.
//! Used in a [`crate::RuleSet`], and as a short list in a login's grant.

use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;
use crate::request::Target;
use crate::requirement::{Requirement, text_of};
use crate::text::Text;
use crate::{
    Actions, Condition, Effect, QosSet, Request, Retained, RuleError, Subject, Topics, Written,
};

const CONDITIONS_MAX: usize = 32;
const TOPICS_MAX: usize = 256;

/// A checked, parsed [`Written`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    effect: Effect,
    actions: Actions,
    qos: QosSet,
    retained: Retained,
    requirements: Box<[Requirement]>,
    topics: Box<[Pattern]>,
}

/// The first of a short list that matches: its effect and its position. For a long list there is
/// [`crate::RuleSet`].
#[must_use]
pub fn first_match(
    rules: &[Rule],
    who: &Subject<'_>,
    request: &Request<'_>,
) -> Option<(Effect, usize)> {
    let target = request.target();
    let judge =
        |(position, rule): (usize, &Rule)| Some((rule.judge(who, request, &target)?, position));
    rules.iter().enumerate().find_map(judge)
}

impl Rule {
    /// Checks and parses a rule.
    ///
    /// # Errors
    /// The first part that is wrong: a topic filter that is none, an unknown placeholder, an address
    /// that is none, more than a bound of [`Written`] allows, or a rule that could match nothing.
    pub fn compile(written: &Written) -> Result<Self, RuleError> {
        check(written)?;
        Ok(Self {
            effect: written.effect,
            actions: written.actions,
            qos: written.qos,
            retained: written.retained,
            requirements: compile_conditions(written)?,
            topics: compile_topics(written)?,
        })
    }

    /// What it does to what it matches.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// What it says about a request, if it matches. One that asks, and speaks of a part of the request
    /// only, denies: another rule must not allow that part without asking.
    pub(crate) fn judge(
        &self,
        who: &Subject<'_>,
        request: &Request<'_>,
        target: &Target<'_>,
    ) -> Option<Effect> {
        let speaks = self.speaks_of(request)
            && self.requirements.iter().all(|requirement| requirement.holds(who));
        if !speaks {
            return None;
        }
        if self.topics.iter().any(|pattern| pattern.matches(self.effect, who, target)) {
            return Some(self.effect);
        }
        let is_cut = self.effect == Effect::Ask
            && self.topics.iter().any(|pattern| pattern.is_cut_by(who, target));
        is_cut.then_some(Effect::Deny)
    }

    /// A client id without which it cannot match.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.requirements.iter().find_map(|requirement| match requirement {
            Requirement::ClientId(Text::Exactly(client_id)) => Some(&**client_id),
            _ => None,
        })
    }

    /// A user name without which it cannot match.
    pub(crate) fn user_name(&self) -> Option<&str> {
        self.requirements.iter().find_map(|requirement| match requirement {
            Requirement::UserName(Text::Exactly(user_name)) => Some(&**user_name),
            _ => None,
        })
    }

    fn speaks_of(&self, request: &Request<'_>) -> bool {
        match *request {
            Request::Subscribe { qos, .. } => self.actions.subscribe && self.qos.contains(qos),
            Request::Publish { qos, retain, .. } => {
                let retained = match self.retained {
                    Retained::Any => true,
                    Retained::Only => retain,
                    Retained::Never => !retain,
                };
                self.actions.publish && self.qos.contains(qos) && retained
            }
        }
    }
}

fn check(written: &Written) -> Result<(), RuleError> {
    let (conditions, topics) = (written.conditions.len(), written.topics.len());
    let never = "none is given, so that the rule could match nothing";
    if conditions > CONDITIONS_MAX {
        let problem = format!("are {conditions}, {CONDITIONS_MAX} are allowed");
        Err(RuleError::of_part("conditions", problem))
    } else if topics > TOPICS_MAX {
        Err(RuleError::of_part("topics", format!("are {topics}, {TOPICS_MAX} are allowed")))
    } else if topics == 0 {
        Err(RuleError::of_part("topics", never))
    } else if written.actions == Actions::default() {
        Err(RuleError::of_part("actions", never))
    } else if written.qos.is_empty() {
        Err(RuleError::of_part("qos", never))
    } else {
        Ok(())
    }
}

fn compile_conditions(written: &Written) -> Result<Box<[Requirement]>, RuleError> {
    let compile = |(index, condition): (usize, &Condition)| {
        Requirement::compile(condition)
            .map_err(|problem| RuleError::of_text("conditions", index, text_of(condition), problem))
    };
    written.conditions.iter().enumerate().map(compile).collect()
}

fn compile_topics(written: &Written) -> Result<Box<[Pattern]>, RuleError> {
    let compile = |(index, topics): (usize, &Topics)| {
        let (Topics::Matching(text) | Topics::Exactly(text)) = topics;
        Pattern::compile(topics)
            .map_err(|problem| RuleError::of_text("topics", index, text, problem))
    };
    written.topics.iter().enumerate().map(compile).collect()
}
