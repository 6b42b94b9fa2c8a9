//! The protocol's loop, the same for both versions: commands in, events out.
//! The versions differ only in `Connection`: how to send, and what a polled packet means.

use serde_json::{Value, json};
use std::future::Future;
use std::io::Write as _;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::watch;

/// One client of either protocol version.
pub(crate) trait Connection {
    /// The sending half, cheap to clone.
    type Sender: Sender;
    /// The sending half.
    fn sender(&self) -> Self::Sender;
    /// Waits for the next thing that happens; `Happening::Quiet` is anything of no interest.
    fn next(&mut self) -> impl Future<Output = Happening>;
}

/// What a command needs.
pub(crate) trait Sender: Clone + 'static {
    fn subscribe(&self, wanted: &Subscription) -> impl Future<Output = ()>;
    fn unsubscribe(&self, filter: &str) -> impl Future<Output = ()>;
    fn publish(&self, message: &Publication) -> impl Future<Output = ()>;
    fn disconnect(&self) -> impl Future<Output = ()>;
}

/// What is to be subscribed to; options and properties are of MQTT 5.
#[derive(Default)]
pub(crate) struct Subscription {
    pub(crate) filter: String,
    pub(crate) qos: u8,
    pub(crate) options: Value,
    pub(crate) properties: Value,
}

/// What is to be published; properties are of MQTT 5.
#[derive(Default)]
pub(crate) struct Publication {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) payload: String,
    pub(crate) properties: Value,
}

/// Something the client library reported.
pub(crate) enum Happening {
    Event(Value),
    Message(Message),
    /// One PUBLISH is complete: written (QoS 0), or acknowledged with this reason; 0 is success.
    Published(u8),
    /// The clean DISCONNECT is on its way; what follows is the end.
    Leaving,
    /// The connection ended; the reason of the server's DISCONNECT, if one came.
    Ended(Option<u8>),
    Refused(u8),
    Quiet,
}

/// A message that came in.
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) properties: Value,
}

impl Message {
    fn event(&self) -> Value {
        let Self { topic, payload, qos, retain, properties, .. } = self;
        json!({"event": "message", "topic": topic, "payload": payload, "qos": qos, "retain": retain,
            "properties": properties})
    }
}

/// Runs until the connection ends or the command `disconnect` is done.
pub(crate) async fn run<C: Connection>(mut connection: C) {
    let tasks = tokio::task::LocalSet::new();
    let complete = watch::Sender::new((0, 0));
    tasks.spawn_local(obey(connection.sender(), complete.subscribe()));
    // Never cancelled half-way: rumqttc would lose what it was writing.
    let events = async {
        let mut leaving = false;
        loop {
            match connection.next().await {
                Happening::Event(event) => emit(&event),
                Happening::Message(message) => emit(&message.event()),
                Happening::Published(reason) => {
                    complete.send_modify(|(count, last)| (*count, *last) = (*count + 1, reason));
                }
                Happening::Leaving => leaving = true,
                Happening::Ended(_) if leaving => std::process::exit(0),
                Happening::Ended(reason) => {
                    end(&json!({"event": "disconnected", "reason": reason}), 3)
                }
                Happening::Refused(reason) => {
                    end(&json!({"event": "refused", "reason": reason}), 2)
                }
                Happening::Quiet => (),
            }
        }
    };
    tasks.run_until(events).await;
}

/// Carries out the commands; `complete` counts the PUBLISHes that are done, and has the last reason.
async fn obey<S: Sender>(sender: S, mut complete: watch::Receiver<(u64, u8)>) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut published = 0;
    while let Some(line) = lines.next_line().await.unwrap() {
        let command: Value = serde_json::from_str(&line).unwrap();
        let number = |key: &str| command[key].as_u64().unwrap_or_default();
        match text(&command, "do").as_str() {
            "subscribe" => sender.subscribe(&subscription(&command)).await,
            "unsubscribe" => sender.unsubscribe(&text(&command, "filter")).await,
            "publish" => {
                sender.publish(&publication(&command)).await;
                published += 1;
                done(&mut complete, published).await;
            }
            "burst" => {
                for payload in 0..number("count") {
                    let payload = payload.to_string();
                    sender.publish(&Publication { payload, ..publication(&command) }).await;
                    tokio::time::sleep(Duration::from_millis(number("pause_ms"))).await;
                }
                published += number("count");
                done(&mut complete, published).await;
            }
            "disconnect" => sender.disconnect().await,
            other => panic!("unknown command {other:?}"),
        }
    }
}

fn subscription(command: &Value) -> Subscription {
    Subscription {
        filter: text(command, "filter"),
        qos: qos(command),
        options: command["options"].clone(),
        properties: command["properties"].clone(),
    }
}

fn publication(command: &Value) -> Publication {
    Publication {
        topic: text(command, "topic"),
        qos: qos(command),
        retain: command["retain"].as_bool().unwrap_or_default(),
        payload: text(command, "payload"),
        properties: command["properties"].clone(),
    }
}

fn text(command: &Value, key: &str) -> String {
    command[key].as_str().unwrap_or_default().to_owned()
}

fn qos(command: &Value) -> u8 {
    u8::try_from(command["qos"].as_u64().unwrap_or_default()).unwrap()
}

async fn done(complete: &mut watch::Receiver<(u64, u8)>, published: u64) {
    let (_, reason) = *complete.wait_for(|(count, _)| *count == published).await.unwrap();
    emit(&json!({"event": "published", "reason": reason}));
}

pub(crate) fn emit(event: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{event}").unwrap();
    out.flush().unwrap();
}

fn end(event: &Value, status: i32) -> ! {
    emit(event);
    std::process::exit(status)
}
