//! A headless Chromium that opens one page of ours, and a small HTTP server that it gets the page
//! from and reports to. Everything stays on 127.0.0.1.

use crate::foreign::installed;
use crate::{Folder, PATIENCE, skip};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

/// The program; Debian's package has the same name.
const PROGRAM: &str = "chromium";

/// A browser on one page.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    reports: Receiver<String>,
    _profile: Folder,
}

impl Browser {
    /// Opens a page whose body is this HTML. `/mqtt.min.js` is MQTT.js; what the page sends to
    /// `/report` with POST comes out of [`Browser::report`]. None, said so, where there is no browser
    /// or no MQTT.js.
    #[must_use]
    pub fn open(html: &str) -> Option<Self> {
        let Ok(library) = std::fs::read(installed().join("node_modules/mqtt/dist/mqtt.min.js"))
        else {
            skip("MQTT.js");
            return None;
        };
        let is_there = Command::new(PROGRAM)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !is_there {
            skip(PROGRAM);
            return None;
        }
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        let (sender, reports) = channel();
        let html = format!("<!DOCTYPE html><meta charset=utf-8>{html}");
        std::thread::spawn(move || serve(&server, html.as_bytes(), &library, &sender));
        let profile = Folder::new();
        let child = Command::new(PROGRAM)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            // Without a port it would end as soon as the page is loaded.
            .args(["--remote-debugging-port=0", &url])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, reports, _profile: profile })
    }

    /// The next thing the page has to say.
    #[must_use]
    pub fn report(&self) -> String {
        self.reports.recv_timeout(PATIENCE * 2).expect("a report of the page")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn serve(server: &TcpListener, html: &[u8], library: &[u8], reports: &Sender<String>) {
    for stream in server.incoming().map_while(Result::ok) {
        // A browser opens sockets on suspicion and says nothing on them.
        let (html, library, reports) = (html.to_vec(), library.to_vec(), reports.clone());
        std::thread::spawn(move || answer(stream, &html, &library, &reports));
    }
}

/// Answers one request; who breaks off is no matter of the test.
fn answer(mut stream: TcpStream, html: &[u8], library: &[u8], reports: &Sender<String>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) == 0 || header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    drop(reader.read_exact(&mut body));
    let (kind, answer): (&str, &[u8]) = match line.split(' ').nth(1) {
        Some("/") => ("text/html", html),
        Some("/mqtt.min.js") => ("text/javascript", library),
        Some("/report") => {
            drop(reports.send(String::from_utf8_lossy(&body).into_owned()));
            ("text/plain", b"")
        }
        _ => ("text/plain", b""),
    };
    let length = answer.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    drop(stream.write_all(&[head.as_bytes(), answer].concat()));
}
