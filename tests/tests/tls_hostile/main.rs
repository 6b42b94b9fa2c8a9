//! Clients who break the rules of TLS, or keep to them and mean ill: each is bounded in time and memory, is
//! counted, and costs nobody else anything but time.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod before;
mod certificates;
mod floods;
mod handshakes;
mod records;

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use theseus_tests::{
    Broker, Connect, Figures, Hello, PATIENCE, Raw, Site, Version, Witness, wait_until,
};

/// How long a handshake may take, and what a slow machine is given for it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
pub(crate) const CLOSED_WITHIN: Duration = Duration::from_secs(6);

pub(crate) const ASK: &str = "verify = \"verify_peer\"\ncacertfile = \"certs/ca.pem\"\n";

/// A broker that listens under TLS and nowhere else.
pub(crate) struct Secure {
    pub(crate) site: Site,
    pub(crate) broker: Broker,
}

/// `options` are further keys of `ssl_options`, `of_listener` those of the listener.
pub(crate) fn start(of_listener: &str, options: &str) -> Secure {
    start_with(of_listener, &format!("handshake_timeout = \"2s\"\n{options}"))
}

/// The same with all keys that are to differ from what they are by themselves.
pub(crate) fn start_with(of_listener: &str, options: &str) -> Secure {
    let site = Site::new();
    site.certificates("certs");
    site.config(&format!(
        "allow_anonymous = true\n[listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n{of_listener}\n\
         [listeners.ssl.default.ssl_options]\ncertfile = \"certs/server.pem\"\n\
         keyfile = \"certs/server.key\"\n{options}\n\
         [mqtt]\nidle_timeout = \"2s\"\n"
    ));
    let broker = site.start();
    Secure { site, broker }
}

impl Secure {
    pub(crate) fn address(&self) -> SocketAddr {
        self.broker.address()
    }

    /// A socket on which nothing has been said.
    pub(crate) fn open(&self) -> TcpStream {
        let socket = TcpStream::connect_timeout(&self.address(), PATIENCE).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// A client that is let in, and told so.
    pub(crate) fn client(&self, id: &str, hello: &Hello) -> Raw {
        let connect = Connect::new(Version::V5, id);
        Raw::connect_secured(self.address(), hello, &connect).unwrap()
    }

    pub(crate) fn counted(&self, name: &str) -> u64 {
        Figures::of(&self.broker).value(&format!("theseus_{name}_total")) as u64
    }

    /// Does this while two others talk at QoS 1 and miss nothing. At its most the broker has grown by so many KiB;
    /// afterwards all is as before, and who comes is let in.
    pub(crate) fn withstands<T>(&self, kib: u64, attack: impl FnOnce() -> T) -> T {
        let witness = Witness::secured(self.address());
        let process = self.broker.process();
        let (memory, files) = (process.rss_kib(), process.open_files());
        let found = attack();
        let served = witness.seen();
        wait_until("the two go on", || witness.seen() > served + 1);
        let grown = process.peak_rss_kib().saturating_sub(memory);
        assert!(grown < kib, "{grown} KiB more");
        wait_until("all their sockets are closed", || process.open_files() <= files);
        self.client("comes-later", &Hello::new()).disconnect();
        println!("{grown} KiB more; a message took {:?} at most", witness.stop());
        found
    }
}
