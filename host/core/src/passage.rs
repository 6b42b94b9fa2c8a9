//! The way of a message past those who must be asked about it: first what an ask rule left open, then
//! the hooks, once. The same for a PUBLISH and for a will; who waits, and what the end of the way
//! means for it, is in `waiting` and `will`.

use serde::{Deserialize, Serialize};
use theseus_mqtt::{ReasonCode, check_topic_name};

use crate::policy::{Action, Judged, Verdict};
use crate::question::{Answer, Hooked, Matter};
use crate::{Message, Time};

/// A message under way. Plain data.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) message: Message,
    pub(crate) stage: Stage,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Whoever an ask rule belongs to; then, if `hooked`, the hooks.
    Authorization { hooked: bool },
    /// The hooks.
    Hook,
}

/// How it goes on after an answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// Somebody else has to be asked.
    Ask(Passage),
    /// To its receivers.
    Pass(Message),
    /// Nobody gets it, and nobody hears of that.
    Drop,
    /// Nobody gets it, for this reason.
    Refuse(ReasonCode),
    /// The same, and the connection ends.
    Disconnect,
}

impl Stage {
    /// Who has to be asked about a message that was judged so; nobody about most. One that is denied
    /// is not asked about.
    pub(crate) fn of(judged: &Judged) -> Option<Self> {
        match judged.verdict {
            Verdict::Ask => Some(Self::Authorization { hooked: judged.hooked }),
            _ => judged.hooked.then_some(Self::Hook),
        }
    }
}

impl Passage {
    pub(crate) fn matter(&self) -> Matter {
        let message = self.message.clone();
        match self.stage {
            Stage::Authorization { .. } => Matter::Publish(message),
            Stage::Hook => Matter::Hook(message),
        }
    }

    /// What a hook puts in the place of a message is judged anew by `judge`, if its topic, quality of
    /// service or RETAIN flag is another.
    pub(crate) fn step(
        self,
        now: Time,
        answer: Answer,
        judge: impl FnOnce(Action<'_>) -> Verdict,
    ) -> Step {
        match (self.stage, answer) {
            (Stage::Authorization { hooked }, Answer::Opinion(opinion)) => match opinion.verdict {
                Verdict::Allow if hooked => Step::Ask(Self { stage: Stage::Hook, ..self }),
                Verdict::Allow => Step::Pass(self.message),
                Verdict::Disconnect => Step::Disconnect,
                Verdict::Deny | Verdict::Ask => Step::Refuse(ReasonCode::NotAuthorized),
            },
            (Stage::Hook, Answer::Hooked(Hooked::Keep)) => Step::Pass(self.message),
            (Stage::Hook, Answer::Hooked(Hooked::Drop)) => Step::Drop,
            (Stage::Hook, Answer::Hooked(Hooked::Replace(message))) => {
                self.message.replaced_by(message.reissued(now), judge)
            }
            (_, Answer::Silence(reason)) => Step::Refuse(reason),
            // A hook's deny, and what answers another question.
            _ => Step::Refuse(ReasonCode::NotAuthorized),
        }
    }
}

impl Message {
    fn replaced_by(&self, message: Self, judge: impl FnOnce(Action<'_>) -> Verdict) -> Step {
        if message.action() == self.action() {
            return Step::Pass(message);
        }
        // What no client could publish to, no hook can either.
        let topic = message.topic();
        if check_topic_name(topic).is_err() || topic.starts_with("$share/") {
            return Step::Refuse(ReasonCode::NotAuthorized);
        }
        match judge(message.action()) {
            Verdict::Allow => Step::Pass(message),
            Verdict::Ask => {
                Step::Ask(Passage { message, stage: Stage::Authorization { hooked: false } })
            }
            // The client did not choose it: its connection goes on.
            Verdict::Deny | Verdict::Disconnect => Step::Refuse(ReasonCode::NotAuthorized),
        }
    }

    /// Publishing it, as authorization sees that.
    pub(crate) fn action(&self) -> Action<'_> {
        Action::Publish { topic: self.topic(), qos: self.qos(), retain: self.retain() }
    }
}
