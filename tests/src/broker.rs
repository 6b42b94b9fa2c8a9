//! The broker under test: a process that listens on a port of its own, with its folder and its log.
//! What it is to do is in `Settings`, or in the files of a `Site`.

use crate::{Ended, Folder, PATIENCE, Process, pause, theseus_says, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
    /// A configuration for `theseus ctl`.
    asking: PathBuf,
    data_dir: PathBuf,
    /// Its own, to be removed with it; a site's folder is the site's.
    _folder: Option<Folder>,
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
        let process = Process::theseus(&config, settings.ulimit);
        let data_dir = folder.path().join("data");
        Self { _folder: Some(folder), ..Self::of(process, data_dir) }
    }

    /// A process that was started with this configuration.
    pub(crate) fn of(mut process: Process, data_dir: PathBuf) -> Self {
        let port = process.wait_for_port();
        // Its own configuration may be broken by a test.
        let asking = data_dir.with_file_name("ctl.toml");
        let text = format!("data_dir = {data_dir:?}\n{}", configuration(""));
        std::fs::write(&asking, text.replacen("data_dir = \"data\"\n", "", 1)).unwrap();
        Self { process, port, asking, data_dir, _folder: None }
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
        let data_dir = folder.path().to_owned();
        Self { process, port, asking: config, data_dir, _folder: Some(folder) }
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

    /// The address of another listener, by its name.
    #[must_use]
    pub fn address_of(&mut self, listener: &str) -> SocketAddr {
        self.address_of_title(&format!("tcp:{listener}"))
    }

    /// The same by its title, such as `ws:default`.
    #[must_use]
    pub fn address_of_title(&mut self, title: &str) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.process.wait_for_port_of(title)))
    }

    /// Where it answers operators over HTTP.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        let mut found = None;
        wait_until("the broker says where it answers operators", || {
            let lines = self.process.lines(0);
            let mut rests = lines.iter().filter_map(|line| line.split_once("admin on http://"));
            found = rests.find_map(|(_, rest)| rest.split(' ').next()?.parse().ok());
            found.is_some()
        });
        found.unwrap()
    }

    /// Its `data_dir`.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone()
    }

    /// Its process, for what the operating system knows of it.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// How many lines it has logged: where to look for later ones.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.process.lines(0).len()
    }

    /// The lines it has logged since the mark.
    #[must_use]
    pub fn lines(&self, mark: usize) -> Vec<String> {
        self.process.lines(mark)
    }

    /// Waits for a line after the mark, and returns it.
    #[must_use]
    pub fn line(&self, mark: usize, met: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let lines = self.lines(mark);
            if let Some(line) = lines.iter().find(|line| met(line)) {
                return line.clone();
            }
            let all = lines.join("\n");
            assert!(start.elapsed() < PATIENCE, "no such line among those since:\n{all}");
            pause(Duration::from_millis(10));
        }
    }

    /// Waits for a line after the mark that has all these parts, and returns it.
    pub fn wait_for_line(&self, mark: usize, parts: &[&str]) -> String {
        println!("waiting for a line with {parts:?}");
        self.line(mark, |line| parts.iter().all(|part| line.contains(part)))
    }

    /// What `theseus ctl --json VERB` answers.
    #[must_use]
    pub fn ctl(&self, verb: &str) -> Value {
        let config = self.asking.to_str().unwrap();
        let ended = theseus_says(&["ctl", "--config", config, "--json", verb], "");
        assert!(ended.status.success(), "ctl {verb}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// The generation in force, by `theseus ctl`.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.ctl("status")["live"]["generation"].as_u64().unwrap()
    }

    /// What `theseus ctl plugins` says of a file in the plugins' folder; null if it knows none.
    #[must_use]
    pub fn plugin_file(&self, name: &str) -> Value {
        let plugins = self.ctl("plugins");
        let mut files = plugins["plugins"].as_array().unwrap().iter();
        let path = format!("plugins/{name}");
        files.find(|file| file["path"] == path.as_str()).cloned().unwrap_or(Value::Null)
    }

    /// Its state there: `live`, `rejected`, …; empty if it is not known.
    #[must_use]
    pub fn plugin_state(&self, name: &str) -> String {
        self.plugin_file(name)["state"].as_str().unwrap_or_default().to_owned()
    }

    /// Sends SIGTERM and waits for the end.
    #[must_use]
    pub fn terminate(mut self) -> Ended {
        self.process.signal(Signal::TERM);
        self.process.wait()
    }

    /// Ends it, and returns what it has counted under these names; it logs them at `debug`.
    #[must_use]
    pub fn counted(self, names: &[&str]) -> Vec<u64> {
        let ended = self.terminate();
        let said = |name: &str| {
            let counted = format!("counted {name}: ");
            let mut lines = ended.stdout.lines().filter_map(|line| line.split_once(&counted));
            lines.next().map_or(0, |(_, value)| value.trim().parse().unwrap())
        };
        names.iter().map(|name| said(name)).collect()
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
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
