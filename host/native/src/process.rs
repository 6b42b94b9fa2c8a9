//! A child process with a library in it, as the broker has it: asked over a socket, killed at a deadline,
//! and when nobody needs it any more.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use theseus_abi::status;
use theseus_wasm::shown;

use crate::child::REFUSED;
use crate::frame::{Frame, Kind};
use crate::library::{Failed, Filled, HostSide, REPLY_MAX};
use crate::loader::Program;

/// What stays of the broker's environment: where the system's loader looks.
const KEPT_VARIABLES: &[&str] = &["LD_LIBRARY_PATH"];

/// One child.
pub(crate) struct Process {
    child: Child,
    socket: UnixStream,
    /// What the library's table says of it.
    pub(crate) filled: Filled,
}

/// Why there is no answer, and no process any more.
#[derive(Debug)]
pub(crate) enum Gone {
    /// The library was not loaded: a sentence.
    Refused(String),
    /// The process ended.
    Ended(String),
    /// It took too long, and was killed.
    TooLate,
    /// The library returned another status; its process is there, and must not be asked again.
    Failed(Failed),
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Ended(why) => f.write_str(why),
            Self::TooLate => f.write_str("it took longer than policy.login_timeout"),
            Self::Failed(failed) => failed.fmt(f),
        }
    }
}

impl Process {
    /// Starts one and has it open the library.
    pub(crate) fn start(
        program: &Program,
        path: &Path,
        memory: u64,
        deadline: Instant,
    ) -> Result<Self, Gone> {
        let (child, socket) = spawn(program, path, memory)
            .map_err(|error| Gone::Refused(format!("no process can be started for it: {error}")))?;
        let mut process = Self { child, socket, filled: Filled::default() };
        let first = process.read(deadline)?;
        match (first.number, <[u8; 8]>::try_from(&*first.bytes)) {
            (0, Ok(bytes)) => process.filled = Filled::from_bytes(bytes),
            (REFUSED, _) => {
                return Err(Gone::Refused(shown(&String::from_utf8_lossy(&first.bytes))));
            }
            _ => return Err(Gone::Ended("its process does not say what is in it".to_owned())),
        }
        Ok(process)
    }

    /// Asks one function. After an error it must not be asked again.
    pub(crate) fn call(
        &mut self,
        function: u32,
        request: &[u8],
        deadline: Instant,
        host: &HostSide,
    ) -> Result<Vec<u8>, Gone> {
        self.write(Kind::Ask, function, request, deadline)?;
        loop {
            let Frame { kind, number, bytes } = self.read(deadline)?;
            match (kind, number.cast_signed()) {
                (Kind::Answer, status::ANSWERED) => return Ok(bytes),
                (Kind::Answer, status) => {
                    return Err(Gone::Failed(Failed::said(status, &bytes)));
                }
                (Kind::AskHost, _) => {
                    let (status, bytes) = match host(number, &bytes) {
                        Ok(bytes) => (status::ANSWERED, bytes),
                        Err((status, words)) => (status, words.into_bytes()),
                    };
                    self.write(Kind::AnswerHost, status.cast_unsigned(), &bytes, deadline)?;
                }
                _ => {
                    return Err(Gone::Ended("its process says what only a broker says".to_owned()));
                }
            }
        }
    }

    fn read(&mut self, deadline: Instant) -> Result<Frame, Gone> {
        let max = u32::try_from(REPLY_MAX).unwrap_or(u32::MAX);
        let read = Frame::read(&mut Timed { socket: &self.socket, deadline }, max);
        read.map_err(|error| self.gone(&error))
    }

    fn write(
        &mut self,
        kind: Kind,
        number: u32,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), Gone> {
        let mut to = Timed { socket: &self.socket, deadline };
        Frame::write(&mut to, kind, number, bytes).map_err(|error| self.gone(&error))
    }

    fn gone(&mut self, error: &io::Error) -> Gone {
        if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
            return Gone::TooLate;
        }
        // Of a process that has ended by itself it does not change how.
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) if status.signal() == Some(9) => {
                Gone::Ended(format!("its process: {error}"))
            }
            Ok(status) => Gone::Ended(end_of(status)),
            Err(error) => Gone::Ended(format!("its process is lost: {error}")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &Program, path: &Path, memory: u64) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(&program.path);
    command.args(&program.args).arg(path).arg(memory.to_string()).env_clear();
    // Else each of its threads may reserve 64 MB of addresses, and the bound on memory is one on addresses.
    command.env("MALLOC_ARENA_MAX", "1");
    for name in KEPT_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let child = command
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((child, ours))
}

fn end_of(status: ExitStatus) -> String {
    let name = match status.signal() {
        Some(4) => " (SIGILL)",
        Some(6) => " (SIGABRT: it gave up, as out of memory)",
        Some(7) => " (SIGBUS)",
        Some(8) => " (SIGFPE)",
        Some(11) => " (SIGSEGV)",
        _ => "",
    };
    match status.signal() {
        Some(signal) => format!("its process was ended by signal {signal}{name}"),
        None => format!("its process ended by itself, with {}", status.code().unwrap_or(-1)),
    }
}

/// A socket that has time until then, for all reads and writes together.
struct Timed<'a> {
    socket: &'a UnixStream,
    deadline: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
