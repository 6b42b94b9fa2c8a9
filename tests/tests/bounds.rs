//! A bound that is hit before a client is let in is counted too (invariant 6); the log says so at
//! the end.

use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Raw, Received, Site, Version, pause, publish};

#[test]
fn a_connect_that_comes_late_or_is_too_large_is_counted() {
    let broker = Broker::with_tables(
        "[mqtt]\nidle_timeout = \"1s\"\nmax_connect_packet_size = \"1KB\"\n[log]\nlevel = \"debug\"\n",
    );
    let mut silent = Raw::open(&broker);
    let mut large = Raw::open(&broker);
    large.send(&Connect::new(Version::V5, &"x".repeat(2000)).bytes());
    assert_eq!(large.packets_until_closed(), []);
    // Something else that is as large is not a CONNECT.
    let mut other = Raw::open(&broker);
    other.send(&publish(Version::V311, "a", &[0; 2000], (0, 0), false));
    assert_eq!(other.packets_until_closed(), []);
    Raw::connect(&broker, &Connect::new(Version::V5, &"x".repeat(900))).ping();
    assert_eq!(silent.packets_until_closed(), []);
    assert_eq!(broker.counted(&["connect_timeouts", "connects_too_large"]), [1, 1]);
}

/// Its password is checked meanwhile; then all that it has sent is handled.
#[test]
fn a_client_that_sends_much_before_it_is_let_in_is_counted() {
    let site = Site::guarded("anna", "harbour");
    let broker = site.start();
    for (client_id, packets) in [("little", 10), ("much", 200)] {
        let login = Connect::new(Version::V311, client_id).login("anna", "harbour");
        let early = publish(Version::V311, "a", &[b'x'; 100], (0, 0), false).repeat(packets);
        let mut client = Raw::open(&broker);
        client.send(&[login.bytes(), early, vec![0xC0, 0]].concat());
        for first in [0x20, 0xD0] {
            assert_eq!(client.packet().first, first, "{client_id}");
        }
        pause(Duration::from_millis(10));
    }
    assert_eq!(broker.counted(&["early_bytes_full", "messages_received"]), [1, 210]);
}

/// What holds before a client is known is said by listener too: here one is patient and takes large
/// CONNECTs, and the other neither.
#[test]
fn each_listener_has_its_own_patience_and_its_own_size_of_a_connect() {
    let mut broker = Broker::with_tables(
        "[listeners.tcp.strict]\nbind = \"127.0.0.1:0\"\n[listeners.tcp.strict.mqtt]\n\
         idle_timeout = \"1s\"\nmax_connect_packet_size = \"256B\"\n",
    );
    let strict = broker.address_of("strict");
    let large = Connect::new(Version::V5, &"x".repeat(300));
    assert!(Raw::try_connect(&broker, &large).is_ok());
    let mut refused = Raw::open_at(strict);
    refused.send(&large.bytes());
    assert_eq!(refused.packets_until_closed(), []);
    let (mut patient, mut silent) = (Raw::open(&broker), Raw::open_at(strict));
    let start = Instant::now();
    assert_eq!(silent.packets_until_closed(), []);
    let after = start.elapsed();
    assert!(after >= Duration::from_millis(900), "closed early: {after:?}");
    assert!(after < Duration::from_secs(3), "closed late: {after:?}");
    assert_eq!(patient.receive(Duration::from_millis(500)), Received::Silence);
}
