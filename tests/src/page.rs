//! What the HTTP listener for operators answers: its pages, and the figures of `/metrics` by the names of their
//! samples.

use crate::{Broker, PATIENCE};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// The status and the body of one page.
#[must_use]
pub fn page_at(address: SocketAddr, path: &str) -> (u16, String) {
    answer_at(address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
}

/// The status and the body of the answer to whatever is said there.
#[must_use]
pub fn answer_at(address: SocketAddr, text: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// All samples of a moment, by their names with their labels.
#[derive(Clone, Debug)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Those of now.
    #[must_use]
    pub fn of(broker: &Broker) -> Self {
        let (status, page) = page_at(broker.admin(), "/metrics");
        assert_eq!(status, 200, "{page}");
        Self::read(&page)
    }

    /// Those of a page.
    #[must_use]
    pub fn read(page: &str) -> Self {
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
        Self(samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect())
    }

    /// A sample as it is written: `name{label="value"}`. It may not be there, yet.
    #[must_use]
    pub fn get(&self, sample: &str) -> Option<f64> {
        self.0.get(sample).copied()
    }

    /// The same of one that must be there.
    #[must_use]
    pub fn value(&self, sample: &str) -> f64 {
        self.get(sample).unwrap_or_else(|| panic!("no {sample} among {:#?}", self.0))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }
}
