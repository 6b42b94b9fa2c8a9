//! Checks that numbers come as they were counted: each once, none missing, in order.
//! What is wrong is named; it does not stop the count.

use std::collections::BTreeSet;

/// The numbers of one publisher, as one subscriber sees them.
#[derive(Default)]
pub(crate) struct Sequence {
    next: u64,
    /// Passed over and not seen since.
    missing: BTreeSet<u64>,
}

/// What is wrong with a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Some before it have not come.
    Gap,
    /// It comes behind a later one.
    Late,
    /// It has come before.
    Repeated,
}

impl Sequence {
    /// Takes the number that came next.
    pub(crate) fn take(&mut self, number: u64) -> Result<(), Fault> {
        if number < self.next {
            return Err(if self.missing.remove(&number) { Fault::Late } else { Fault::Repeated });
        }
        let expected = std::mem::replace(&mut self.next, number + 1);
        if expected == number {
            return Ok(());
        }
        self.missing.extend(expected..number);
        Err(Fault::Gap)
    }

    /// The number that should come next.
    pub(crate) fn expected(&self) -> u64 {
        self.next
    }

    /// How many different ones have come.
    pub(crate) fn received(&self) -> u64 {
        self.next - self.missing.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fault_has_its_name() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.take(0), Ok(()));
        assert_eq!(sequence.take(1), Ok(()));
        assert_eq!(sequence.take(1), Err(Fault::Repeated));
        assert_eq!(sequence.take(4), Err(Fault::Gap));
        assert_eq!(sequence.received(), 3);
        assert_eq!(sequence.take(2), Err(Fault::Late));
        assert_eq!(sequence.take(2), Err(Fault::Repeated));
        assert_eq!(sequence.take(5), Ok(()));
        assert_eq!((sequence.received(), sequence.expected()), (5, 6));
    }
}
