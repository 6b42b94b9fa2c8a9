//! The broker under test as a child process: started on a port of its own, listened to, killed by id.
//! What it says on its standard outputs is kept, and printed when the test fails.

use crate::{Folder, PATIENCE, checkout, pause, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How much of its output a failed test shows.
const LAST_LINES: usize = 40;

/// Whether this run checks the tests themselves against mosquitto.
#[must_use]
pub fn is_mosquitto() -> bool {
    std::env::var_os("THESEUS_TEST_BROKER").is_some_and(|broker| broker == "mosquitto")
}

/// Whether to leave out an expectation that mosquitto 2.0.11 is known not to meet; says so.
#[must_use]
pub fn mosquitto_lacks(what: &str) -> bool {
    if is_mosquitto() {
        println!("not checked, mosquitto 2.0.11 lacks it: {what}");
    }
    is_mosquitto()
}

/// How a broker is to be started.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// TOML tables behind the usual ones (mosquitto: ignored).
    pub tables: String,
    /// Arguments of the shell's `ulimit`, such as `-n 64`.
    pub ulimit: Option<&'static str>,
}

/// A running broker that accepts connections.
#[derive(Debug)]
pub struct Broker {
    process: Process,
    port: u16,
    folder: Folder,
}

impl Broker {
    /// One with an anonymous listener on a free port of 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&Settings::default())
    }

    /// The same with further TOML tables in its configuration.
    #[must_use]
    pub fn with_tables(tables: &str) -> Self {
        Self::with(&Settings { tables: tables.to_owned(), ulimit: None })
    }

    /// The same with all that can be set.
    #[must_use]
    pub fn with(settings: &Settings) -> Self {
        let folder = Folder::new();
        if is_mosquitto() {
            return Self::mosquitto(folder, settings);
        }
        let config = folder.write("theseus.toml", &configuration(&settings.tables));
        let mut process = Process::theseus(&config, settings.ulimit);
        let port = process.wait_for_port();
        Self { process, port, folder }
    }

    fn mosquitto(folder: Folder, settings: &Settings) -> Self {
        let port = free_port();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n\
             max_queued_messages 200000\nmax_inflight_messages 100\nmax_packet_size 2000000\n"
        );
        let config = folder.write("mosquitto.conf", &text);
        let program = Path::new("/usr/sbin/mosquitto");
        let process = Process::spawn(program, &["-c".as_ref(), &config], settings.ulimit);
        wait_until("mosquitto listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { process, port, folder }
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same as an address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its `data_dir`.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its process, for what the operating system knows of it.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Sends SIGTERM and waits for the end.
    #[must_use]
    pub fn terminate(mut self) -> Ended {
        self.process.signal(Signal::TERM);
        self.process.wait()
    }

    /// Sends SIGTERM (or another signal) and does not wait.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for an end that was asked for.
    #[must_use]
    pub fn wait(mut self) -> Ended {
        self.process.wait()
    }
}

/// The configuration every test starts from.
fn configuration(tables: &str) -> String {
    format!(
        "allow_anonymous = true\ndata_dir = \"data\"\n\n\
         [listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\n{tables}\n"
    )
}

/// A port nobody listens on right now.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

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

/// A broker process, whether or not it gets as far as listening.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Process {
    /// `theseus --config FILE`.
    #[must_use]
    pub fn theseus(config: &Path, ulimit: Option<&str>) -> Self {
        Self::spawn(&binary(), &["--config".as_ref(), config], ulimit)
    }

    fn spawn(program: &Path, arguments: &[&Path], ulimit: Option<&str>) -> Self {
        let mut command = match ulimit {
            None => Command::new(program),
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\"")).arg(program);
                shell
            }
        };
        // A setting for the tests, or of the person who runs them, is none of the broker's.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("THESEUS_")) {
            command.env_remove(name);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
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

    /// Resident memory in KiB.
    #[must_use]
    pub fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
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

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for the line that says where it listens.
    pub fn wait_for_port(&mut self) -> u16 {
        let start = Instant::now();
        loop {
            if let Some(port) = self.output().lines().find_map(port_in) {
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

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("THESEUS_BIN") {
        return path.into();
    }
    let path = checkout().join("target/release/theseus");
    assert!(path.exists(), "target/release/theseus is missing: run `cargo xtask test`");
    path
}

/// Reads a pipe to its end on a thread of its own.
fn collect(pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
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
