//! HAProxy before a broker, on a port of its own.

use crate::broker::free_port;
use crate::{Folder, Process, skip, wait_until};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

/// The program; Debian's package has the same name.
const PROGRAM: &str = "haproxy";

/// A running balancer.
#[derive(Debug)]
pub struct Haproxy {
    port: u16,
    _process: Process,
    _folder: Folder,
}

impl Haproxy {
    /// Whether it is there; says so if not.
    #[must_use]
    pub fn is_installed() -> bool {
        let mut command = Command::new(PROGRAM);
        let is_there = command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let is_there = is_there.is_ok_and(|status| status.success());
        if !is_there {
            skip(PROGRAM);
        }
        is_there
    }

    /// In TCP mode before the listener at this address; `bind` and `server` are further words of those lines.
    #[must_use]
    pub fn before(listener: SocketAddr, bind: &str, server: &str) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let config = folder.write(
            "haproxy.cfg",
            &format!(
                "defaults\n    mode tcp\n    timeout connect 30s\n    timeout client 60s\n    \
                 timeout server 60s\nlisten mqtt\n    bind 127.0.0.1:{port} {bind}\n    \
                 server broker {listener} {server}\n"
            ),
        );
        let mut command = Command::new(PROGRAM);
        // In the foreground, as one process.
        command.arg("-db").arg("-f").arg(config).stdin(Stdio::null());
        let process = Process::of(command);
        wait_until("HAProxy listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, _process: process, _folder: folder }
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}
