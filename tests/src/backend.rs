//! A backend that plugins ask by HTTP: what it answers, and when, is the test's to say.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// An HTTP server on 127.0.0.1 with a thread for each connection; gone when dropped.
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// The status for a request, as it came. May take its time.
    answer: Box<dyn Fn(&str) -> u16 + Send + Sync>,
    connections: AtomicUsize,
    under_way: AtomicUsize,
    asked: Mutex<Vec<String>>,
    streams: Mutex<Vec<TcpStream>>,
    stopped: AtomicBool,
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

impl Backend {
    /// On any free port.
    #[must_use]
    pub fn start(answer: impl Fn(&str) -> u16 + Send + Sync + 'static) -> Self {
        Self::start_at(0, answer)
    }

    /// On a port where there was one before.
    #[must_use]
    pub fn start_at(port: u16, answer: impl Fn(&str) -> u16 + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        // The library's 128 is too few for a thousand that come at once: some would wait for seconds, or for ever.
        rustix::net::listen(&listener, BACKLOG).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            connections: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            asked: Mutex::default(),
            streams: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let serving = shared.clone();
        thread::spawn(move || serving.accept(&listener));
        Self { address, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections it has had.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Requests that it has not answered yet.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.shared.under_way.load(Ordering::SeqCst)
    }

    /// What it was asked, head and body of each request.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Whoever accepts looks up once more.
        drop(TcpStream::connect(self.address));
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            self.connections.fetch_add(1, Ordering::SeqCst);
            self.streams.lock().unwrap().push(stream.try_clone().unwrap());
            let shared = Arc::clone(self);
            // A thousand of them wait at once.
            let small = thread::Builder::new().stack_size(128 << 10);
            small.spawn(move || shared.converse(stream)).unwrap();
        }
    }

    fn converse(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        while let Some(request) = next(&mut stream, &mut bytes) {
            self.asked.lock().unwrap().push(request.clone());
            self.under_way.fetch_add(1, Ordering::SeqCst);
            let status = (self.answer)(&request);
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            let answer = format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// A whole request; none when the connection has ended.
fn next(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<String> {
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = end + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
            if bytes.len() >= whole {
                let request: Vec<u8> = bytes.drain(..whole).collect();
                return Some(String::from_utf8(request).unwrap());
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend(chunk.get(..read)?),
        }
    }
}
