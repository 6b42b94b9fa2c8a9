//! A broker process: configured, started, measured and ended.
//! Not a client of it. Used by `main` (which programs) and the cases (what they cost).

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;

use crate::fault::Fault;

/// How long a broker may take to accept, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which broker a program is, for its configuration and its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Theseus,
    Mosquitto,
}

impl Kind {
    /// The name in the report and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Theseus => "theseus",
            Self::Mosquitto => "mosquitto",
        }
    }
}

/// A program that can be started as a broker.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

/// Memory of a broker, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) peak_kib: u64,
    pub(crate) resident_kib: u64,
}

/// A running broker; ended and its folder removed when dropped.
pub(crate) struct Broker {
    child: Child,
    clock: ClockId,
    dir: PathBuf,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

impl Broker {
    /// Starts `program` on a free port and waits until it accepts.
    pub(crate) fn start(program: &Program) -> Result<Self, Fault> {
        let dir = fresh_dir()?;
        let port = free_port()?;
        let child = spawn(program, &dir, port)?;
        let clock = ClockId::pid_cpu_clock_id(pid(&child))?;
        let mut broker = Self { child, clock, dir, port };
        broker.wait_ready()?;
        Ok(broker)
    }

    /// CPU time used so far: user and system, all threads, ended ones too.
    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        Ok(self.clock.now()?.into())
    }

    /// Resident memory now and at its highest.
    pub(crate) fn memory(&self) -> Result<Memory, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
                .ok_or_else(|| Fault::Broker(format!("no {name} in /proc: has it ended?")))
        };
        Ok(Memory { peak_kib: field("VmHWM:")?, resident_kib: field("VmRSS:")? })
    }

    /// Ends it with SIGTERM; a broker that has to be killed is [`Fault::Broker`].
    pub(crate) fn stop(mut self) -> Result<(), Fault> {
        kill(pid(&self.child), Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                // mosquitto and others may report the signal itself.
                let clean = status.success() || status.code().is_none();
                return if clean { Ok(()) } else { Err(self.died(&format!("ended: {status}"))) };
            }
            pause(Duration::from_millis(5));
        }
        Err(self.died("did not end on SIGTERM"))
    }

    fn wait_ready(&mut self) -> Result<(), Fault> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.died(&format!("did not start: {status}")));
            }
            if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
                pause(Duration::from_millis(100));
                return Ok(());
            }
            pause(Duration::from_millis(10));
        }
        Err(self.died("accepts no connection"))
    }

    fn died(&self, what: &str) -> Fault {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join(" | ");
        Fault::Broker(format!("{what}; its log ends: {tail}"))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Either it has ended already, and both calls say so, or it must end now.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Waits without a timer of its own; this thread has nothing else to do meanwhile.
#[expect(clippy::disallowed_methods, reason = "no shard and no client runs in this process")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn spawn(program: &Program, dir: &Path, port: u16) -> Result<Child, Fault> {
    let config = dir.join("broker.conf");
    fs::write(&config, config_text(program.kind, port))?;
    let log = File::create(dir.join("log"))?;
    let flag = match program.kind {
        Kind::Theseus => "--config",
        Kind::Mosquitto => "-c",
    };
    Command::new(&program.path)
        .arg(flag)
        .arg(&config)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| Fault::Broker(format!("{}: {error}", program.path.display())))
}

fn config_text(kind: Kind, port: u16) -> String {
    match kind {
        Kind::Theseus => format!(
            "allow_anonymous = true\ndata_dir = \"data\"\n\
             [listeners.tcp.default]\nbind = \"127.0.0.1:{port}\"\n"
        ),
        Kind::Mosquitto => format!("allow_anonymous true\nlistener {port} 127.0.0.1\n"),
    }
}

fn fresh_dir() -> Result<PathBuf, Fault> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("theseus-load-{}-{count}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir(&dir)?;
    Ok(dir)
}

fn free_port() -> Result<u16, Fault> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}
