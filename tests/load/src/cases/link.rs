//! What arrived of one publisher at one receiver: loss, duplicates and order.
//! Not the flow control that follows from it (`flow`).

/// How many recent messages are told apart one by one.
const MEMORY: u32 = 128;

/// One publisher seen from one receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    /// One more than the highest sequence number seen.
    next: u32,
    /// Bit n: number `next - 1 - n` was seen.
    seen: u128,
    /// Different messages that arrived.
    arrived: u32,
}

/// What a message was in its link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// New and higher than all before; a gap before it is loss unless it is filled later.
    Ordered,
    /// New, but a later one was here first.
    Reordered,
    /// Seen before (or too old to tell).
    Duplicate,
}

impl Link {
    /// Takes note of number `seq`.
    pub(super) fn accept(&mut self, seq: u32) -> Arrival {
        if seq >= self.next {
            let step = seq - self.next + 1;
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.next = seq + 1;
            self.arrived += 1;
            return Arrival::Ordered;
        }
        let back = self.next - 1 - seq;
        if back >= MEMORY || self.seen >> back & 1 == 1 {
            return Arrival::Duplicate;
        }
        self.seen |= 1 << back;
        self.arrived += 1;
        Arrival::Reordered
    }

    /// How many different messages arrived.
    pub(super) fn arrived(&self) -> u32 {
        self.arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_gaps_and_duplicates_are_told_apart() {
        let mut link = Link::default();
        assert_eq!(link.accept(0), Arrival::Ordered);
        assert_eq!(link.accept(0), Arrival::Duplicate);
        assert_eq!(link.accept(3), Arrival::Ordered);
        assert_eq!(link.accept(1), Arrival::Reordered);
        assert_eq!(link.accept(1), Arrival::Duplicate);
        assert_eq!(link.accept(3), Arrival::Duplicate);
        assert_eq!(link.accept(1_000), Arrival::Ordered);
        assert_eq!(link.accept(4), Arrival::Duplicate);
        assert_eq!(link.accept(999), Arrival::Reordered);
        assert_eq!(link.arrived(), 5);
    }
}
