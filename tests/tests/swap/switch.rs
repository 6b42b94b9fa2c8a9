//! Topics that are allowed and denied while they are in use. On each a client publishes numbers at
//! QoS 1 and another one must get exactly those that were not refused. All answers are kept with
//! their times, to be held against what was in force.

use crate::fleet::Credentials;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use theseus_tests::{Connect, Raw, Version, pause};

/// Between two messages on a topic.
const PACE: Duration = Duration::from_millis(10);
/// The reason code of a PUBACK [MQTT-3.4.2.1].
const NOT_AUTHORIZED: u8 = 0x87;

/// One PUBLISH and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publish {
    pub(crate) number: usize,
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
    pub(crate) refused: bool,
}

/// The two clients of one topic, on a thread of their own.
pub(crate) struct Switch {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Vec<Publish>>>,
}

impl Switch {
    /// On `switch/NUMBER`.
    pub(crate) fn start(address: SocketAddr, credentials: Credentials, number: usize) -> Self {
        let connect = |version, role| {
            let connect = Connect::new(version, &format!("switch-{number}-{role}"));
            let connect = connect.login(credentials.user, credentials.password);
            Raw::try_connect_at(address, &connect).unwrap()
        };
        let (speaker, mut hearer) =
            (connect(Version::V5, "speaker"), connect(Version::V311, "hearer"));
        let topic = format!("switch/{number}");
        assert_eq!(hearer.subscribe(&topic, 1), 1);
        let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&done));
        let thread =
            std::thread::spawn(move || use_it(speaker, hearer, &topic, &stopped, &counted));
        Self { stop, done, thread: Some(thread) }
    }

    /// How many messages have been sent and answered.
    pub(crate) fn answered(&self) -> usize {
        assert!(self.thread.as_ref().is_some_and(|thread| !thread.is_finished()), "a switch broke");
        self.done.load(Ordering::Acquire)
    }

    /// All of them. Fails if one that was refused was delivered, or one that was not is missing.
    pub(crate) fn stop(mut self) -> Vec<Publish> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().expect("the users of a switch")
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn use_it(
    mut speaker: Raw,
    mut hearer: Raw,
    topic: &str,
    stop: &AtomicBool,
    done: &AtomicUsize,
) -> Vec<Publish> {
    let mut all = Vec::new();
    for number in 0.. {
        let sent = Instant::now();
        let code = speaker.publish_answered(topic, &number.to_string(), 1);
        let answered = Instant::now();
        assert!(code == 0 || code == NOT_AUTHORIZED, "{topic}: {number} answered with {code:#04x}");
        let refused = code != 0;
        if refused {
            hearer.expect_no_message();
        } else {
            let message = hearer.message();
            assert_eq!((message.payload, message.dup), (number.to_string(), false), "{topic}");
        }
        all.push(Publish { number, sent, answered, refused });
        done.store(all.len(), Ordering::Release);
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pause(PACE);
    }
    // Each in turn: a message that a refusal let slip would be found here at the latest.
    speaker.disconnect();
    hearer.expect_no_message();
    hearer.disconnect();
    all
}

/// A state of the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) generation: u64,
    /// The switch that is denied.
    pub(crate) denied: Option<usize>,
    /// Before this it cannot have been in force.
    pub(crate) written: Instant,
    /// From here on it is.
    pub(crate) live: Instant,
}

/// Holds what became of the messages on one switch against what was in force meanwhile; returns how
/// many there were for which only one answer was right, for each of the rules.
pub(crate) fn judge(switch: usize, rules: &[Rule], all: &[Publish]) -> Result<Vec<usize>, String> {
    let mut sure = vec![0; rules.len()];
    for publish in all {
        let possible: Vec<usize> = (0..rules.len())
            .filter(|at| rules[*at].written <= publish.answered)
            .filter(|at| rules.get(at + 1).is_none_or(|next| next.live >= publish.sent))
            .collect();
        let denied = |at: &usize| rules[*at].denied == Some(switch);
        if !possible.iter().any(|at| denied(at) == publish.refused) {
            let (number, answer) =
                (publish.number, if publish.refused { "refused" } else { "allowed" });
            let rules: Vec<_> =
                possible.iter().map(|at| (rules[*at].generation, rules[*at].denied)).collect();
            return Err(format!(
                "switch/{switch}: {number} was {answer} under (generation, denied) {rules:?}"
            ));
        }
        if let [only] = possible[..] {
            sure[only] += 1;
        }
    }
    let turns = |states: &mut dyn Iterator<Item = bool>| {
        let states: Vec<bool> = states.collect();
        states.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    let edited = turns(&mut rules.iter().map(|rule| rule.denied == Some(switch)));
    let seen = turns(&mut all.iter().map(|publish| publish.refused));
    if edited != seen {
        return Err(format!("switch/{switch}: edited {edited} times, but {seen} were felt"));
    }
    Ok(sure)
}

#[test]
fn an_answer_under_the_wrong_rule_is_noticed() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let rule = |generation, denied, written, live| Rule {
        generation,
        denied,
        written: at(written),
        live: at(live),
    };
    let rules = [rule(1, None, 0, 0), rule(2, Some(3), 100, 200), rule(3, None, 300, 400)];
    let publish =
        |sent, refused| Publish { number: 0, sent: at(sent), answered: at(sent + 1), refused };
    let [early, late] = [120, 180];
    let good = [(50, false), (early, false), (late, true), (250, true), (450, false)];
    let judged = |all: &[(u64, bool)]| {
        judge(
            3,
            &rules,
            &all.iter().map(|(sent, refused)| publish(*sent, *refused)).collect::<Vec<_>>(),
        )
    };
    assert_eq!(judged(&good), Ok(vec![1, 1, 1]));
    assert!(judged(&[(50, true)]).is_err(), "refused before it was denied");
    assert!(judged(&[(50, false), (250, false), (450, false)]).is_err(), "allowed while denied");
    assert!(
        judged(&[(50, false), (250, true), (450, true)]).is_err(),
        "refused when allowed again"
    );
    let wavering = [(50, false), (120, true), (150, false), (250, true), (450, false)];
    assert!(judged(&wavering).is_err(), "in force and not again");
}
