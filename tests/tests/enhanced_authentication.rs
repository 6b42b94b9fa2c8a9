//! Exchanges by AUTH (MQTT 5.0, 4.12), before CONNACK and on a live connection, packet by packet and by
//! a client that people use. The plugin and its steps are in `tests/plugins/exchange`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is a failed test")]

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Foreign, Library, Options, Packet, Raw, Received, Site, Version, frame, pause,
    skip, wait_until,
};

const METHOD: &str = "HMAC-BOTH-WAYS";
const NONCE: &[u8] = b"this is my nonce";

const BEGIN: u8 = 0x19;
const GO_ON: u8 = 0x18;
const DONE: u8 = 0;

const CONFIG: &str = "authentication = [\"exchange\"]\nallow_anonymous = true\n\
     [authorization]\nno_match = \"allow\"\n\
     [plugins.exchange]\nsecrets_file = \"etc/secrets\"\n";

fn start(tables: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(&format!("{CONFIG}{tables}"));
    site.write("etc/secrets", "ann:s3cret\n");
    site.drop_in("exchange", "exchange.wasm");
    let broker = site.start();
    (site, broker)
}

/// What the secrets file says from now on, and the broker knows.
fn change_secrets(site: &Site, broker: &Broker, secrets: &str) {
    let before = broker.generation();
    site.write("etc/secrets", secrets);
    wait_until("the secrets are live", || broker.generation() > before);
}

fn auth(reason: u8, method: &str, data: &[u8]) -> Vec<u8> {
    let mut properties = vec![0x15, 0, u8::try_from(method.len()).unwrap()];
    properties.extend(method.as_bytes());
    properties.extend([0x16, 0, u8::try_from(data.len()).unwrap()]);
    properties.extend(data);
    let mut body = vec![reason, u8::try_from(properties.len()).unwrap()];
    body.extend(properties);
    frame(0xF0, &body)
}

/// Method and data among the properties that begin there.
fn method_and_data(properties: &[u8]) -> (Option<String>, Option<Vec<u8>>) {
    let (mut size, mut at, mut shift) = (0, 0, 0);
    loop {
        let byte = properties[at];
        size |= usize::from(byte & 0x7F) << shift;
        (at, shift) = (at + 1, shift + 7);
        if byte < 0x80 {
            break;
        }
    }
    let end = at + size;
    let (mut method, mut data) = (None, None);
    while at < end {
        let text = |at: usize| {
            let size = usize::from(properties[at + 1]) << 8 | usize::from(properties[at + 2]);
            properties[at + 3..at + 3 + size].to_vec()
        };
        at += match properties[at] {
            0x11 | 0x27 => 5,
            0x21 | 0x22 | 0x13 => 3,
            0x24 | 0x25 | 0x28 | 0x29 | 0x2A => 2,
            id @ (0x12 | 0x15 | 0x16 | 0x1F) => {
                let value = text(at);
                let size = value.len();
                match id {
                    0x15 => method = Some(String::from_utf8(value).unwrap()),
                    0x16 => data = Some(value),
                    _ => {}
                }
                3 + size
            }
            id => panic!("property {id:#x}"),
        };
    }
    (method, data)
}

/// The data of the AUTH that must come now, with this reason and the method of CONNECT.
fn expect_auth(raw: &mut Raw, reason: u8) -> Vec<u8> {
    let packet = raw.packet();
    assert_eq!((packet.first, packet.body[0]), (0xF0, reason), "{packet:02x?}");
    let (method, data) = method_and_data(&packet.body[1..]);
    assert_eq!(method.as_deref(), Some(METHOD));
    let data = data.unwrap();
    // And nothing else: neither Reason String nor User Property could be too much.
    assert_eq!(packet.body, auth(reason, METHOD, &data)[2..], "{packet:02x?}");
    data
}

fn mac(secret: &str, side: &str, nonce: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.chain_update(side).chain_update(NONCE).chain_update(nonce).finalize().into_bytes().to_vec()
}

