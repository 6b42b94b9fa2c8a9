//! A process of the broker's program, whether or not it gets as far as listening: started, listened
//! to, killed by id. What it says is kept, and printed when the test fails.

use crate::{PATIENCE, checkout, pause, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How much of its output a failed test shows.
const LAST_LINES: usize = 40;

/// How a process ended, and all it said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// All that a program of others said: standard output, and standard error behind it.
#[must_use]
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A broker process, whether or not it gets as far as listening.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    /// Both, line by line as they came.
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// `theseus --config FILE`.
    #[must_use]
    pub fn theseus(config: &Path, ulimit: Option<&str>) -> Self {
        Self::spawn(&binary(), &["--config".as_ref(), config], ulimit)
    }

    pub(crate) fn spawn(program: &Path, arguments: &[&Path], ulimit: Option<&str>) -> Self {
        let mut command = match ulimit {
            None => clean(program),
            Some(limit) => {
                let mut shell = clean(Path::new("sh"));
                shell.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\"")).arg(program);
                shell
            }
        };
        command.args(arguments).stdin(Stdio::null());
        Self::of(command)
    }

    /// A command that is set up but for its outputs.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::default();
        let stdout = collect(child.stdout.take().unwrap(), &lines);
        let stderr = collect(child.stderr.take().unwrap(), &lines);
        Self { child, stdout, stderr, lines }
    }

    /// The lines it has said on both outputs, from number `after` on.
    #[must_use]
    pub fn lines(&self, after: usize) -> Vec<String> {
        self.lines.lock().unwrap().iter().skip(after).cloned().collect()
    }

    pub(crate) fn write_to_stdin(&mut self, text: &str) {
        // Who reads nothing may have ended already.
        drop(self.child.stdin.take().unwrap().write_all(text.as_bytes()));
    }

    /// All it has said so far, standard output first.
    #[must_use]
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout.lock().unwrap(), self.stderr.lock().unwrap())
    }

    /// Waits for the exit, at most [`PATIENCE`].
    #[must_use]
    pub fn wait(&mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "the broker does not end\n{}", self.output());
            pause(Duration::from_millis(10));
        };
        // The reading threads hold a second reference until they have seen the end of the pipe.
        wait_until("the broker's output ends", || {
            Arc::strong_count(&self.stdout) == 1 && Arc::strong_count(&self.stderr) == 1
        });
        let text = |part: &Mutex<String>| part.lock().unwrap().clone();
        Ended { status, stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processes it has started and that have not ended, by id.
    #[must_use]
    pub fn children(&self) -> Vec<u32> {
        let folders = std::fs::read_dir("/proc").unwrap().map_while(Result::ok);
        let ids = folders.filter_map(|folder| folder.file_name().to_str()?.parse::<u32>().ok());
        let is_child = |id: &u32| {
            // Who has ended meanwhile has no such file.
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let mut fields = stat.rsplit_once(") ").map_or("", |it| it.1).split(' ');
            // Fields 3 and 4 of proc(5): its state and its parent. One in state Z has ended.
            fields.next().is_some_and(|state| state != "Z")
                && fields.next() == Some(&*self.id().to_string())
        };
        ids.filter(is_child).collect()
    }

    /// Resident memory in KiB.
    #[must_use]
    pub fn rss_kib(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident memory it ever had, in KiB.
    #[must_use]
    pub fn peak_rss_kib(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How many files and sockets it has open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// CPU time used so far, user and system, all threads.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit_once(") ").unwrap().1;
        let ticks = |n: usize| fields.split(' ').nth(n).unwrap().parse::<u64>().unwrap();
        // Fields 14 and 15 of proc(5), in hundredths of a second on every Linux.
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for the line that says where it listens.
    pub fn wait_for_port(&mut self) -> u16 {
        self.wait_for_port_of("")
    }

    /// The same for a listener as the line names it: `tcp:default`.
    pub fn wait_for_port_of(&mut self, listener: &str) -> u16 {
        let start = Instant::now();
        loop {
            let lines = self.lines(0);
            let mut lines = lines.iter().filter(|line| line.contains(listener));
            if let Some(port) = lines.find_map(|line| port_in(line)) {
                return port;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the broker ended before it listened ({status})\n{}", self.output());
            }
            assert!(start.elapsed() < PATIENCE, "the broker does not listen\n{}", self.output());
            pause(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<&str> = output.lines().collect();
            let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
            eprintln!("--- the last {LAST_LINES} lines of the broker:\n{last}\n---");
        }
    }
}

/// A setting for the tests, or of the person who runs them, is none of the broker's.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("THESEUS_")) {
        command.env_remove(name);
    }
    // Many brokers at once cannot all have the port that operators know.
    command.env("THESEUS_ADMIN__BIND", "127.0.0.1:0");
    command
}

/// The program `theseus` as a command without arguments.
pub(crate) fn theseus() -> Command {
    clean(&binary())
}

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("THESEUS_BIN") {
        return path.into();
    }
    let path = checkout().join("target/release/theseus");
    assert!(path.exists(), "target/release/theseus is missing: run `cargo xtask test`");
    path
}

/// Reads a pipe to its end on a thread of its own.
fn collect(
    pipe: impl Read + Send + 'static,
    lines: &Arc<Mutex<Vec<String>>>,
) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let (sink, lines) = (Arc::clone(&text), Arc::clone(lines));
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line.clone());
            let mut sink = sink.lock().unwrap();
            sink.push_str(&line);
            sink.push('\n');
        }
    });
    text
}

/// The port of "... listening on ... 127.0.0.1:PORT ...".
fn port_in(line: &str) -> Option<u16> {
    let rest = line.split_once("listening")?.1.split_once("127.0.0.1:")?.1;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}
