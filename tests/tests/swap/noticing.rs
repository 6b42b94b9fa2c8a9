//! What the fleets would not notice, the other tests could not prove: a gap, a repetition, a number
//! out of order, and the end of a connection are noticed, by each of the two libraries.

use crate::fleet::Flows;
use crate::one_at_a_time;
use std::time::Duration;
use theseus_tests::{Broker, Connect, Raw, Version, skip, wait_until};

#[test]
fn a_wrong_number_and_a_lost_connection_are_noticed() {
    let _alone = one_at_a_time();
    if !Flows::are_installed() {
        return skip("MQTT.js");
    }
    for version in [Version::V311, Version::V5] {
        for (client, flow) in [("rumqttc-1", "flow/mqttjs/1"), ("mqttjs-0", "flow/rumqttc/0")] {
            let broker = Broker::start();
            let flows = Flows::connect(broker.port(), 2, None);
            let mut stranger = Raw::connect(&broker, &Connect::new(version, "stranger"));
            for number in ["0", "2", "1", "2", "x"] {
                stranger.publish(flow, number, 1);
            }
            for trouble in [
                "gap: expected 1, found 2",
                "late: expected 3, found 1",
                "repeated: expected 3, found 2",
                "garbled: x",
            ] {
                expect(&flows, &format!("{client}: {trouble}"));
            }
            let _thief = Raw::connect(&broker, &Connect::new(version, client));
            expect(&flows, &format!("{client}: disconnected"));
        }
    }
}

fn expect(flows: &Flows, trouble: &str) {
    wait_until(trouble, || flows.troubles().iter().any(|found| found.starts_with(trouble)));
}

#[test]
fn what_is_sent_is_what_comes() {
    let _alone = one_at_a_time();
    if !Flows::are_installed() {
        return skip("MQTT.js");
    }
    let broker = Broker::start();
    let mut flows = Flows::connect(broker.port(), 10, None);
    flows.start_publishing(Duration::from_millis(20));
    wait_until("a thousand messages have come", || flows.received() > 1000);
    let totals = flows.settle();
    assert!(totals.messages > 1000 && totals.least > 10, "{totals:?}");
}
