//! The last decisions of a version, to be asked of the next before it goes live. In memory only, since
//! there are passwords among them; bounded in number and in bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::decision::Decision;
use crate::question::{Answer, Call, Question};

/// A question and what was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// As it was asked.
    pub question: Question,
    /// As it was answered.
    pub answer: Answer,
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
    decisions: VecDeque<Recorded>,
    bytes: usize,
}

impl Kept {
    /// Takes the oldest out until there is room for one more of this size.
    #[must_use = "what is dropped is not dropped under the lock"]
    fn make_room(&mut self, size: usize, decisions_max: usize) -> Vec<Recorded> {
        let mut left = Vec::new();
        while self.decisions.len() > decisions_max || self.bytes + size > self.bounds.bytes {
            let Some(oldest) = self.decisions.pop_front() else { break };
            self.bytes -= self::size(&oldest.question);
            left.push(oldest);
        }
        left
    }
}

impl Record {
    pub(crate) fn new(bounds: RecordBounds) -> Self {
        let kept = Kept { bounds, decisions: VecDeque::new(), bytes: 0 };
        Self { keeps_any: (bounds.decisions > 0).into(), kept: Mutex::new(kept) }
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
        if !self.keeps_any.load(Ordering::Relaxed) || !can_be_asked_again(question, answer) {
            return;
        }
        let size = size(question);
        let mut kept = self.kept.lock();
        let RecordBounds { decisions, bytes } = kept.bounds;
        if decisions == 0 || size > bytes / 8 {
            return;
        }
        let left = kept.make_room(size, decisions - 1);
        kept.bytes += size;
        kept.decisions.push_back(Recorded { question: question.clone(), answer: answer.clone() });
        drop(kept);
        drop(left);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.lock().decisions.is_empty()
    }

    /// All that are kept, the oldest first.
    pub(crate) fn decisions(&self) -> Vec<Recorded> {
        self.kept.lock().decisions.iter().cloned().collect()
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
        names + data(&who.password) + data(&who.data) + facts + properties
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
        record.decisions().iter().filter_map(size).collect()
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

    #[test]
    fn what_only_one_version_can_answer_is_not_kept() {
        let record = Record::new(RecordBounds { decisions: 9, bytes: 1 << 20 });
        record.keep(&Question::events(Arc::from(Vec::new())), &Answer::Noted);
        let step = crate::decision::Step { data: Box::default(), state: Box::default() };
        record.keep(&question(1), &Answer::Decision(Decision::Challenge(step)));
        assert!(record.decisions().is_empty());
    }
}
