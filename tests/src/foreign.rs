//! A foreign client library as a child process, driven over the line protocol of `clients/README.md`.

use crate::{Broker, Message, PATIENCE, Version, checkout};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

/// A client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// paho-mqtt from PyPI.
    Paho,
    /// MQTT.js from npm.
    MqttJs,
    /// The rumqttc crate.
    Rumqttc,
    /// libmosquitto, the library under `mosquitto_pub` and `mosquitto_sub`.
    Mosquitto,
}

impl Library {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Paho => "paho-mqtt",
            Self::MqttJs => "MQTT.js",
            Self::Rumqttc => "rumqttc",
            Self::Mosquitto => "libmosquitto",
        }
    }

    /// Whether it can be used here.
    #[must_use]
    pub fn is_installed(self) -> bool {
        static PAHO: OnceLock<bool> = OnceLock::new();
        static MQTTJS: OnceLock<bool> = OnceLock::new();
        static MOSQUITTO: OnceLock<bool> = OnceLock::new();
        match self {
            Self::Paho => {
                *PAHO.get_or_init(|| runs(python().args(["-c", "import paho.mqtt.enums"])))
            }
            Self::MqttJs => *MQTTJS.get_or_init(|| runs(node().args(["-e", "require('mqtt')"]))),
            Self::Rumqttc => true,
            Self::Mosquitto => {
                let load = "import ctypes; ctypes.CDLL('libmosquitto.so.1')";
                *MOSQUITTO.get_or_init(|| runs(python().args(["-c", load])))
            }
        }
    }

    fn command(self) -> Command {
        let clients = checkout().join("tests/clients");
        match self {
            Self::Paho => {
                let mut command = python();
                command.arg(clients.join("paho/client.py"));
                command
            }
            Self::MqttJs => {
                let mut command = node();
                command.arg(clients.join("mqttjs/client.cjs"));
                command
            }
            Self::Rumqttc => Command::new(beside_tests("rumqttc-client")),
            Self::Mosquitto => {
                let mut command = python();
                command.arg(clients.join("mosquitto/client.py"));
                command
            }
        }
    }
}

/// `cargo xtask clients` installs here.
pub(crate) fn installed() -> PathBuf {
    checkout().join("target/clients")
}

pub(crate) fn python() -> Command {
    let own = installed().join("venv/bin/python3");
    Command::new(if own.exists() { own } else { "python3".into() })
}

fn node() -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed().join("node_modules"));
    command
}

fn runs(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A binary of this package: cargo puts it one folder above the test's own.
fn beside_tests(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join(name)
}

/// How a foreign client connects; `new` gives a clean session.
#[derive(Clone, Debug)]
pub struct Options(Vec<String>);

impl Options {
    /// A clean session.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(vec!["--id".into(), id.into()])
    }

    /// A session that outlives the connection.
    #[must_use]
    pub fn persistent(mut self) -> Self {
        self.0.push("--persistent".into());
        self
    }

    /// Over WebSocket, at this port; paho-mqtt and MQTT.js only.
    #[must_use]
    pub fn websocket(mut self, port: u16) -> Self {
        // Behind the port of the broker, so it counts instead.
        self.0.push("--websocket".into());
        self.pair("--port", &port.to_string())
    }

    /// Under TLS, at this port, of a server that somebody in this file has vouched for; paho-mqtt and
    /// MQTT.js only.
    #[must_use]
    pub fn tls(self, port: u16, ca: &Path) -> Self {
        self.pair("--port", &port.to_string()).pair("--ca", &ca.to_string_lossy())
    }

    /// With a keep-alive in seconds.
    #[must_use]
    pub fn keep_alive(self, seconds: u16) -> Self {
        self.pair("--keep-alive", &seconds.to_string())
    }

    /// With a QoS 1 will.
    #[must_use]
    pub fn will(self, topic: &str, payload: &str) -> Self {
        self.pair("--will", topic).pair("--will-payload", payload).pair("--will-qos", "1")
    }

    /// With a will that has all there is.
    #[must_use]
    pub fn will_with(self, topic: &str, payload: &str, qos: u8, retain: bool) -> Self {
        let mut with = self.pair("--will", topic).pair("--will-payload", payload);
        with = with.pair("--will-qos", &qos.to_string());
        with.0.extend(retain.then(|| "--will-retain".to_owned()));
        with
    }

    /// With properties of the will (MQTT 5).
    #[must_use]
    pub fn will_properties(self, properties: &Value) -> Self {
        self.pair("--will-properties", &properties.to_string())
    }

    /// With properties of the CONNECT (MQTT 5).
    #[must_use]
    pub fn properties(self, properties: &Value) -> Self {
        self.pair("--properties", &properties.to_string())
    }

    /// With a user name and a password.
    #[must_use]
    pub fn login(self, user_name: &str, password: &str) -> Self {
        self.pair("--user", user_name).pair("--password", password)
    }

    /// Proves a secret in an exchange by AUTH, as the plugin of `tests/plugins/exchange` wants it.
    #[must_use]
    pub fn secret(self, user_name: &str, secret: &str) -> Self {
        self.pair("--user", user_name).pair("--secret", secret)
    }

    fn pair(mut self, name: &str, value: &str) -> Self {
        self.0.extend([name.to_owned(), value.to_owned()]);
        self
    }
}

