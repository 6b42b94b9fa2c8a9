//! Who takes part: the libraries with the versions of MQTT they speak, and what one of them cannot.

use std::collections::BTreeSet;
use theseus_tests::{Broker, Foreign, Library, Message, Options, Version, mosquitto_lacks, skip};

/// A library in one version of MQTT.
pub(crate) type Make = (Library, Version);

const MAKES: [Make; 11] = [
    (Library::Paho, Version::V31),
    (Library::Paho, Version::V311),
    (Library::Paho, Version::V5),
    (Library::MqttJs, Version::V31),
    (Library::MqttJs, Version::V311),
    (Library::MqttJs, Version::V5),
    // rumqttc does not speak MQTT 3.1.
    (Library::Rumqttc, Version::V311),
    (Library::Rumqttc, Version::V5),
    (Library::Mosquitto, Version::V31),
    (Library::Mosquitto, Version::V311),
    (Library::Mosquitto, Version::V5),
];

/// What a client of MQTT 5 may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    /// Set and read properties.
    Properties,
    /// Read user properties in the order in which they were set, also across names.
    OrderOfNames,
    /// Read more than one subscription identifier of a message.
    SubscriptionIdentifiers,
    /// Understand that a PUBREC refuses.
    RefusedAtQos2,
    /// Have no more messages under way than the broker's Receive Maximum.
    ReceiveMaximumOfServer,
    /// Publish under an alias.
    AliasesOut,
    /// Be published to under an alias.
    AliasesIn,
}

/// What a library cannot do in MQTT 5, and why.
const CANNOT: &[(Library, Ability, &str)] = &[
    (Library::MqttJs, Ability::OrderOfNames, "it holds them in an object by name"),
    (Library::Mosquitto, Ability::SubscriptionIdentifiers, "it takes the second for an error"),
    (Library::Paho, Ability::RefusedAtQos2, "it answers a PUBREC that refuses with PUBREL"),
    (Library::Paho, Ability::ReceiveMaximumOfServer, "it does not read it"),
    (Library::MqttJs, Ability::ReceiveMaximumOfServer, "it does not read it"),
    (Library::Mosquitto, Ability::AliasesIn, "it hands on a message without a topic"),
];

/// Every make that speaks MQTT 5 and can do this.
pub(crate) fn able(ability: Ability) -> Vec<Make> {
    let mut able = all();
    able.retain(|make| make.1 == Version::V5);
    for (library, _, why) in CANNOT.iter().filter(|cannot| cannot.1 == ability) {
        able.retain(|make| make.0 != *library);
        println!("without {}: {ability:?}: {why}", library.name());
    }
    able
}

/// Every make in every version, as far as they are installed here.
pub(crate) fn all() -> Vec<Make> {
    MAKES.into_iter().filter(|make| is_installed(make.0)).collect()
}

/// Those of them that may have many messages under way from this broker: libmosquitto ends a
/// connection on which its Receive Maximum is not kept.
pub(crate) fn that_take_many(mut makes: Vec<Make>) -> Vec<Make> {
    if mosquitto_lacks("the Receive Maximum of clients at QoS 2") {
        makes.retain(|make| *make != (Library::Mosquitto, Version::V5));
    }
    makes
}

/// One of each make, the versions taking turns.
pub(crate) fn one_of_each() -> Vec<Make> {
    let wanted = [
        (Library::Paho, Version::V5),
        (Library::MqttJs, Version::V311),
        (Library::Rumqttc, Version::V5),
        (Library::Mosquitto, Version::V31),
    ];
    wanted.into_iter().filter(|make| is_installed(make.0)).collect()
}

fn is_installed(library: Library) -> bool {
    if !library.is_installed() {
        skip(library.name());
    }
    library.is_installed()
}

/// A connected client and the name it goes by: its client id, and a level of its topics.
pub(crate) struct Member {
    pub(crate) make: Make,
    pub(crate) name: String,
    pub(crate) client: Foreign,
}

/// Connects a client of each of these makes; `options` are those for a name.
pub(crate) fn connect(
    broker: &Broker,
    makes: &[Make],
    options: impl Fn(&str) -> Options + Sync,
) -> Vec<Member> {
    let start = |&make: &Make| {
        let name = name(make);
        let client = Foreign::connect(make.0, make.1, broker, options(&name));
        Member { make, name, client }
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = makes.iter().map(|make| scope.spawn(move || start(make))).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Such as `paho-311`; within the 23 bytes of MQTT 3.1.
fn name((library, version): Make) -> String {
    let library = match library {
        Library::Paho => "paho",
        Library::MqttJs => "mqttjs",
        Library::Rumqttc => "rumqttc",
        Library::Mosquitto => "mosquitto",
    };
    let version = match version {
        Version::V31 => "31",
        Version::V311 => "311",
        Version::V5 => "5",
    };
    format!("{library}-{version}")
}

/// Has the first publish to `end`, which all must be subscribed to at QoS 2: nothing else may come
/// before it.
pub(crate) fn nothing_more(members: &mut [Member]) {
    members[0].client.publish("end", "", 2);
    for member in members {
        let message = member.client.message();
        assert_eq!(message.topic, "end", "{} has too much: {message:?}", member.name);
    }
}

/// The next so many messages of a member; none may be there twice.
pub(crate) fn take(member: &mut Member, count: usize) -> BTreeSet<Found> {
    let mut found = BTreeSet::new();
    for _ in 0..count {
        let message = Found::of(member.client.message());
        assert!(found.insert(message.clone()), "{} has it twice: {message:?}", member.name);
    }
    found
}

/// What is compared of a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
}

impl Found {
    pub(crate) fn new(topic: &str, payload: &str, qos: u8, retain: bool) -> Self {
        Self { topic: topic.to_owned(), payload: payload.to_owned(), qos, retain }
    }

    fn of(message: Message) -> Self {
        let Message { topic, payload, qos, retain, .. } = message;
        Self { topic, payload, qos, retain }
    }
}
