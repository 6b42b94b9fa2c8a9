//! An exchange of several steps as the broker leads it, with the client played by the test.

use crate::RefusalReason;
use crate::authn::{Authn, Credentials, Decision};
use crate::{Client, Grant, Plugin};

const STEPS_MAX: usize = 16;
const STATE_MAX: usize = 4096;
const DATA_MAX: usize = 65_535;

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Exchanged {
    /// The last decision; never a challenge. [`Decision::Next`] only if nothing was asked.
    pub decision: Decision,
    /// The data of each AUTH that the client was sent.
    pub challenges: Vec<Vec<u8>>,
}

/// Leads an exchange to its end. `client` is given the data of each challenge and says what the client
/// answers. As the broker may, it asks a fresh instance at every step: what the plugin wants to remember
/// must be in the state that it returns.
///
/// # Panics
/// If `init` fails, or where the broker would call the plugin faulty: a challenge or data for a client
/// that named no method, more than 65,535 bytes of data, more than 4 KiB of state, a 17th challenge.
pub fn exchange<P: Authn + Plugin>(
    who: &Client,
    credentials: &Credentials,
    mut client: impl FnMut(&[u8]) -> Vec<u8>,
) -> Exchanged {
    let mut challenges = Vec::new();
    let mut decision = instance::<P>().authenticate(who, credentials);
    loop {
        check(&decision, credentials);
        let Decision::Challenge(step) = decision else { break };
        assert!(challenges.len() < STEPS_MAX, "more than {STEPS_MAX} challenges");
        let answer = client(&step.data);
        challenges.push(step.data);
        decision = match instance::<P>().proceed(who, &step.state, &answer) {
            // Nobody else can end what it began.
            Decision::Next => Decision::deny(RefusalReason::NotAuthorized),
            decision => decision,
        };
    }
    Exchanged { decision, challenges }
}

#[expect(clippy::panic, reason = "an `init` that fails is a failed test")]
fn instance<P: Plugin>() -> P {
    P::init().unwrap_or_else(|why| panic!("init: {why}"))
}

fn check(decision: &Decision, credentials: &Credentials) {
    let data = match decision {
        Decision::Challenge(step) => {
            let size = step.state.len();
            assert!(size <= STATE_MAX, "a state of {size} bytes, more than {STATE_MAX}");
            Some(&step.data)
        }
        Decision::Allow(admission) => admission.auth_data.as_ref(),
        Decision::Deny(_) | Decision::Next => None,
    };
    let Some(data) = data else { return };
    assert!(credentials.method.is_some(), "an exchange with a client that named no method");
    let size = data.len();
    assert!(size <= DATA_MAX, "data of {size} bytes, more than {DATA_MAX}");
}

/// What a test of an exchange mostly wants to know.
impl Exchanged {
    /// The grant, if the client was let in.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        match &self.decision {
            Decision::Allow(admission) => Some(&admission.grant),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Description;
    use crate::testing::client;

    /// Challenges as often as the data of CONNECT say, then lets in, or does worse.
    struct Counting;

    impl Plugin for Counting {
        fn describe() -> Description {
            Description::new("counting", "1.0.0")
        }

        fn init() -> Result<Self, String> {
            Ok(Self)
        }
    }

    impl Authn for Counting {
        fn authenticate(&self, _: &Client, credentials: &Credentials) -> Decision {
            match credentials.data.as_deref() {
                Some([left]) => Decision::challenge([*left], [*left]),
                Some(b"state") => Decision::challenge([], [0; STATE_MAX + 1]),
                Some(b"data") => Decision::challenge([0; DATA_MAX + 1], []),
                _ => Decision::Next,
            }
        }

        fn proceed(&self, _: &Client, state: &[u8], data: &[u8]) -> Decision {
            match (state, data) {
                (_, b"next") => Decision::Next,
                ([0], _) => Decision::allow_saying(Grant::new(), data),
                ([left, ..], _) => Decision::challenge([*left - 1], [*left - 1]),
                _ => Decision::deny(RefusalReason::BadCredentials),
            }
        }
    }

    fn play(data: &[u8], answer: &str) -> Exchanged {
        let credentials = Credentials::method("M", data);
        exchange::<Counting>(&client("c"), &credentials, |_| answer.as_bytes().to_vec())
    }

    #[test]
    fn each_answer_goes_to_the_plugin_with_the_state_it_gave() {
        let played = play(&[2], "x");
        assert_eq!(played.challenges, [[2], [1], [0]]);
        assert_eq!(played.decision, Decision::allow_saying(Grant::new(), *b"x"));
        assert_eq!(played.grant(), Some(&Grant::new()));
    }

    #[test]
    fn next_in_the_middle_is_a_refusal() {
        let refused = Decision::deny(RefusalReason::NotAuthorized);
        assert_eq!((play(&[0], "next").decision, play(&[0], "next").grant()), (refused, None));
        assert_eq!(play(b"nothing", "x").decision, Decision::Next);
    }

    #[test]
    #[should_panic(expected = "more than 16 challenges")]
    fn a_challenge_too_many_fails_the_test() {
        assert_eq!(play(&[15], "x").challenges.len(), 16);
        play(&[16], "x");
    }

    #[test]
    #[should_panic(expected = "a state of 4097 bytes")]
    fn a_state_that_is_too_large_fails_the_test() {
        play(b"state", "x");
    }

    #[test]
    #[should_panic(expected = "data of 65536 bytes")]
    fn data_that_are_too_large_fail_the_test() {
        play(b"data", "x");
    }

    #[test]
    #[should_panic(expected = "named no method")]
    fn a_challenge_for_nobody_fails_the_test() {
        let credentials = Credentials { data: Some(vec![1]), ..Credentials::none() };
        exchange::<Counting>(&client("c"), &credentials, |_| Vec::new());
    }
}