/// A client that has said who it wants to be and was challenged; with the broker's nonce.
fn challenged(broker: &Broker, user: &str) -> (Raw, Vec<u8>) {
    let mut raw = Raw::open(broker);
    let connect = Connect::new(Version::V5, &format!("c-{user}")).login(user, "");
    raw.send(&Connect { password: None, ..connect }.method(METHOD, NONCE).bytes());
    let nonce = expect_auth(&mut raw, GO_ON);
    assert_eq!(nonce.len(), 16);
    (raw, nonce)
}

/// Proves the secret and sees the broker prove it.
fn prove(raw: &mut Raw, secret: &str, nonce: &[u8]) {
    raw.send(&auth(GO_ON, METHOD, &mac(secret, "client", nonce)));
    assert_eq!(expect_auth(raw, GO_ON), mac(secret, "broker", nonce));
    raw.send(&auth(GO_ON, METHOD, b""));
}

fn connected(broker: &Broker, user: &str, secret: &str) -> Raw {
    let (mut raw, nonce) = challenged(broker, user);
    prove(&mut raw, secret, &nonce);
    let connack = raw.packet();
    assert_eq!((connack.first, connack.body[1]), (0x20, 0), "{connack:02x?}");
    let told = method_and_data(&connack.body[2..]);
    assert_eq!(told, (Some(METHOD.to_owned()), Some(b"welcome".to_vec())));
    raw
}

/// The reason of the one packet of this type that comes before the end.
fn last_word(raw: &mut Raw, first: u8) -> u8 {
    let packets = raw.packets_until_closed();
    let [packet] = packets.as_slice() else { panic!("{packets:02x?}") };
    assert_eq!(packet.first, first, "{packet:02x?}");
    reason_of(packet)
}

fn reason_of(packet: &Packet) -> u8 {
    packet.body[if packet.first == 0x20 { 1 } else { 0 }]
}

const CONNACK: u8 = 0x20;
const DISCONNECT: u8 = 0xE0;

#[test]
fn both_sides_prove_a_secret_before_connack() {
    let (_site, broker) = start("");
    let mark = broker.mark();
    let mut raw = connected(&broker, "ann", "s3cret");
    raw.ping();
    raw.subscribe("a", 1);
    raw.publish("a", "hello", 1);
    assert_eq!(raw.message().payload, "hello");
    broker.wait_for_line(mark, &["\"c-ann\"", "let in by exchange 0.1.0"]);
    raw.disconnect();
}

#[test]
fn who_does_not_know_the_secret_is_refused_with_connack() {
    let (_site, broker) = start("");
    for (user, secret) in [("ann", "guessed"), ("nobody", "s3cret")] {
        let (mut raw, nonce) = challenged(&broker, user);
        raw.send(&auth(GO_ON, METHOD, &mac(secret, "client", &nonce)));
        assert_eq!(last_word(&mut raw, CONNACK), 0x86, "{user}");
    }
    // A proof is good for one nonce only.
    let (_, nonce) = challenged(&broker, "ann");
    let (mut raw, _) = challenged(&broker, "ann");
    raw.send(&auth(GO_ON, METHOD, &mac("s3cret", "client", &nonce)));
    assert_eq!(last_word(&mut raw, CONNACK), 0x86);
}

/// [MQTT-4.12.0-1]; `allow_anonymous` is for those who claim nothing.
#[test]
fn a_method_that_nobody_takes_up_is_refused_as_such() {
    let (_site, broker) = start("");
    let connect = Connect::new(Version::V5, "c").method("OTHER", b"x");
    assert_eq!(Raw::try_connect(&broker, &connect).map(drop), Err(0x8C));
    // Without a method there is neither AUTH nor a word of it [MQTT-4.12.0-6].
    let mut raw = Raw::open(&broker);
    raw.send(&Connect::new(Version::V5, "c").bytes());
    let connack = raw.packet();
    assert_eq!((connack.first, connack.body[1]), (CONNACK, 0));
    assert_eq!(method_and_data(&connack.body[2..]), (None, None));
    raw.send(&auth(BEGIN, METHOD, NONCE));
    assert_eq!(last_word(&mut raw, DISCONNECT), 0x82);
}

