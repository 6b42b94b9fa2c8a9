//! The part of WASI 0.2 that standard libraries ask for, with nothing behind it: no environment, no
//! arguments, no files, no sockets. What a guest prints goes to the log.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime::Result;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, io, random};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{WasiCtx, WasiView, async_trait};

use crate::state::State;
use crate::voice::{LINE_MAX, Level, Voice};

/// Streams and timers that an instance may have at once.
const HANDLES_MAX: usize = 256;

/// Random bytes in one call.
const RANDOM_MAX: u64 = 64 << 10;

/// Packages of WASI that a plugin is never given, and what they are about.
pub(crate) const WITHHELD: [(&str, &str); 2] = [("sockets", "sockets"), ("http", "HTTP")];

/// Interfaces that are offered, in any version 0.2.x.
pub(crate) const OFFERED: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// Offers it to guests.
pub(crate) fn offer(linker: &mut Linker<State>) -> Result<()> {
    io::error::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    io::poll::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    io::streams::add_to_linker::<State, Io>(linker, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    random::random::add_to_linker::<State, WasiRandom>(linker, State::random)?;
    random::insecure::add_to_linker::<State, WasiRandom>(linker, State::random)?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, State::random)?;
    offer_cli(linker)
}

fn offer_cli(linker: &mut Linker<State>) -> Result<()> {
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::environment::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)
}

/// An environment that is empty but for a log.
pub(crate) fn context(voice: &Arc<Voice>) -> WasiCtx {
    WasiCtx::builder()
        .stdout(Printed::new(voice, Level::Debug))
        .stderr(Printed::new(voice, Level::Warn))
        .max_random_size(RANDOM_MAX)
        .build()
}

/// A table of handles that does not grow without end.
pub(crate) fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES_MAX);
    table
}

/// Makes lines of the log of what a guest prints. An unfinished line waits for its end.
#[derive(Clone)]
struct Printed {
    voice: Arc<Voice>,
    level: Level,
    line: Arc<Mutex<Vec<u8>>>,
}

impl Printed {
    fn new(voice: &Arc<Voice>, level: Level) -> Self {
        Self { voice: voice.clone(), level, line: Arc::default() }
    }

    fn end_line(&self, line: &mut Vec<u8>) {
        if !line.is_empty() {
            self.voice.say(self.level, &String::from_utf8_lossy(line));
            line.clear();
        }
    }
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    /// Of WASI 0.3, which is not offered.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Printed {
    async fn ready(&mut self) {}
}

impl OutputStream for Printed {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut line = self.line.lock();
        for &byte in &bytes {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() == LINE_MAX {
                self.end_line(&mut line);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_line_stays_bounded() {
        let mut printed = Printed::new(&Arc::new(Voice::new("p", "1.0.0")), Level::Warn);
        printed.write(Bytes::from(vec![b'x'; 10 * LINE_MAX + 7])).unwrap();
        assert_eq!(printed.line.lock().len(), 7);
        printed.write(Bytes::from_static(b"end\nnext")).unwrap();
        assert_eq!(&**printed.line.lock(), b"next");
    }
}
