//! Two versions' answers to the same questions, counted: where they agree, how they differ, and what
//! fails. Examples name the client and neither a password nor data.

use std::collections::BTreeMap;

use crate::decision::{Decision, Revalidation};
use crate::fault::Fault;
use crate::hook::Hooked;
use crate::question::{Answer, Call, Question};
use crate::request::Ruling;

/// Differences that are kept as examples.
const EXAMPLES_MAX: usize = 100;
/// Kinds of differences that are told apart.
const KINDS_MAX: usize = 64;

/// See above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Questions that both answered.
    pub compared: u64,
    /// Those that they answered alike.
    pub agreed: u64,
    /// The others by kind, as `allow->deny` or `other grant`.
    pub differences: BTreeMap<String, u64>,
    /// Those of them that let in or through whom the live version keeps out.
    pub opened: u64,
    /// Questions that it answered, where nobody's answer to compare it with is known.
    pub decided_before: u64,
    /// Recorded decisions that it was not asked, for want of time.
    pub left_out: u64,
    /// Questions that the candidate did not answer, by the [`kind`](Fault::kind) of the fault.
    pub faults: [u64; Fault::KINDS.len()],
    /// The last fault of its own doing.
    pub last_fault: Option<String>,
    /// The first differences.
    pub examples: Vec<Example>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// As `allow->deny`.
    pub difference: String,
    /// What was asked, as `authenticate`.
    pub call: String,
    /// In one line.
    pub client_id: String,
    /// In one line.
    pub user_name: String,
    /// As `tcp:default`.
    pub listener: String,
    /// Of a request or a message.
    pub topic: String,
}

impl Comparison {
    /// Takes in one question, with what both said.
    pub(crate) fn note(
        &mut self,
        question: &Question,
        live: Option<&Answer>,
        candidate: &Result<Answer, Fault>,
    ) {
        let candidate = match candidate {
            Ok(answer) => answer,
            Err(fault) => {
                self.faults[fault.kind()] += 1;
                if fault.is_of_guest() {
                    self.last_fault = Some(fault.to_string());
                }
                return;
            }
        };
        let Some(live) = live else {
            self.decided_before += 1;
            return;
        };
        self.compared += 1;
        let Some(difference) = difference(live, candidate) else {
            self.agreed += 1;
            return;
        };
        self.opened += u64::from(opens(live, candidate));
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example(question, difference.clone()));
        }
        if self.differences.len() < KINDS_MAX || self.differences.contains_key(&difference) {
            *self.differences.entry(difference).or_default() += 1;
        }
    }

    /// Questions that were put to it.
    pub fn asked(&self) -> u64 {
        self.compared + self.decided_before + self.faults.iter().sum::<u64>()
    }

    /// Faults of the candidate's own doing.
    pub fn faults_of_guest(&self) -> u64 {
        self.faults.iter().zip(Fault::OF_GUEST).filter(|(_, own)| *own).map(|(n, _)| n).sum()
    }
}

/// How the answers differ; nothing if they do not.
fn difference(live: &Answer, candidate: &Answer) -> Option<String> {
    if live == candidate {
        return None;
    }
    let (from, to) = (word(live), word(candidate));
    if from != to {
        return Some(format!("{from}->{to}"));
    }
    Some(
        match live {
            Answer::Decision(Decision::Allow(_)) | Answer::Revalidation(_) => "other grant",
            Answer::Decision(_) => "other refusal",
            Answer::Opinion(_) => "other time to remember",
            Answer::Limits(_) => "other limits",
            Answer::Hooked(_) => "other message",
            Answer::Banned(_) | Answer::Noted => "other",
        }
        .to_owned(),
    )
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Decision(Decision::Allow(_)) => "allow",
        Answer::Decision(Decision::Deny(_)) | Answer::Revalidation(Revalidation::Deny(_)) => "deny",
        Answer::Decision(Decision::Next) | Answer::Revalidation(Revalidation::Next) => "next",
        Answer::Decision(Decision::Challenge(_)) => "challenge",
        Answer::Revalidation(Revalidation::Keep) | Answer::Hooked(Hooked::Keep) => "keep",
        Answer::Revalidation(Revalidation::Renew(_)) => "renew",
        Answer::Opinion(opinion) => match opinion.ruling {
            Ruling::Allow => "allow",
            Ruling::Deny => "deny",
            Ruling::Next => "next",
        },
        Answer::Limits(_) => "limits",
        Answer::Banned(true) => "banned",
        Answer::Banned(false) => "free",
        Answer::Noted => "noted",
        Answer::Hooked(Hooked::Drop) => "drop",
        Answer::Hooked(Hooked::Deny) => "deny",
        Answer::Hooked(Hooked::Replace(_)) => "replace",
    }
}

/// `next` leads to a refusal where nobody else decides.
fn opens(live: &Answer, candidate: &Answer) -> bool {
    let shut = ["deny", "next", "banned", "drop"].contains(&word(live));
    shut && ["allow", "keep", "renew", "free", "replace"].contains(&word(candidate))
}

fn example(question: &Question, difference: String) -> Example {
    let who = question.who.as_deref();
    let topic = match &question.call {
        Call::Authorize(request) => &*request.topic,
        Call::Publish(message) => &*message.topic,
        _ => "",
    };
    let user = who.and_then(|who| who.user_name.as_deref()).unwrap_or("");
    Example {
        difference,
        call: question.call.to_string(),
        client_id: who.map_or_else(String::new, |who| who.shown_id()),
        user_name: crate::login::shown(user),
        listener: who.map_or_else(String::new, |who| who.listener.to_string()),
        topic: crate::login::shown(topic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Admitted;
    use crate::login::Login;
    use std::sync::Arc;
    use theseus_mqtt::ReasonCode;

    fn allow(user: &str) -> Answer {
        let grant = theseus_core::Grant { user_name: Some(user.into()), ..Default::default() };
        Answer::Decision(Decision::Allow(Admitted { grant: Box::new(grant), data: None }))
    }

    fn deny() -> Answer {
        Answer::Decision(Decision::Deny(ReasonCode::NotAuthorized.into()))
    }

    #[test]
    fn differences_are_counted_by_kind_and_shown_without_secrets() {
        let login = Login {
            client_id: "c\n1".into(),
            user_name: Some("anna".into()),
            password: Some(b"hunter2".to_vec().into()),
            ..Login::default()
        };
        let question = Question::about(Arc::new(login), Call::Authenticate);
        let mut comparison = Comparison::default();
        let mut note =
            |live: &Answer, candidate| comparison.note(&question, Some(live), &candidate);
        note(&allow("anna"), Ok(allow("anna")));
        note(&allow("anna"), Ok(deny()));
        note(&deny(), Ok(allow("anna")));
        note(&allow("anna"), Ok(allow("otto")));
        note(&deny(), Err(Fault::CpuTime));
        note(&deny(), Err(Fault::Busy));
        assert_eq!((comparison.compared, comparison.agreed, comparison.opened), (4, 1, 1));
        let kinds: Vec<_> = comparison.differences.keys().map(String::as_str).collect();
        assert_eq!(kinds, ["allow->deny", "deny->allow", "other grant"]);
        assert_eq!(comparison.faults_of_guest(), 1);
        assert_eq!(comparison.examples.len(), 3);
        let shown = format!("{comparison:?}");
        assert!(shown.contains("anna") && !shown.contains("hunter2") && !shown.contains('\n'));
        for _ in 0..200 {
            comparison.note(&question, Some(&deny()), &Ok(allow("anna")));
        }
        assert_eq!((comparison.examples.len(), comparison.opened), (100, 201));
    }
}