/// A connected foreign client.
#[derive(Debug)]
pub struct Foreign {
    child: Child,
    commands: ChildStdin,
    events: Receiver<Value>,
    messages: VecDeque<(Message, Value)>,
    /// Bursts that ended while messages were awaited.
    bursts_done: u32,
    /// Whether the broker had a session for it.
    pub session_present: bool,
    /// The client id that the broker assigned.
    pub assigned: Option<String>,
    /// The properties of the CONNACK.
    pub connack: Value,
}

impl Foreign {
    /// Starts it and waits until it is connected.
    #[must_use]
    pub fn connect(library: Library, version: Version, broker: &Broker, options: Options) -> Self {
        let mut client = Self::start(library, version, broker, options);
        let connected = client.wait_for("connected");
        client.session_present = connected["session_present"].as_bool().unwrap();
        client.assigned = connected["assigned"].as_str().map(str::to_owned);
        client.connack = connected["properties"].clone();
        client
    }

    /// Starts it and waits until it is refused; the code as this library tells it: paho-mqtt
    /// translates those of MQTT 3.x.
    #[must_use]
    pub fn refused(library: Library, version: Version, broker: &Broker, options: Options) -> u64 {
        let mut client = Self::start(library, version, broker, options);
        client.wait_for("refused")["reason"].as_u64().unwrap()
    }

