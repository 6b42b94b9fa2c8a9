//! A broker process: configured, started, measured and ended.
//! Not a client of it. Used by `contest` (which programs) and the cases (what they cost).

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;

use crate::arrangement;
use crate::contender::{Contender, Kind};
use crate::fault::Fault;
use crate::login::Login;
use crate::secure::Secrecy;
use crate::wire::connect;

/// How long a broker may take to accept, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// Its port there under TLS, if it has one.
    pub(crate) tls_port: u16,
    /// Where its clients go to that one.
    pub(crate) secrecy: Option<Secrecy>,
    /// How its clients log in.
    pub(crate) login: Option<Login>,
    /// From its start to the first client it let in.
    pub(crate) start_time: Duration,
}

impl Broker {
    /// Starts `contender` on a free port and waits until it lets a client in.
    pub(crate) fn start(contender: &Contender) -> Result<Self, Fault> {
        let dir = fresh_dir()?;
        let (port, tls_port) = free_ports()?;
        let spawned = write_config(contender, &dir, port, tls_port)
            .and_then(|config| Ok((Instant::now(), spawn(contender, &dir, &config)?)));
        if spawned.is_err() {
            let _ = fs::remove_dir_all(&dir);
        }
        let (begun, child) = spawned?;
        let clock = ClockId::pid_cpu_clock_id(pid(&child))?;
        let login = contender.arrangement.login();
        let speaks = contender.manner.zip(contender.identity.clone());
        let secrecy = speaks.map(|(manner, identity)| Secrecy { manner, identity });
        let start_time = Duration::ZERO;
        let mut broker = Self { child, clock, dir, port, tls_port, secrecy, login, start_time };
        broker.wait_ready()?;
        broker.start_time = begun.elapsed();
        pause(Duration::from_millis(100));
        Ok(broker)
    }

    /// The folder it runs in.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Forgets how high its resident memory was; from now on the peak is counted anew.
    pub(crate) fn reset_peak(&self) -> Result<(), Fault> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
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
            if self.lets_in(address) {
                return Ok(());
            }
            pause(Duration::from_millis(10));
        }
        Err(self.died("accepts no connection"))
    }

    /// CONNECT is answered; whether well, the case will see. A port that is open is not enough: files
    /// may have to be read before anybody is let in.
    fn lets_in(&self, address: SocketAddr) -> bool {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) else { return false };
        let name = self.login.map(|login| login.user(0));
        let user = name.as_deref().zip(self.login.map(|login| login.password));
        let mut answer = [0; 4];
        stream.set_read_timeout(Some(PATIENCE)).is_ok()
            && stream.write_all(&connect("ready", 60, user)).is_ok()
            && stream.read_exact(&mut answer).is_ok()
    }

    fn died(&self, what: &str) -> Fault {
        let log = self.log();
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

/// Everything it reads at its start; returns its configuration file.
fn write_config(
    contender: &Contender,
    dir: &Path,
    port: u16,
    tls_port: u16,
) -> Result<PathBuf, Fault> {
    let config = dir.join("broker.conf");
    match contender.kind {
        Kind::Theseus => arrangement::write(contender, dir, &config, port)?,
        Kind::Mosquitto => {
            fs::write(&config, format!("allow_anonymous true\nlistener {port} 127.0.0.1\n"))?;
        }
    }
    if let Some(identity) = &contender.identity {
        let listener = identity.listener(contender.kind, dir, tls_port)?;
        OpenOptions::new().append(true).open(&config)?.write_all(listener.as_bytes())?;
    }
    Ok(config)
}

fn spawn(contender: &Contender, dir: &Path, config: &Path) -> Result<Child, Fault> {
    let log = File::create(dir.join("log"))?;
    let flag = match contender.kind {
        Kind::Theseus => "--config",
        Kind::Mosquitto => "-c",
    };
    Command::new(&contender.path)
        .arg(flag)
        .arg(config)
        .current_dir(dir)
        // Ours, but the broker would take it for a key of its own.
        .env_remove("THESEUS_PLUGINS")
        // Another broker of this machine may have the port that operators know.
        .env("THESEUS_ADMIN__BIND", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| Fault::Broker(format!("{}: {error}", contender.path.display())))
}

fn fresh_dir() -> Result<PathBuf, Fault> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("theseus-load-{}-{count}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir(&dir)?;
    Ok(dir)
}

/// Held at the same time, so that they differ.
fn free_ports() -> Result<(u16, u16), Fault> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (plain, tls) = (free()?, free()?);
    Ok((plain.local_addr()?.port(), tls.local_addr()?.port()))
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}
