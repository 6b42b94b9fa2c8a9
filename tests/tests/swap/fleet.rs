//! Two fleets of clients, rumqttc and MQTT.js, that read each other's numbers. The programs check;
//! this starts them, collects what they find wrong and balances what was sent against what came.
//! The protocol is in `clients/README.md`.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use theseus_tests::{Library, wait_until};

/// A thousand clients on two loaded cores take their time to connect.
const CONNECTING_MAX: Duration = Duration::from_secs(120);
/// An answer of a fleet, behind all the messages it has to take first.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What all of a fleet's clients log in with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credentials {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
}

/// Both fleets.
pub(crate) struct Flows {
    fleets: [Fleet; 2],
    troubles: Arc<Mutex<Vec<String>>>,
}

impl Flows {
    /// Whether both libraries are here.
    pub(crate) fn are_installed() -> bool {
        Library::MqttJs.is_installed()
    }

    /// Connects and subscribes `each` clients with each library; nobody publishes yet.
    pub(crate) fn connect(port: u16, each: usize, credentials: Option<Credentials>) -> Self {
        let troubles = Arc::<Mutex<Vec<String>>>::default();
        let start = |command: Command, [name, partner]: [&'static str; 2]| {
            Fleet::start(command, port, [name, partner], each, credentials, &troubles)
        };
        let fleets =
            [start(rumqttc(), ["rumqttc", "mqttjs"]), start(mqttjs(), ["mqttjs", "rumqttc"])];
        for fleet in &fleets {
            let ready = fleet.answers.recv_timeout(CONNECTING_MAX);
            let found = troubles.lock().unwrap().clone();
            assert!(ready.is_ok(), "the fleet {} does not get ready: {found:?}", fleet.name);
        }
        let flows = Self { fleets, troubles };
        flows.assert_untroubled("while connecting");
        flows
    }

    /// Each client publishes a number in every `period`.
    pub(crate) fn start_publishing(&mut self, period: Duration) {
        for fleet in &mut self.fleets {
            fleet.command(&json!({"do": "start", "period_ms": period.as_millis() as u64}));
        }
    }

    /// Fails if a client was disconnected or found anything wrong; `when` says how far the test is.
    pub(crate) fn assert_untroubled(&self, when: &str) {
        let troubles = self.troubles();
        let first = troubles[..troubles.len().min(20)].join("\n  ");
        assert!(troubles.is_empty(), "{when}: {} troubles, first:\n  {first}", troubles.len());
    }

    /// What the clients found wrong so far.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.troubles.lock().unwrap().clone()
    }

    /// How many messages have come, all clients together.
    pub(crate) fn received(&mut self) -> u64 {
        self.fleets.iter_mut().map(|fleet| fleet.count().received.iter().sum::<u64>()).sum()
    }

    /// Stops publishing and waits until all that was sent is acknowledged and has come to the one who
    /// reads it. Fails naming the clients for whom that does not come true.
    pub(crate) fn settle(&mut self) -> Totals {
        for fleet in &mut self.fleets {
            fleet.command(&json!({"do": "stop"}));
        }
        let mut counts = None;
        let mut open = Vec::new();
        let settled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until("all that was sent has come", || {
                let both = self.fleets.each_mut().map(Fleet::count);
                open = [unbalanced(&both, 0), unbalanced(&both, 1)].concat();
                counts = Some(both);
                open.is_empty()
            });
        }));
        assert!(settled.is_ok(), "{} lost messages: {:?}", open.len(), &open[..open.len().min(20)]);
        self.assert_untroubled("at the end");
        Totals::of(&counts.unwrap())
    }
}

/// What the whole test moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    pub(crate) messages: u64,
    /// Of the client that sent least.
    pub(crate) least: u64,
}

impl Totals {
    fn of(counts: &[Counts; 2]) -> Self {
        let sent = || counts.iter().flat_map(|counts| counts.sent.iter().copied());
        Self { messages: sent().sum(), least: sent().min().unwrap() }
    }
}

