//! Asking again about a connected client, without a secret: before its grant ends, and when an operator
//! wants it. The core knows when, how many at a time and what follows; whom to ask it does not. The client
//! goes on meanwhile with the grant it has.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use theseus_mqtt::{PacketType, ReasonCode};

use crate::Time;
use crate::explanation;
use crate::keys::ConnectionKey;
use crate::policy::Grant;
use crate::question::{Answer, Asker, Matter, Question};
use crate::round::Fate;
use crate::shard::Shard;
use crate::timers::Timer;
use crate::turns::Urgency;

/// What becomes of a connected client that was asked about again.
#[derive(Clone, Debug, PartialEq)]
pub enum Revalidation {
    /// It stays as it is: its grant ends when it ends.
    Kept,
    /// It stays with this grant, if that is the same client's.
    Renewed(Box<Grant>),
    /// It is disconnected.
    Refused {
        /// One that DISCONNECT does not have is told as 0x87.
        reason: ReasonCode,
        /// The Reason String for a v5 client, at most 256 bytes.
        message: Option<Box<str>>,
    },
    /// Nobody could say. It is asked twice more; then the grant goes on to its end, or, where an operator
    /// wanted to know, the client is disconnected with this reason.
    Failed(ReasonCode),
}

/// What a connection keeps while it is asked about, or is to be.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Revalidating {
    /// An operator wants to know.
    wanted: bool,
    /// The answer on its way is about what is not so any more: it counts for nothing.
    outdated: bool,
    /// Questions that nobody could answer.
    failures: u8,
}

/// Questions about one client that may fail until that counts.
const FAILURES_MAX: u8 = 3;
/// After a question that failed the next one waits for so long, and twice as long after the second:
/// a version that began to fail may have been taken back by then.
const PAUSE: Duration = Duration::from_secs(1);

/// How long before its end a grant of `span` is asked about: a tenth of it, at least a second and at most
/// a minute, but never more than half of it.
fn lead(span: Duration) -> Duration {
    (span / 10).clamp(Duration::from_secs(1), Duration::from_secs(60)).min(span / 2)
}

impl Shard {
    /// A connection has a grant with an end from `now` on.
    pub(crate) fn begin_grant(&mut self, now: Time, key: ConnectionKey) {
        let Some(span) = self.granted_for(key) else { return };
        if let Some(connection) = self.connections.get_mut(key) {
            connection.grant_ends = span.map_or(Time::NEVER, |span| now.after(span));
        }
        self.watch_grant(now, key);
    }

    /// Sets the deadlines of a grant anew: its end may be a later one than before.
    pub(crate) fn watch_grant(&mut self, now: Time, key: ConnectionKey) {
        let Some(ends) = self.connections.get(key).map(|connection| connection.grant_ends) else {
            return;
        };
        self.timers.cancel(Timer::Grant(key));
        self.timers.set(ends, Timer::Grant(key));
        self.timers.cancel(Timer::Revalidation(key));
        if let Some(Some(span)) = self.granted_for(key) {
            let due = ends.before(lead(span));
            // Once is enough: after that it ends.
            if due > now {
                self.timers.set(due, Timer::Revalidation(key));
            }
        }
    }

    fn granted_for(&self, key: ConnectionKey) -> Option<Option<Duration>> {
        let session = self.connections.get(key)?.session;
        Some(self.sessions.get(session)?.grant.expires_in)
    }

    /// An operator wants a client asked about; true if that was not so already.
    pub(crate) fn revalidate(&mut self, key: ConnectionKey) -> bool {
        let Some(connection) = self.connections.get_mut(key).filter(|it| it.is_open()) else {
            return false;
        };
        let revalidating = connection.revalidation.get_or_insert_default();
        let is_new = !revalidating.wanted;
        (revalidating.wanted, revalidating.failures) = (true, 0);
        self.ask_anew(key);
        is_new
    }

    /// What is asked about a connection is about what was: it is asked once more.
    pub(crate) fn ask_anew(&mut self, key: ConnectionKey) {
        let connection = self.connections.get_mut(key);
        let Some(revalidating) = connection.and_then(|it| it.revalidation.as_mut()) else { return };
        if self.turns.is_asked(key) {
            revalidating.outdated = true;
        } else {
            self.turns.wait(key, revalidating.urgency());
        }
    }

    /// A connection that was asked about where it comes from.
    pub(crate) fn ask_here(&mut self, key: ConnectionKey) {
        let connection = self.connections.get_mut(key);
        if let Some(revalidating) = connection.and_then(|it| it.revalidation.as_mut()) {
            revalidating.outdated = false;
            self.turns.wait(key, revalidating.urgency());
        }
    }