/// [MQTT-3.1.2-30], [MQTT-4.12.0-3], [MQTT-4.12.0-5]
#[test]
fn only_the_awaited_auth_goes_on_with_an_exchange() {
    let (_site, broker) = start("");
    let answers = |nonce: &[u8]| {
        let proof = mac("s3cret", "client", nonce);
        [
            ("another method", auth(GO_ON, "OTHER", &proof)),
            ("a new beginning", auth(BEGIN, METHOD, &proof)),
            ("success", auth(DONE, METHOD, &proof)),
            ("no method", vec![0xF0, 0]),
        ]
    };
    for at in 0..answers(&[]).len() {
        let (mut raw, nonce) = challenged(&broker, "ann");
        let (what, bytes) = &answers(&nonce)[at];
        raw.send(bytes);
        assert_eq!(last_word(&mut raw, CONNACK), 0x82, "{what}");
    }
    for bytes in [&[0xC0, 0][..], &[0xE0, 0], &[0x30, 4, 0, 1, b'a', 0], &[0xF1, 0], &[0x10, 0]] {
        let (mut raw, nonce) = challenged(&broker, "ann");
        raw.send(bytes);
        raw.try_send(&auth(GO_ON, METHOD, &mac("s3cret", "client", &nonce)));
        assert_eq!(raw.packets_until_closed(), [], "{bytes:02x?}");
    }
    connected(&broker, "ann", "s3cret").disconnect();
}

/// All waits for the client together have the time that CONNECT has.
#[test]
fn a_client_that_is_silent_in_an_exchange_is_given_up() {
    let (_site, broker) = start("[mqtt]\nidle_timeout = \"2s\"\n");
    let began = Instant::now();
    let (mut raw, nonce) = challenged(&broker, "ann");
    pause(Duration::from_millis(1200));
    raw.send(&auth(GO_ON, METHOD, &mac("s3cret", "client", &nonce)));
    expect_auth(&mut raw, GO_ON);
    assert_eq!(last_word(&mut raw, CONNACK), 0x87);
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1900) && took < Duration::from_secs(3), "{took:?}");
    // The same on a live connection.
    let mut raw = connected(&broker, "ann", "s3cret");
    raw.send(&auth(BEGIN, METHOD, NONCE));
    expect_auth(&mut raw, GO_ON);
    assert_eq!(last_word(&mut raw, DISCONNECT), 0x87);
}

#[test]
fn a_live_client_that_authenticates_again_has_the_new_grant() {
    let (site, broker) = start("");
    let mut raw = connected(&broker, "ann", "s3cret");
    raw.subscribe("closed/#", 1);
    change_secrets(&site, &broker, "ann:s3cret,closed/#\n");
    raw.publish("closed/a", "still open", 1);
    assert_eq!(raw.message().payload, "still open");
    raw.send(&auth(BEGIN, METHOD, NONCE));
    let nonce = expect_auth(&mut raw, GO_ON);
    // It is served meanwhile, with the grant it has.
    raw.publish("closed/a", "meanwhile", 1);
    assert_eq!(raw.message().payload, "meanwhile");
    prove(&mut raw, "s3cret", &nonce);
    assert_eq!(expect_auth(&mut raw, DONE), b"welcome");
    assert_eq!(raw.publish_answered("closed/a", "too late", 1), 0x87);
    assert_eq!(raw.publish_answered("open", "as ever", 1) & 0x80, 0);
    raw.expect_no_message();
}