    fn start(library: Library, version: Version, broker: &Broker, options: Options) -> Self {
        let mut child = library
            .command()
            .args(["--port", &broker.port().to_string(), "--version", name(version)])
            .args(options.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let events = events(&mut child);
        let messages = VecDeque::new();
        Self {
            child,
            commands,
            events,
            messages,
            bursts_done: 0,
            session_present: false,
            assigned: None,
            connack: Value::Null,
        }
    }

    /// Subscribes and returns the granted QoS.
    pub fn subscribe(&mut self, filter: &str, qos: u8) -> u64 {
        self.subscribe_with(filter, qos, &json!({}))
    }

    /// The same with the keys `options` and `properties` of the command (MQTT 5).
    pub fn subscribe_with(&mut self, filter: &str, qos: u8, more: &Value) -> u64 {
        self.command(&with(json!({"do": "subscribe", "filter": filter, "qos": qos}), more));
        self.wait_for("subscribed")["granted"].as_u64().unwrap()
    }

    /// Unsubscribes and waits for the UNSUBACK.
    pub fn unsubscribe(&mut self, filter: &str) {
        self.command(&json!({"do": "unsubscribe", "filter": filter}));
        self.wait_for("unsubscribed");
    }

    /// Publishes and waits until the library calls it done.
    pub fn publish(&mut self, topic: &str, payload: &str, qos: u8) {
        self.publish_retained(topic, payload, qos, false);
    }

    /// The same with the retain flag.
    pub fn publish_retained(&mut self, topic: &str, payload: &str, qos: u8, retain: bool) {
        self.publish_with(topic, payload, qos, &json!({"retain": retain}));
    }

    /// The same with the keys `retain` and `properties` of the command (MQTT 5); the reason of the
    /// acknowledgement.
    pub fn publish_with(&mut self, topic: &str, payload: &str, qos: u8, more: &Value) -> u64 {
        let message = json!({"do": "publish", "topic": topic, "payload": payload, "qos": qos, "retain": false});
        self.command(&with(message, more));
        self.wait_for("published")["reason"].as_u64().unwrap()
    }

    /// Authenticates again by AUTH and waits for the broker's last word, which is returned.
    pub fn authenticate_again(&mut self) -> String {
        self.begin_to_authenticate();
        self.wait_for("authenticated")["data"].as_str().unwrap().to_owned()
    }

    /// Begins to, whatever becomes of it.
    pub fn begin_to_authenticate(&mut self) {
        self.command(&json!({"do": "authenticate"}));
    }

    /// Starts publishing the payloads `0`, `1`, … with a pause between; [`Self::published`] waits.
    pub fn burst(&mut self, topic: &str, qos: u8, count: u32, pause_ms: u32) {
        self.command(&json!(
            {"do": "burst", "topic": topic, "qos": qos, "count": count, "pause_ms": pause_ms}
        ));
    }

    /// Waits for the end of a burst.
    pub fn published(&mut self) {
        if self.bursts_done == 0 {
            self.wait_for("published");
        } else {
            self.bursts_done -= 1;
        }
    }

    /// The next message.
    pub fn message(&mut self) -> Message {
        self.message_and_properties().0
    }

    /// The next message and its properties (MQTT 5).
    pub fn message_and_properties(&mut self) -> (Message, Value) {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return message;
            }
            let event = self.event();
            if event["event"] == "published" {
                self.bursts_done += 1;
                continue;
            }
            assert_eq!(event["event"], "message", "expected a message, found {event}");
            self.keep(&event);
        }
    }

    /// The payload of the next message, which must be of this topic and QoS and not retained.
    pub fn payload(&mut self, topic: &str, qos: u8) -> String {
        let message = self.message();
        let found = (message.topic.as_str(), message.qos, message.retain);
        assert_eq!(found, (topic, qos, false), "payload {:?}", message.payload);
        message.payload
    }

    /// Waits until the broker ends the connection; the reason of its DISCONNECT, if it sent one.
    pub fn disconnected(&mut self) -> Option<u64> {
        self.wait_for("disconnected")["reason"].as_u64()
    }

    /// Waits until the broker ends the connection, in MQTT 5 with this reason.
    pub fn disconnected_because(&mut self, reason: u64, library: Library, version: Version) {
        let found = self.disconnected();
        let expected = match (version, library) {
            // paho-mqtt reports 0 for a DISCONNECT too short to hold a property.
            (Version::V5, Library::Paho) if found == Some(0) => Some(0),
            (Version::V5, _) => Some(reason),
            _ => None,
        };
        assert_eq!(found, expected);
    }

    /// A clean DISCONNECT; returns when the program has ended.
    pub fn disconnect(mut self) {
        self.command(&json!({"do": "disconnect"}));
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Stops it, connected: from now on it reads and answers nothing.
    pub fn freeze(&self) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::STOP).unwrap();
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn command(&mut self, command: &Value) {
        writeln!(self.commands, "{command}").unwrap();
    }

    /// The next event of this name; messages that come before it are kept.
    fn wait_for(&mut self, name: &str) -> Value {
        loop {
            let event = self.event();
            if event["event"] == name {
                return event;
            }
            assert_eq!(event["event"], "message", "expected {name}, found {event}");
            self.keep(&event);
        }
    }

    fn event(&mut self) -> Value {
        self.events.recv_timeout(PATIENCE).expect("an event of the client")
    }

    fn keep(&mut self, event: &Value) {
        let text = |key: &str| event[key].as_str().unwrap().to_owned();
        let message = Message {
            topic: text("topic"),
            payload: text("payload"),
            qos: u8::try_from(event["qos"].as_u64().unwrap()).unwrap(),
            retain: event["retain"].as_bool().unwrap(),
            dup: false,
            id: 0,
        };
        self.messages.push_back((message, event["properties"].clone()));
    }
}

/// A command with these keys too.
fn with(mut command: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        command[key] = value.clone();
    }
    command
}

impl Drop for Foreign {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn name(version: Version) -> &'static str {
    match version {
        Version::V31 => "3.1",
        Version::V311 => "3.1.1",
        Version::V5 => "5",
    }
}

fn events(child: &mut Child) -> Receiver<Value> {
    let (sender, receiver) = channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).expect("a JSON object a line");
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    receiver
}
