//! The client's Maximum Packet Size, where it is hardest to keep: answers that cannot be cut
//! short [MQTT-3.1.2-24].

use theseus_mqtt::{QoS, SubscribeOptions};

use crate::bench::Bench;
use crate::packets::{self, Got, Hello, Post, V5};

#[test]
fn a_suback_that_is_too_large_is_left_out() {
    let mut bench = Bench::new();
    let hello = Hello { packet_size_max: Some(25), ..Hello::clean(V5, "client") };
    let (client, _) = bench.connect(&hello);
    let filters: Vec<_> = (0..30).map(|number| format!("f/{number}")).collect();
    let options = SubscribeOptions::new(QoS::AtMostOnce);
    let filters: Vec<_> = filters.iter().map(|filter| (filter.as_str(), options)).collect();
    bench.say(client, packets::subscribe(V5, 7, &filters, 0));
    assert!(bench.hear(client).is_empty());
    // It is subscribed all the same, and one that fits is answered.
    let (publisher, _) = bench.connect(&Hello::clean(V5, "publisher"));
    bench.publish(publisher, &Post::new("f/29", "x", QoS::AtMostOnce), 0);
    assert_eq!(bench.texts(client), ["x"]);
    bench.say(client, packets::subscribe(V5, 8, &filters[..1], 0));
    assert_eq!(bench.hear(client), [Got::SubAck(8, vec![0])]);
}

#[test]
fn a_client_that_cannot_be_told_of_its_connection_leaves_no_session_for_ever() {
    for expiry in [None, Some(3600)] {
        let mut bench = Bench::new();
        let whole = Hello { expiry, ..Hello::resumed(V5, "client") };
        let narrow = Hello { packet_size_max: Some(10), ..whole.clone() };
        let client = bench.knock(&narrow);
        let told = bench.hear(client);
        assert!(!told.iter().any(|got| matches!(got, Got::ConnAck { .. })), "{told:?}");
        assert!(bench.is_over(client));
        bench.seconds(expiry.unwrap_or(0).into());
        let (_, present) = bench.connect(&whole);
        assert!(!present, "expiry {expiry:?}");
    }
}

#[test]
fn a_client_that_cannot_be_told_takes_no_place_of_others() {
    let limits = theseus_core::Limits { sessions_max: 1, ..theseus_core::Limits::default() };
    let mut bench = Bench::with(limits);
    let hello = Hello { packet_size_max: Some(10), ..Hello::clean(V5, "client") };
    bench.knock(&hello);
    bench.connect(&Hello::clean(V5, "another"));
}
