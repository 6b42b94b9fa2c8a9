//! The deadlines of one shard, in one heap. Entries are lazy: a deadline that moved on is looked
//! at when its old entry comes up, so a packet costs no heap operation.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Time;
use crate::connection::ConnectionKey;
use crate::session::SessionKey;

/// What a deadline is about. At most one entry of each kind stands in the heap per key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The client must have sent something by now [MQTT-3.1.2-22].
    KeepAlive(ConnectionKey),
    /// A pause, or the oldest withheld acknowledgement, is over.
    Pause(ConnectionKey),
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
    heap: BinaryHeap<Reverse<(Time, Timer)>>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, timer: Timer) {
        if at != Time::NEVER {
            self.heap.push(Reverse((at, timer)));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out one timer whose deadline is not after `now`.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, timer))| timer)
    }
}
