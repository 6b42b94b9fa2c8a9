//! That no answer is taken after a newer one. They come by plain HTTP, so whoever is on the way can send one of last
//! week again that is signed and in force: from before the certificate was revoked.

use crate::ocsp::{Refused, SKEW};

/// The newest that was said of one certificate by who may say so, good or revoked; at first nothing.
#[derive(Debug, Default)]
pub struct Newest(Option<Said>);

/// Later is more, and of one time that it is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Said {
    /// `thisUpdate` (RFC 6960, 4.2.2.1), in seconds since 1970.
    pub(crate) since: i64,
    pub(crate) is_revoked: bool,
}

impl Newest {
    /// Remembers what is said at `now`, in seconds since 1970, unless something newer was said before. The same may be
    /// said again and again: responders keep their answers for a while (RFC 6960, 2.5).
    pub(crate) fn take(&mut self, said: Said, now: i64) -> Result<(), Refused> {
        // What begins later by a clock that was set back since would refuse all that comes.
        match self.0.filter(|newest| newest.since <= now + SKEW) {
            Some(newest) if said.since < newest.since => {
                Err(Refused::OutOfDate("gives an older answer than before"))
            }
            Some(newest) if said < newest => Err(Refused::OutOfDate(
                "gives an answer that is as old as the one before, which says revoked",
            )),
            _ => {
                self.0 = Some(said);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(since: i64) -> Said {
        Said { since, is_revoked: false }
    }

    fn revoked(since: i64) -> Said {
        Said { since, is_revoked: true }
    }

    #[test]
    fn what_is_older_is_refused_and_of_one_time_revoked_counts() {
        const OLDER: Option<&str> = Some("gives an older answer than before");
        const TAKES_BACK: Option<&str> =
            Some("gives an answer that is as old as the one before, which says revoked");
        let mut newest = Newest::default();
        for (said, why) in [
            (good(100), None),
            (good(100), None),
            (good(99), OLDER),
            (revoked(99), OLDER),
            (revoked(100), None),
            (revoked(100), None),
            (good(100), TAKES_BACK),
            (good(99), OLDER),
            (revoked(150), None),
            (revoked(149), OLDER),
            (good(149), OLDER),
            // A certificate may be on hold for a while (RFC 5280, 5.3.1).
            (good(151), None),
            (revoked(150), OLDER),
        ] {
            let taken = newest.take(said, 200).map_err(|refused| refused.to_string());
            assert_eq!(taken.err().as_deref(), why, "{said:?}");
        }
        assert_eq!(newest.0, Some(good(151)), "what is refused changes nothing");
    }

    #[test]
    fn what_was_said_by_a_clock_that_was_set_back_refuses_nothing() {
        let mut newest = Newest::default();
        assert!(newest.take(revoked(10_000), 10_000).is_ok());
        assert!(newest.take(good(9_000), 10_000 - SKEW).is_err());
        assert!(newest.take(good(9_000), 10_000 - SKEW - 1).is_ok());
        assert!(newest.take(good(8_999), 9_000).is_err(), "what came since counts");
    }
}