/// [MQTT-4.12.1-2]
#[test]
fn a_live_client_that_fails_is_disconnected() {
    let (_site, broker) = start("");
    let mut raw = connected(&broker, "ann", "s3cret");
    raw.send(&auth(BEGIN, METHOD, NONCE));
    let nonce = expect_auth(&mut raw, GO_ON);
    raw.send(&auth(GO_ON, METHOD, &mac("guessed", "client", &nonce)));
    assert_eq!(last_word(&mut raw, DISCONNECT), 0x87);
    for bytes in [auth(BEGIN, "OTHER", NONCE), auth(GO_ON, METHOD, NONCE), vec![0xF0, 0]] {
        let mut raw = connected(&broker, "ann", "s3cret");
        raw.send(&bytes);
        assert_eq!(last_word(&mut raw, DISCONNECT), 0x82, "{bytes:02x?}");
    }
}

#[test]
fn an_exchange_ends_on_the_version_it_began_with() {
    let (site, broker) = start("");
    let mut live = connected(&broker, "ann", "s3cret");
    live.send(&auth(BEGIN, METHOD, NONCE));
    let live_nonce = expect_auth(&mut live, GO_ON);
    let (mut raw, nonce) = challenged(&broker, "ann");
    let before = broker.generation();
    change_secrets(&site, &broker, "ann:another\n");
    let mark = broker.mark();
    prove(&mut raw, "s3cret", &nonce);
    assert_eq!(raw.packet().body[1], 0);
    broker.wait_for_line(mark, &["\"c-ann\" let in", &format!("generation {before}")]);
    // This client id was taken over; the exchange of the older connection is over with it.
    assert_eq!(last_word(&mut live, DISCONNECT), 0x8E);
    drop(live_nonce);
    // On a live connection it is the same.
    raw.send(&auth(BEGIN, METHOD, NONCE));
    let nonce = expect_auth(&mut raw, GO_ON);
    change_secrets(&site, &broker, "ann:a third\n");
    prove(&mut raw, "another", &nonce);
    assert_eq!(expect_auth(&mut raw, DONE), b"welcome");
    let (mut late, nonce) = challenged(&broker, "ann");
    late.send(&auth(GO_ON, METHOD, &mac("another", "client", &nonce)));
    assert_eq!(last_word(&mut late, CONNACK), 0x86);
    connected(&broker, "ann", "a third").disconnect();
}

/// The connection lands on another shard many times a second, between any two packets.
#[test]
fn an_exchange_goes_on_where_its_connection_moves() {
    let (_site, broker) =
        start("[node]\nshards = 3\n[testing]\nmove_connections_every = \"5ms\"\n");
    let mut raw = connected(&broker, "ann", "s3cret");
    for _ in 0..40 {
        raw.send(&auth(BEGIN, METHOD, NONCE));
        let nonce = expect_auth(&mut raw, GO_ON);
        pause(Duration::from_millis(8));
        prove(&mut raw, "s3cret", &nonce);
        assert_eq!(expect_auth(&mut raw, DONE), b"welcome");
    }
    raw.ping();
}

#[test]
fn a_grant_that_ends_is_renewed_by_authenticating_again() {
    let (_site, broker) = start("expires_in = 4\n");
    let mut raw = connected(&broker, "ann", "s3cret");
    for _ in 0..3 {
        pause(Duration::from_millis(1500));
        raw.send(&auth(BEGIN, METHOD, NONCE));
        let nonce = expect_auth(&mut raw, GO_ON);
        prove(&mut raw, "s3cret", &nonce);
        assert_eq!(expect_auth(&mut raw, DONE), b"welcome");
    }
    assert_eq!(last_word(&mut raw, DISCONNECT), 0x87);
}

