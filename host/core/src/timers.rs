//! The deadlines of one shard. Each connection and session has at most one of each kind, so they
//! are bounded by what they belong to. A deadline that moves on is not moved here: it is looked at
//! when it comes up and set again, so that a packet costs nothing.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::Time;
use crate::keys::{ConnectionKey, SessionKey};

/// What a deadline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    /// The client must have sent something by now [MQTT-3.1.2-22].
    KeepAlive(ConnectionKey),
    /// What the client was given at CONNECT is over.
    Grant(ConnectionKey),
    /// Before that somebody is asked whether it may stay; or once more, where nobody could say.
    Revalidation(ConnectionKey),
    /// Authentication by AUTH must be over.
    Exchange(ConnectionKey),
    /// A pause, or the oldest withheld acknowledgement, is over.
    Pause(ConnectionKey),
    /// A packet that waits for its turn under a limit may have it.
    Limit(ConnectionKey),
    /// A closed connection must have written its last bytes.
    Linger(ConnectionKey),
    /// An absent client's will is due or its session ends.
    Absence(SessionKey),
    /// A slow receiver has had its time.
    Pressure(SessionKey),
}

/// Deadlines, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Time, Timer)>,
    set: HashMap<Timer, Time>,
}

impl Timers {
    /// Sees to it that `timer` comes up at `at` or before; what comes up early is set again.
    pub(crate) fn set(&mut self, at: Time, timer: Timer) {
        if at == Time::NEVER || self.set.get(&timer).is_some_and(|known| *known <= at) {
            return;
        }
        self.cancel(timer);
        self.set.insert(timer, at);
        self.order.insert((at, timer));
    }

    /// What `timer` belongs to is gone.
    pub(crate) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.set.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes out one timer whose deadline is not after `now`.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.order.pop_first()?;
        self.set.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_stands_once_at_its_earliest() {
        let mut timers = Timers::default();
        let timer = Timer::KeepAlive(ConnectionKey::default());
        for at in [30, 20, 40] {
            timers.set(Time::from_millis(at), timer);
        }
        assert_eq!(timers.next(), Some(Time::from_millis(20)));
        assert_eq!(timers.pop(Time::from_millis(19)), None);
        assert_eq!(timers.pop(Time::from_millis(20)), Some(timer));
        assert_eq!((timers.next(), timers.set.len()), (None, 0));
    }

    #[test]
    fn nothing_is_left_of_a_cancelled_timer() {
        let mut timers = Timers::default();
        let timer = Timer::Absence(SessionKey::default());
        timers.set(Time::from_millis(5), timer);
        timers.cancel(timer);
        assert_eq!((timers.order.len(), timers.set.len()), (0, 0));
    }
}
