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
    fn subscribe(&self, filter: &str, qos: u8) -> impl Future<Output = ()>;
    fn unsubscribe(&self, filter: &str) -> impl Future<Output = ()>;
    fn publish(
        &self,
        topic: &str,
        qos: u8,
        retain: bool,
        payload: &str,
    ) -> impl Future<Output = ()>;
    fn disconnect(&self) -> impl Future<Output = ()>;
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
}

impl Message {
    fn event(&self) -> Value {
        let Self { topic, payload, qos, retain, .. } = self;
        json!({"event": "message", "topic": topic, "payload": payload, "qos": qos, "retain": retain})
    }
}

/// Runs until the connection ends or the command `disconnect` is done.
pub(crate) async fn run<C: Connection>(mut connection: C) {
    let tasks = tokio::task::LocalSet::new();
    let complete = watch::Sender::new(0);
    tasks.spawn_local(obey(connection.sender(), complete.subscribe()));
    // Never cancelled half-way: rumqttc would lose what it was writing.
    let events = async {
        let mut leaving = false;
        loop {
            match connection.next().await {
                Happening::Event(event) => emit(&event),
                Happening::Message(message) => emit(&message.event()),
                Happening::Published(_) => complete.send_modify(|count| *count += 1),
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

/// Carries out the commands; `complete` counts the PUBLISHes that are done.
async fn obey<S: Sender>(sender: S, mut complete: watch::Receiver<u64>) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut published = 0;
    while let Some(line) = lines.next_line().await.unwrap() {
        let command: Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| command[key].as_str().unwrap_or_default();
        let number = |key: &str| command[key].as_u64().unwrap_or_default();
        let qos = u8::try_from(number("qos")).unwrap();
        match text("do") {
            "subscribe" => sender.subscribe(text("filter"), qos).await,
            "unsubscribe" => sender.unsubscribe(text("filter")).await,
            "publish" => {
                let retain = command["retain"].as_bool().unwrap_or_default();
                sender.publish(text("topic"), qos, retain, text("payload")).await;
                published += 1;
                done(&mut complete, published).await;
            }
            "burst" => {
                for payload in 0..number("count") {
                    sender.publish(text("topic"), qos, false, &payload.to_string()).await;
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

async fn done(complete: &mut watch::Receiver<u64>, published: u64) {
    complete.wait_for(|count| *count == published).await.unwrap();
    emit(&json!({"event": "published"}));
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
