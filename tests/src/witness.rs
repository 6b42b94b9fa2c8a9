//! Two clients who know each other for as long as a test lasts: one publishes numbers at QoS 1, the
//! other must get each of them, once and in order, on one connection. What the broker does meanwhile
//! is the test's affair.

use crate::{Broker, Connect, Hello, Raw, Version, pause};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two messages.
const PACE: Duration = Duration::from_millis(10);

/// The two, on a thread of their own.
#[derive(Debug)]
pub struct Witness {
    stop: Arc<AtomicBool>,
    seen: Arc<AtomicU32>,
    thread: Option<JoinHandle<Duration>>,
}

impl Witness {
    /// Connects the two with this login; the publisher speaks 3.1.1, the subscriber 5.0.
    #[must_use]
    pub fn start(broker: &Broker, user: &str, password: &str) -> Self {
        Self::start_at(broker.address(), user, password)
    }

    /// The same at another listener.
    #[must_use]
    pub fn start_at(address: SocketAddr, user: &str, password: &str) -> Self {
        Self::connect(|connect| {
            Raw::try_connect_at(address, &connect.login(user, password)).unwrap()
        })
    }

    /// The same without a login.
    #[must_use]
    pub fn anonymous(broker: &Broker) -> Self {
        let address = broker.address();
        Self::connect(|connect| Raw::try_connect_at(address, &connect).unwrap())
    }

    /// The same under TLS.
    #[must_use]
    pub fn secured(address: SocketAddr) -> Self {
        let hello = Hello::new();
        Self::connect(|connect| Raw::connect_secured(address, &hello, &connect).unwrap())
    }

    fn connect(connected: impl Fn(Connect) -> Raw) -> Self {
        let speaker = connected(Connect::new(Version::V311, "witness-speaker"));
        let mut hearer = connected(Connect::new(Version::V5, "witness-hearer"));
        assert_eq!(hearer.subscribe("witness", 1), 1);
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || exchange(speaker, hearer, &stopped, &counted));
        Self { stop, seen, thread: Some(thread) }
    }

    /// How many messages have come so far.
    #[must_use]
    pub fn seen(&self) -> u32 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Ends the exchange, and fails the test if a message was lost, came twice or out of order, or if
    /// a connection ended. Returns the longest time that one message took.
    pub fn stop(mut self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        let longest = self.thread.take().unwrap().join();
        longest.expect("the witness was served to the end")
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One message at a time: the next is sent when the one before has come and is acknowledged.
fn exchange(mut speaker: Raw, mut hearer: Raw, stop: &AtomicBool, seen: &AtomicU32) -> Duration {
    let mut longest = Duration::ZERO;
    for number in 0.. {
        let start = Instant::now();
        speaker.publish("witness", &number.to_string(), 1);
        assert_eq!(hearer.message().payload, number.to_string());
        longest = longest.max(start.elapsed());
        seen.store(number + 1, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pause(PACE);
    }
    hearer.expect_no_message();
    speaker.disconnect();
    hearer.disconnect();
    longest
}