/// The flows out of one fleet that are not complete.
fn unbalanced(both: &[Counts; 2], from: usize) -> Vec<String> {
    let (of, partner) = (&both[from], &both[1 - from]);
    let flows = of.sent.iter().zip(&of.acknowledged).zip(&partner.received).enumerate();
    flows
        .filter(|(_, ((sent, acknowledged), received))| sent != acknowledged || sent != received)
        .map(|(number, ((sent, acknowledged), received))| {
            let name = &of.name;
            format!(
                "{name}-{number}: {sent} sent, {acknowledged} acknowledged, {received} received"
            )
        })
        .collect()
}

struct Counts {
    name: &'static str,
    sent: Vec<u64>,
    acknowledged: Vec<u64>,
    received: Vec<u64>,
}

/// One process.
struct Fleet {
    name: &'static str,
    child: Child,
    commands: ChildStdin,
    /// `ready` and `counted`.
    answers: Receiver<Value>,
}

impl Fleet {
    fn start(
        mut command: Command,
        port: u16,
        [name, partner]: [&'static str; 2],
        each: usize,
        credentials: Option<Credentials>,
        troubles: &Arc<Mutex<Vec<String>>>,
    ) -> Self {
        command.args(["--port", &port.to_string(), "--fleet", &each.to_string()]);
        command.args(["--id", name, "--partner", partner]);
        if let Some(Credentials { user, password }) = credentials {
            command.args(["--user", user, "--password", password]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let commands = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        let troubles = Arc::clone(troubles);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                sort(&line, &sender, &troubles);
            }
            troubles.lock().unwrap().push(format!("the program of {name} ended"));
        });
        Self { name, child, commands, answers }
    }

    fn command(&mut self, command: &Value) {
        writeln!(self.commands, "{command}").unwrap();
    }

    fn count(&mut self) -> Counts {
        self.command(&json!({"do": "count"}));
        let counted = self.answers.recv_timeout(ANSWER_MAX).expect("an answer of the fleet");
        let of_all = |key: &str| -> Vec<u64> {
            counted[key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
        };
        let [sent, acknowledged, received] = ["sent", "acknowledged", "received"].map(of_all);
        Counts { name: self.name, sent, acknowledged, received }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Answers go to who asked; all else is trouble.
fn sort(line: &str, answers: &Sender<Value>, troubles: &Mutex<Vec<String>>) {
    let event: Value = serde_json::from_str(line).expect("a JSON object a line");
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    let trouble = match text("event") {
        "ready" | "counted" => return drop(answers.send(event)),
        "fault" => format!("{}: {}: {}", text("client"), text("kind"), text("detail")),
        other => format!("{}: {other}, reason {}", text("client"), event["reason"]),
    };
    troubles.lock().unwrap().push(trouble);
}

fn rumqttc() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rumqttc-client"))
}

fn mqttjs() -> Command {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules: PathBuf = checkout.join("../target/clients/node_modules");
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).arg(checkout.join("clients/mqttjs/fleet.cjs"));
    command
}

#[test]
fn a_message_that_does_not_come_is_named() {
    let counts = |name, sent, acknowledged, received| Counts { name, sent, acknowledged, received };
    let mut both = [
        counts("one", vec![5, 6], vec![5, 6], vec![7, 8]),
        counts("other", vec![7, 8], vec![7, 8], vec![5, 6]),
    ];
    assert_eq!([unbalanced(&both, 0), unbalanced(&both, 1)].concat(), [""; 0]);
    both[0].received[1] = 7;
    assert_eq!(unbalanced(&both, 1), ["other-1: 8 sent, 8 acknowledged, 7 received"]);
    both[0].acknowledged[0] = 4;
    assert_eq!(unbalanced(&both, 0), ["one-0: 5 sent, 4 acknowledged, 5 received"]);
}