/// MQTT.js answers challenges by itself, and rejects what does not name its method.
#[test]
fn a_client_library_proves_its_secret_and_does_so_again() {
    let library = Library::MqttJs;
    if !library.is_installed() {
        return skip("MQTT.js");
    }
    let (site, broker) = start("");
    let options = |secret: &str| Options::new("js").secret("ann", secret);
    assert_eq!(Foreign::refused(library, Version::V5, &broker, options("guessed")), 0x86);
    let mut client = Foreign::connect(library, Version::V5, &broker, options("s3cret"));
    client.subscribe("a", 1);
    for _ in 0..3 {
        assert_eq!(client.authenticate_again(), "welcome");
        client.publish("a", "here", 1);
        assert_eq!(client.payload("a", 1), "here");
    }
    change_secrets(&site, &broker, "ann:another\n");
    client.publish("a", "still", 1);
    assert_eq!(client.payload("a", 1), "still");
    client.begin_to_authenticate();
    client.disconnected_because(0x87, library, Version::V5);
}

/// Each costs the login that met it, and the operator is told who did what.
#[test]
fn what_a_plugin_does_wrong_in_an_exchange_costs_that_login_only() {
    let site = Site::new();
    site.config(
        "authentication = [\"hostile\"]\nallow_anonymous = false\n\
         [authorization]\nno_match = \"allow\"\n\
         [policy]\nlogin_timeout = \"1s\"\nlogin_cpu_time = \"30ms\"\n[plugins.hostile]\n",
    );
    site.drop_in("hostile", "hostile.wasm");
    let broker = site.start();
    let mut inside = Raw::connect(&broker, &Connect::new(Version::V5, "in").login("in", "good"));
    for (deed, method, answers, code, words) in [
        ("exchange-for-ever", true, 16, 0x88, "it challenges for the 17th time"),
        ("exchange-state", true, 0, 0x88, "the state of a challenge has 5120 bytes"),
        ("exchange-data", true, 0, 0x88, "the data of a challenge has 66560 bytes"),
        ("exchange-late-state", true, 1, 0x88, "the state of a challenge has 5120 bytes"),
        ("exchange-late-data", true, 1, 0x88, "auth-data has 66560 bytes"),
        ("exchange-trap", true, 1, 0x88, "it trapped"),
        ("exchange-loop", true, 1, 0x88, "it computed longer"),
        ("exchange-hang", true, 1, 0x88, "it took longer"),
        ("exchange-next", true, 1, 0x87, "refused by hostile"),
        ("exchange-last-word", false, 0, 0x88, "auth-data to a client that named no method"),
        ("exchange-nobody", false, 0, 0x88, "it challenges a client that named no method"),
    ] {
        let mark = broker.mark();
        let mut raw = Raw::open(&broker);
        let connect = Connect::new(Version::V5, &format!("c-{deed}")).login(deed, "bad");
        let connect = if method { connect.method(METHOD, NONCE) } else { connect };
        raw.send(&connect.bytes());
        for _ in 0..answers {
            assert_eq!(expect_auth(&mut raw, GO_ON), b"data", "{deed}");
            raw.send(&auth(GO_ON, METHOD, b"x"));
        }
        assert_eq!(last_word(&mut raw, CONNACK), code, "{deed}");
        broker.wait_for_line(mark, &[&format!("\"c-{deed}\""), "hostile 0.1.0 (", words]);
        inside.ping();
    }
    let good = Connect::new(Version::V5, "good").login("good", "good");
    Raw::connect(&broker, &good).disconnect();
}

/// Who is gone takes the question along: nothing is left of an exchange.
#[test]
fn clients_that_leave_in_the_middle_leave_nothing_behind() {
    let (_site, broker) = start("");
    for _ in 0..50 {
        let (raw, _) = challenged(&broker, "ann");
        raw.cut();
    }
    let mut raw = connected(&broker, "ann", "s3cret");
    raw.send(&auth(BEGIN, METHOD, NONCE));
    raw.cut();
    wait_until("nobody is left", || broker.ctl("status")["connections"] == 0);
    let mut raw = connected(&broker, "ann", "s3cret");
    assert_eq!(raw.receive(Duration::from_millis(200)), Received::Silence);
}