    /// A grant is about to end, or a question that failed has had its pause.
    pub(crate) fn handle_revalidation_timer(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key).filter(|it| it.is_open()) else {
            return;
        };
        connection.revalidation.get_or_insert_default();
        if !self.turns.is_asked(key) {
            self.turns.wait(key, Urgency::Ending);
        }
    }

    pub(crate) fn revalidation_question(&self, key: ConnectionKey) -> Option<Question> {
        let client = self.client(key)?;
        Some(Question { asker: Asker::Revalidation(key), client, matter: Matter::Revalidation })
    }

    pub(crate) fn handle_revalidation(&mut self, now: Time, key: ConnectionKey, answer: Answer) {
        if !self.turns.end(key) {
            return;
        }
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Some(mut revalidating) = connection.revalidation.take() else { return };
        if revalidating.outdated {
            revalidating.outdated = false;
            connection.revalidation = Some(revalidating);
            return self.turns.wait(key, revalidating.urgency());
        }
        match answer {
            Answer::Revalidation(Revalidation::Kept) => {
                self.metrics().revalidations_kept.add(1);
                self.tell(revalidating, Fate::Kept);
                self.watch_grant(now, key);
            }
            Answer::Revalidation(Revalidation::Renewed(grant)) => {
                self.renew(now, key, revalidating, grant);
            }
            Answer::Revalidation(Revalidation::Refused { reason, message }) => {
                self.refuse_to_stay(now, key, revalidating, reason, message.as_deref());
            }
            Answer::Revalidation(Revalidation::Failed(reason)) | Answer::Silence(reason) => {
                self.fail_to_say(now, key, revalidating, reason);
            }
            _ => self.fail_to_say(now, key, revalidating, ReasonCode::NotAuthorized),
        }
    }

    /// A connection ends with a question about it.
    pub(crate) fn give_up_revalidation(&mut self, key: ConnectionKey) {
        self.turns.forget(key);
        let connection = self.connections.get_mut(key);
        if let Some(revalidating) = connection.and_then(|it| it.revalidation.take()) {
            self.tell(revalidating, Fate::Gone);
        }
    }

    fn renew(
        &mut self,
        now: Time,
        key: ConnectionKey,
        revalidating: Revalidating,
        grant: Box<Grant>,
    ) {
        if !self.regrant(now, key, grant) {
            return self.refuse_to_stay(now, key, revalidating, ReasonCode::NotAuthorized, None);
        }
        self.metrics().revalidations_renewed.add(1);
        self.tell(revalidating, Fate::Renewed);
    }

    fn refuse_to_stay(
        &mut self,
        now: Time,
        key: ConnectionKey,
        revalidating: Revalidating,
        reason: ReasonCode,
        message: Option<&str>,
    ) {
        self.metrics().revalidations_denied.add(1);
        self.tell(revalidating, Fate::Denied);
        let reason = of_disconnect(reason);
        let why = message.or_else(|| explanation::of_disconnect(reason));
        self.close_saying(now, key, reason, why);
    }

    fn fail_to_say(
        &mut self,
        now: Time,
        key: ConnectionKey,
        mut revalidating: Revalidating,
        reason: ReasonCode,
    ) {
        self.metrics().revalidations_failed.add(1);
        revalidating.failures += 1;
        let failures = revalidating.failures;
        if failures < FAILURES_MAX {
            if let Some(connection) = self.connections.get_mut(key) {
                connection.revalidation = Some(revalidating);
            }
            let again = now.after(PAUSE * u32::from(failures));
            return self.timers.set(again, Timer::Revalidation(key));
        }
        self.tell(revalidating, Fate::Failed);
        if revalidating.wanted {
            // Nobody knows whether it still may be here: it has to show again who it is.
            self.close(now, key, of_disconnect(reason));
        }
    }

    fn tell(&self, revalidating: Revalidating, fate: Fate) {
        if revalidating.wanted {
            self.broker.note_fate(fate);
        }
    }
}

impl Revalidating {
    const fn urgency(self) -> Urgency {
        if self.wanted { Urgency::Wanted } else { Urgency::Ending }
    }
}

/// The reason, if it is one that DISCONNECT has.
fn of_disconnect(reason: ReasonCode) -> ReasonCode {
    match reason.listed_for(PacketType::Disconnect) {
        true => reason,
        false => ReasonCode::NotAuthorized,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_asked_about_in_its_last_tenth_within_bounds() {
        for (span, before) in [(0, 0), (1, 500), (2, 1000), (5, 1000), (60, 6000)] {
            assert_eq!(lead(Duration::from_secs(span)), Duration::from_millis(before), "{span}");
        }
        assert_eq!(lead(Duration::from_secs(3600)), Duration::from_secs(60));
    }
}
