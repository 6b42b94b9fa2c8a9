//! Members of one group are of different make and version.

use crate::table::{Member, all, connect, nothing_more, one_of_each};
use std::collections::BTreeSet;
use theseus_tests::{Broker, Options, mosquitto_lacks};

const FILTER: &str = "$share/workers/jobs/+/#";
/// Messages for each member and round.
const EACH: usize = 4;

#[test]
fn a_group_of_every_make_shares_evenly() {
    let broker = Broker::start();
    let mut members = group(&broker);
    let mut others = connect(&broker, &one_of_each(), |name| Options::new(&format!("o-{name}")));
    for other in &mut others {
        other.client.subscribe("jobs/#", 2);
    }
    let count = EACH * members.len();
    for (number, qos) in (0..others.len()).zip([0, 1, 2].into_iter().cycle()) {
        let topic = format!("jobs/{number}/{qos}");
        others[number].client.burst(&topic, qos, u32::try_from(count).unwrap(), 0);
        let mut shares = BTreeSet::new();
        for member in &mut members {
            for _ in 0..EACH {
                assert!(shares.insert(member.client.payload(&topic, qos)), "{topic}: twice");
            }
        }
        others[number].client.published();
        // Who is not in the group gets everything as ever.
        for other in &mut others {
            let own = (0..count).map(|_| other.client.payload(&topic, qos));
            assert_eq!(own.collect::<BTreeSet<_>>(), shares, "{topic} at {}", other.name);
        }
    }
    nothing_more(&mut members);
}

/// Frozen ones acknowledge nothing; when they are killed the others get their shares.
#[test]
fn killed_members_of_any_make_leave_their_shares_to_the_others() {
    if mosquitto_lacks("passing on what a member has not acknowledged") {
        return;
    }
    let broker = Broker::start();
    let mut steady = group(&broker);
    let victims = steady.split_off(steady.len() / 2);
    for victim in &victims {
        victim.client.freeze();
    }
    let count = EACH * (steady.len() + victims.len());
    for number in 0..count {
        steady[0].client.publish("jobs/a/b", &number.to_string(), 1);
    }
    victims.into_iter().for_each(|victim| victim.client.kill());
    // How the rest is shared is not said, only that all of it arrives: `nothing_more` cannot wait
    // for it, so each of the steady is asked for what it has until nothing is missing.
    let mut missing: BTreeSet<_> = (0..count).map(|number| number.to_string()).collect();
    let mut turn = 0;
    while !missing.is_empty() {
        let marker = format!("turn {turn}");
        steady[0].client.publish("end", &marker, 2);
        for member in &mut steady {
            loop {
                let message = member.client.message();
                if message.topic == "end" {
                    break;
                }
                assert!(missing.remove(&message.payload), "{}: {message:?}", member.name);
            }
        }
        turn += 1;
    }
}

fn group(broker: &Broker) -> Vec<Member> {
    let mut members = connect(broker, &all(), Options::new);
    for member in &mut members {
        assert_eq!(member.client.subscribe(FILTER, 2), 2, "{}", member.name);
        member.client.subscribe("end", 2);
    }
    members
}
