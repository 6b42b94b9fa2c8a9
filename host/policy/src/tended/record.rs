//! The last decisions of a plugin, to be asked of its next version before it goes live. In memory only, since
//! there are passwords among them; bounded in number and in bytes. What is asked rarely is not pushed out
//! by what is asked often: of the slot that has the most, the oldest goes first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::decision::Decision;
use crate::plugin::Slot;
use crate::question::{Answer, Call, Question};

/// A question and what was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// As it was asked.
    pub question: Question,
    /// As it was answered. None: by an earlier version or under other settings, which says nothing of what is
    /// to be answered now.
    pub answer: Option<Answer>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct RecordBounds {
    /// Decisions (`policy.replay_decisions`).
    pub decisions: usize,
    /// Bytes of them, about (`policy.max_replay_memory`).
    pub bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Record {
    /// That of `bounds`, for a look without the lock.
    keeps_any: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    bounds: RecordBounds,
    /// In the order of the slots, each the oldest first.
    by_slot: [VecDeque<Recorded>; Slot::ALL.len()],
    bytes: usize,
}

impl Kept {
    /// Takes some out until there is room for one more of this size.
    #[must_use = "what is dropped is not dropped under the lock"]
    fn make_room(&mut self, size: usize, decisions_max: usize) -> Vec<Recorded> {
        let mut left = Vec::new();
        while self.len() > decisions_max || self.bytes + size > self.bounds.bytes {
            let longest = self.by_slot.iter_mut().max_by_key(|decisions| decisions.len());
            let Some(oldest) = longest.and_then(VecDeque::pop_front) else { break };
            self.bytes -= self::size(&oldest.question);
            left.push(oldest);
        }
        left
    }

    fn len(&self) -> usize {
        self.by_slot.iter().map(VecDeque::len).sum()
    }
}

impl Record {
    pub(crate) fn new(bounds: RecordBounds) -> Self {
        let kept = Kept { bounds, by_slot: Default::default(), bytes: 0 };
        Self { keeps_any: (bounds.decisions > 0).into(), kept: Mutex::new(kept) }
    }

    /// Takes over what was decided before it, by another version or under other settings.
    pub(crate) fn go_on_from(&self, before: &Self) {
        for Recorded { question, .. } in before.decisions().into_iter().rev() {
            self.push(Recorded { question, answer: None });
        }
    }

    /// From now on so much is kept; what is beyond that already is let go.
    pub(crate) fn bound(&self, bounds: RecordBounds) {
        self.keeps_any.store(bounds.decisions > 0, Ordering::Relaxed);
        let mut kept = self.kept.lock();
        kept.bounds = bounds;
        let left = kept.make_room(0, bounds.decisions);
        drop(kept);
        drop(left);
    }

    /// Keeps a decision, if another version could make it too.
    pub(crate) fn keep(&self, question: &Question, answer: &Answer) {
        if self.keeps_any.load(Ordering::Relaxed) && can_be_asked_again(question, answer) {
            let (question, answer) = (question.clone(), Some(answer.clone()));
            self.push(Recorded { question, answer });
        }
    }

    fn push(&self, recorded: Recorded) {
        let size = size(&recorded.question);
        let mut kept = self.kept.lock();
        let RecordBounds { decisions, bytes } = kept.bounds;
        if decisions == 0 || size > bytes / 8 {
            return;
        }
        let left = kept.make_room(size, decisions - 1);
        kept.bytes += size;
        let slot = recorded.question.call.slot() as usize;
        if let Some(decisions) = kept.by_slot.get_mut(slot) {
            decisions.push_back(recorded);
        }
        drop(kept);
        drop(left);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.lock().len() == 0
    }

    /// All that are kept: the newest of each slot in turn, then those before them.
    pub(crate) fn decisions(&self) -> Vec<Recorded> {
        let kept = self.kept.lock();
        let longest = kept.by_slot.iter().map(VecDeque::len).max().unwrap_or(0);
        let nth = |n| kept.by_slot.iter().filter_map(move |it| it.iter().rev().nth(n));
        (0..longest).flat_map(nth).cloned().collect()
    }
}

/// Events make a plugin act, and what goes on in an exchange only the version knows that began it.
pub(crate) fn can_be_asked_again(question: &Question, answer: &Answer) -> bool {
    !matches!(question.call, Call::Events(_) | Call::Proceed { .. })
        && !matches!(answer, Answer::Decision(Decision::Challenge(_)))
}

/// About how many bytes a question keeps alive.
fn size(question: &Question) -> usize {
    const EACH: usize = 512;
    let of_client = question.who.as_ref().map_or(0, |who| {
        let data = |bytes: &Option<Box<[u8]>>| bytes.as_ref().map_or(0, |bytes| bytes.len());
        let facts: usize = who.facts.iter().map(|(name, value)| name.len() + value.len()).sum();
        let properties = who.user_properties.iter();
        let properties: usize = properties.map(|(name, value)| name.len() + value.len()).sum();
        let names = who.client_id.len() + who.user_name.as_ref().map_or(0, |name| name.len());
        names + data(&who.password) + data(&who.data) + data(&who.certificate) + facts + properties
    });
    let of_call = match &question.call {
        Call::Authorize(request) => request.topic.len(),
        Call::Publish(message) => message.topic.len() + message.payload.len(),
        _ => 0,
    };
    EACH + of_client + of_call
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Login;
    use std::sync::Arc;

    fn question(password: usize) -> Question {
        let password = Some(vec![0; password].into());
        Question::about(Arc::new(Login { password, ..Login::default() }), Call::Authenticate)
    }

    fn kept(bounds: RecordBounds, sizes: &[usize]) -> Vec<usize> {
        let record = Record::new(bounds);
        let next = Answer::Decision(Decision::Next);
        sizes.iter().for_each(|size| record.keep(&question(*size), &next));
        let size = |it: &Recorded| it.question.who.as_ref()?.password.as_ref().map(|it| it.len());
        record.decisions().iter().rev().filter_map(size).collect()
    }

    #[test]
    fn the_last_are_kept_within_both_bounds() {
        let bounds = RecordBounds { decisions: 3, bytes: 8 * 1024 };
        assert_eq!(kept(bounds, &[1, 2, 3, 4, 5]), [3, 4, 5]);
        assert_eq!(kept(bounds, &[1, 600, 2]), [1, 2]);
        let bounds = RecordBounds { decisions: 100, bytes: 8 * 1024 };
        assert_eq!(kept(bounds, &[500; 100]), [500; 8]);
        assert_eq!(kept(RecordBounds { decisions: 0, bytes: 8 * 1024 }, &[1]), [0; 0]);
    }

    #[test]
    fn new_bounds_hold_for_what_is_kept_already() {
        let bounds = |decisions| RecordBounds { decisions, bytes: 1 << 20 };
        let record = Record::new(bounds(9));
        let keep = || record.keep(&question(1), &Answer::Decision(Decision::Next));
        (0..9).for_each(|_| keep());
        record.bound(bounds(4));
        assert_eq!(record.decisions().len(), 4);
        record.bound(bounds(0));
        keep();
        assert!(record.is_empty());
        record.bound(bounds(2));
        (0..9).for_each(|_| keep());
        assert_eq!(record.decisions().len(), 2);
        record.bound(RecordBounds { decisions: 9, bytes: 600 });
        assert_eq!(record.decisions().len(), 1);
    }

    /// A plugin that sees every message and opens the door now and then.
    #[test]
    fn what_is_asked_rarely_is_kept_and_asked_first_too() {
        let record = Record::new(RecordBounds { decisions: 10, bytes: 1 << 20 });
        let login = |n| record.keep(&question(n), &Answer::Decision(Decision::Next));
        let about = |call| Question::about(Arc::new(Login::default()), call);
        login(1);
        login(2);
        (0..100).for_each(|_| record.keep(&about(Call::CheckBan), &Answer::Banned(false)));
        let decisions = record.decisions();
        assert_eq!(decisions.len(), 10);
        let password =
            |it: &Recorded| it.question.who.as_ref()?.password.as_ref().map(|it| it.len());
        let first: Vec<_> = decisions.iter().map(password).take(4).collect();
        assert_eq!(first, [Some(2), None, Some(1), None]);
    }

    #[test]
    fn what_was_decided_before_is_asked_and_not_compared() {
        let (old, new) = [9, 4].map(|decisions| RecordBounds { decisions, bytes: 1 << 20 }).into();
        let (old, new) = (Record::new(old), Record::new(new));
        let next = Answer::Decision(Decision::Next);
        (1..=6).for_each(|n| old.keep(&question(n), &next));
        new.go_on_from(&old);
        new.keep(&question(7), &next);
        let shown = |it: &Recorded| {
            (it.question.who.as_ref().unwrap().password.as_ref().unwrap().len(), it.answer.clone())
        };
        let shown: Vec<_> = new.decisions().iter().map(shown).collect();
        assert_eq!(shown, [(7, Some(next)), (6, None), (5, None), (4, None)]);
    }

    #[test]
    fn what_only_one_version_can_answer_is_not_kept() {
        let record = Record::new(RecordBounds { decisions: 9, bytes: 1 << 20 });
        record.keep(&Question::events(Arc::from(Vec::new())), &Answer::Noted);
        let step = crate::decision::Step { data: Box::default(), state: Box::default() };
        record.keep(&question(1), &Answer::Decision(Decision::Challenge(step)));
        assert!(record.decisions().is_empty());
    }
}
