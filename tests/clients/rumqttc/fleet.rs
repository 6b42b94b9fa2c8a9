//! Many clients in one process under the fleet's protocol of ../README.md, the even ones MQTT 5, the
//! odd ones MQTT 3.1.1. Each counts upwards on a topic of its own and checks what another fleet counts.
//! Nothing is hidden and nothing repaired: a fault is said at once and nobody reconnects.

use crate::sequence::Sequence;
use crate::session::{Connection, Happening, Message, Publication, Sender, Subscription, emit};
use crate::{Options, v5, v311};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::{LocalSet, spawn_local};

/// So many connect at the same time.
const CONNECTING_MAX: usize = 50;

struct Fleet {
    options: Options,
    tallies: Vec<RefCell<Tally>>,
    ready: Cell<usize>,
    connecting: Semaphore,
    /// Milliseconds between two messages of a client; 0: none are sent.
    period: watch::Sender<u64>,
}

#[derive(Default)]
struct Tally {
    sent: u64,
    acknowledged: u64,
    sequence: Sequence,
}

/// Runs until standard input ends.
pub(crate) async fn run(options: &Options) {
    let fleet = Rc::new(Fleet {
        options: options.clone(),
        tallies: std::iter::repeat_with(RefCell::default).take(options.fleet).collect(),
        ready: Cell::new(0),
        connecting: Semaphore::new(CONNECTING_MAX),
        period: watch::Sender::new(0),
    });
    let all = async {
        for number in 0..options.fleet {
            let member = Member { fleet: Rc::clone(&fleet), number };
            spawn_local(member.begin());
        }
        fleet.obey().await;
    };
    LocalSet::new().run_until(all).await;
}

impl Fleet {
    async fn obey(&self) {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            let command: Value = serde_json::from_str(&line).unwrap();
            match command["do"].as_str().unwrap() {
                "start" => drop(self.period.send_replace(command["period_ms"].as_u64().unwrap())),
                "stop" => drop(self.period.send_replace(0)),
                "count" => self.count(),
                other => panic!("unknown command {other:?}"),
            }
        }
    }

    fn count(&self) {
        let of_all = |count: fn(&Tally) -> u64| -> Vec<u64> {
            self.tallies.iter().map(|tally| count(&tally.borrow())).collect()
        };
        emit(&json!({
            "event": "counted",
            "sent": of_all(|tally| tally.sent),
            "acknowledged": of_all(|tally| tally.acknowledged),
            "received": of_all(|tally| tally.sequence.received()),
        }));
    }
}

/// One client.
#[derive(Clone)]
struct Member {
    fleet: Rc<Fleet>,
    number: usize,
}

impl Member {
    async fn begin(self) {
        let fleet = Rc::clone(&self.fleet);
        let place = fleet.connecting.acquire().await.unwrap();
        let options = Options { id: self.name(), ..fleet.options.clone() };
        match self.number % 2 {
            0 => self.run(v5::connect(&options), place).await,
            _ => self.run(v311::connect(&options), place).await,
        }
    }

    fn name(&self) -> String {
        format!("{}-{}", self.fleet.options.id, self.number)
    }

    async fn run<C: Connection>(self, mut connection: C, place: SemaphorePermit<'_>) {
        let mut place = Some(place);
        let sender = connection.sender();
        loop {
            match connection.next().await {
                Happening::Event(event) if event["event"] == "connected" => {
                    let filter = format!("flow/{}/{}", self.fleet.options.partner, self.number);
                    let wanted = Subscription { filter, qos: 1, ..Subscription::default() };
                    sender.subscribe(&wanted).await;
                }
                Happening::Event(event) => {
                    drop(place.take());
                    self.subscribed(&event);
                    spawn_local(self.clone().publish(sender.clone()));
                }
                Happening::Message(message) => self.check(&message),
                Happening::Published(reason) => self.acknowledged(reason),
                Happening::Ended(reason) => return self.end("disconnected", reason),
                Happening::Refused(reason) => return self.end("refused", Some(reason)),
                Happening::Leaving | Happening::Quiet => (),
            }
        }
    }

    fn subscribed(&self, event: &Value) {
        if event["granted"] != 1 {
            self.fault("subscription", &format!("{event}"));
        }
        self.fleet.ready.set(self.fleet.ready.get() + 1);
        if self.fleet.ready.get() == self.fleet.options.fleet {
            emit(&json!({"event": "ready"}));
        }
    }

    /// Counts upwards for as long as the fleet is told to; the clients of a fleet not all at once.
    async fn publish<S: Sender>(self, sender: S) {
        let topic = format!("flow/{}/{}", self.fleet.options.id, self.number);
        let mut periods = self.fleet.period.subscribe();
        loop {
            let Ok(period) = periods.wait_for(|period| *period > 0).await.map(|period| *period)
            else {
                return;
            };
            let share = period * self.number as u64 / self.fleet.options.fleet as u64;
            tokio::time::sleep(Duration::from_millis(share)).await;
            while *periods.borrow() > 0 {
                let number = self.tally(|tally| {
                    tally.sent += 1;
                    tally.sent - 1
                });
                let message = Publication {
                    topic: topic.clone(),
                    qos: 1,
                    payload: number.to_string(),
                    ..Publication::default()
                };
                sender.publish(&message).await;
                tokio::time::sleep(Duration::from_millis(period)).await;
            }
        }
    }

    fn check(&self, message: &Message) {
        let found = message.payload.as_str();
        let Ok(number) = found.parse() else {
            return self.fault("garbled", found);
        };
        if message.dup || message.qos != 1 || message.retain {
            let Message { dup, qos, retain, .. } = message;
            self.fault("flags", &format!("{number}: dup {dup}, qos {qos}, retain {retain}"));
        }
        let expected = self.tally(|tally| tally.sequence.expected());
        if let Err(fault) = self.tally(|tally| tally.sequence.take(number)) {
            let kind = format!("{fault:?}").to_lowercase();
            self.fault(&kind, &format!("expected {expected}, found {number}"));
        }
    }

    fn acknowledged(&self, reason: u8) {
        let number = self.tally(|tally| {
            tally.acknowledged += 1;
            tally.acknowledged - 1
        });
        if reason != 0 {
            self.fault("unwelcome", &format!("{number} was answered with reason {reason:#04x}"));
        }
    }

    fn tally<T>(&self, with: impl FnOnce(&mut Tally) -> T) -> T {
        with(&mut self.fleet.tallies[self.number].borrow_mut())
    }

    fn fault(&self, kind: &str, detail: &str) {
        let client = self.name();
        emit(&json!({"event": "fault", "client": client, "kind": kind, "detail": detail}));
    }

    fn end(&self, event: &str, reason: Option<u8>) {
        emit(&json!({"event": event, "client": self.name(), "reason": reason}));
    }
}
