//! `mosquitto_pub` and `mosquitto_sub`, the programs people try a broker with.

use crate::{Broker, PATIENCE, Version};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// One of the two programs, running; what it prints comes line by line.
#[derive(Debug)]
pub struct Tool {
    child: Child,
    lines: Receiver<String>,
    connects: u32,
}

impl Tool {
    /// Whether the programs are there.
    #[must_use]
    pub fn is_installed() -> bool {
        let mut command = Command::new("mosquitto_sub");
        command.arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    }

    /// Starts `mosquitto_pub` with these arguments.
    #[must_use]
    pub fn publish(broker: &Broker, version: Version, arguments: &[&str]) -> Self {
        Self::spawn(publisher(broker, version).args(arguments))
    }

    /// Starts `mosquitto_sub` with these arguments and waits until it has subscribed.
    #[must_use]
    pub fn subscribe(broker: &Broker, version: Version, arguments: &[&str]) -> Self {
        let mut tool = Self::spawn(subscriber(broker, version).arg("-d").args(arguments));
        tool.subscribed();
        tool
    }

    /// Waits until `mosquitto_sub -d` has subscribed.
    pub fn subscribed(&mut self) {
        while !self.any_line().starts_with("Subscribed (mid: ") {}
    }

    /// Starts any command with its output piped.
    #[must_use]
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, connects: 0 }
    }

    /// The next line that is not one of `-d`'s own.
    pub fn line(&mut self) -> String {
        loop {
            let line = self.any_line();
            if !is_debug(&line) {
                return line;
            }
        }
    }

    /// The next line that is not one of `-d`'s own, if it comes within this time.
    pub fn line_within(&mut self, time: Duration) -> Option<String> {
        let mut lines = std::iter::from_fn(|| self.lines.recv_timeout(time).ok());
        lines.find(|line| !is_debug(line))
    }

    /// All lines up to the end of the output, without those of `-d`.
    #[must_use]
    pub fn lines(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(line) = self.next_line() {
            if !is_debug(&line) {
                all.push(line);
            }
        }
        all
    }

    /// How often it has connected, as far as its lines were read; known only under `-d`.
    #[must_use]
    pub fn connects(&self) -> u32 {
        self.connects
    }

    /// Waits for the exit status 0.
    pub fn finish(mut self) {
        drop(self.lines());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn any_line(&mut self) -> String {
        self.next_line().expect("a line of the program")
    }

    fn next_line(&mut self) -> Option<String> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("the program neither prints nor ends"),
        };
        self.connects += u32::from(line.contains("sending CONNECT"));
        Some(line)
    }

    /// Its standard input, once, if it was piped.
    pub fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a piped standard input")
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `mosquitto_pub` for this broker and version.
#[must_use]
pub fn publisher(broker: &Broker, version: Version) -> Command {
    program("mosquitto_pub", broker, version)
}

/// `mosquitto_sub` for this broker and version.
#[must_use]
pub fn subscriber(broker: &Broker, version: Version) -> Command {
    program("mosquitto_sub", broker, version)
}

fn program(name: &str, broker: &Broker, version: Version) -> Command {
    let version = match version {
        Version::V31 => "mqttv31",
        Version::V311 => "mqttv311",
        Version::V5 => "mqttv5",
    };
    // Line by line although it is a pipe: both programs use C's buffered output.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", name, "-h", "127.0.0.1", "-V", version]);
    command.args(["-p", &broker.port().to_string()]);
    command
}

/// A line that `-d` printed: "Client ... sending/received ..." and "Subscribed ...".
fn is_debug(line: &str) -> bool {
    line.starts_with("Client ") || line.starts_with("Subscribed (mid: ")
}
