//! The program itself: start, refusal to start, stop, limits of the operating system.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;
use theseus_tests::{
    Broker, Connect, Ended, Folder, Foreign, Options, Process, Raw, Received, Settings, Signal,
    Version, mosquitto_lacks, pause, wait_until, with_each_client,
};

const SERVER_SHUTTING_DOWN: u8 = 0x8B;

#[test]
fn port_0_takes_a_free_port_each() {
    let (one, other) = (Broker::start(), Broker::start());
    assert_ne!(one.port(), other.port());
    for broker in [&one, &other] {
        Raw::connect(broker, &Connect::new(Version::V5, "c")).disconnect();
    }
}

with_each_client!(is_told_when_the_broker_stops, |library, version| {
    let broker = Broker::start();
    let mut client = Foreign::connect(library, version, &broker, Options::new("c"));
    broker.signal(Signal::TERM);
    if mosquitto_lacks("DISCONNECT with reason 0x8B") {
        client.disconnected();
    } else {
        client.disconnected_because(SERVER_SHUTTING_DOWN.into(), library, version);
    }
    assert_eq!(broker.wait().status.code(), Some(0));
});

#[test]
fn sigterm_and_sigint_send_wills_and_goodbyes_and_exit_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let broker = Broker::start();
        let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
        watcher.subscribe("wills/#", 1);
        let mut old =
            Raw::connect(&broker, &Connect::new(Version::V311, "old").will("wills/old", "stopped"));
        broker.signal(signal);
        let packets = watcher.packets_until_closed();
        assert_eq!(old.packets_until_closed(), [], "3.1.1 knows no DISCONNECT from a server");
        assert_eq!(broker.wait().status.code(), Some(0));
        if mosquitto_lacks("wills and DISCONNECT 0x8B at its end") {
            return;
        }
        assert_eq!(packets.len(), 2, "the will, then DISCONNECT: {packets:02x?}");
        assert_eq!(packets[0].message(Version::V5).payload, "stopped");
        assert_eq!((packets[1].first, packets[1].body[0]), (0xE0, SERVER_SHUTTING_DOWN));
    }
}

#[test]
fn a_client_that_does_not_read_cannot_hold_the_end_up() {
    let broker = Broker::start();
    let mut dead = Raw::connect(&broker, &Connect::new(Version::V5, "dead"));
    dead.subscribe("loud", 0);
    let mut sender = Raw::connect(&broker, &Connect::new(Version::V5, "sender"));
    let batch = theseus_tests::publish(Version::V5, "loud", &[b'x'; 1000], (0, 0), false);
    sender.send(&batch.repeat(20_000));
    sender.ping();
    assert_eq!(broker.terminate().status.code(), Some(0));
}

#[test]
fn a_second_instance_on_the_same_data_dir_is_refused() {
    if mosquitto_lacks("a data_dir of its own") {
        return;
    }
    let first = Broker::start();
    let folder = Folder::new();
    let data_dir = first.data_dir();
    let text = config_with(&format!("data_dir = {data_dir:?}"), &[("default", 0)]);
    let ended = refused(&folder, &text);
    assert!(ended.stderr.contains(data_dir.to_str().unwrap()), "{}", ended.stderr);
    Raw::connect(&first, &Connect::new(Version::V5, "c")).ping();
}

/// The lock goes with its process, however that ends.
#[test]
fn a_data_dir_is_free_again_after_a_crash() {
    if mosquitto_lacks("a data_dir of its own") {
        return;
    }
    let folder = Folder::new();
    let config = folder.write("theseus.toml", &config_with("data_dir = \"d\"", &[("default", 0)]));
    for _ in 0..2 {
        let mut process = Process::theseus(&config, None);
        process.wait_for_port();
        drop(process); // kill -9
    }
}

#[test]
fn a_port_that_is_taken_is_refused_by_name() {
    if mosquitto_lacks("named listeners") {
        return;
    }
    let folder = Folder::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = refused(&folder, &config_with("", &[("default", 0), ("garden", port)]));
    assert!(ended.stderr.contains("garden"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&port.to_string()), "{}", ended.stderr);
}

#[test]
fn two_listeners_on_one_port_are_refused_by_name() {
    if mosquitto_lacks("named listeners") {
        return;
    }
    let folder = Folder::new();
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let ended = refused(&folder, &config_with("", &[("garden", port), ("house", port)]));
    let named = |name| ended.stderr.contains(name);
    assert!(named("garden") || named("house"), "{}", ended.stderr);
    assert!(named(&port.to_string()), "{}", ended.stderr);
}

/// `SO_REUSEPORT` would let a second broker share the port in silence.
#[test]
fn a_second_broker_on_the_same_port_is_refused() {
    if mosquitto_lacks("named listeners") {
        return;
    }
    let first = Broker::start();
    let folder = Folder::new();
    let ended = refused(&folder, &config_with("", &[("default", first.port())]));
    assert!(ended.stderr.contains(&first.port().to_string()), "{}", ended.stderr);
    Raw::connect(&first, &Connect::new(Version::V5, "c")).ping();
}

#[test]
fn a_wrong_configuration_is_refused_with_file_line_and_key() {
    if mosquitto_lacks("theseus.toml") {
        return;
    }
    let folder = Folder::new();
    let cases = [
        ("[mqtt]\nidle_timout = \"1s\"", "theseus.toml:2", "idle_timeout"),
        ("[mqtt]\nidle_timeout = \"soon\"", "theseus.toml:2", "idle_timeout"),
        ("allow_anonymus = true", "theseus.toml:1", "allow_anonymous"),
        ("\n[listners.tcp.default]\nbind = \"127.0.0.1:0\"", "theseus.toml:2", "listeners"),
        ("data_dir = ", "theseus.toml:1", ""),
    ];
    for (text, place, key) in cases {
        let ended = refused(&folder, text);
        assert_eq!(ended.status.code(), Some(1), "{text}");
        assert!(ended.stderr.contains(place), "{place} is not in:\n{}", ended.stderr);
        assert!(ended.stderr.contains(key), "{key} is not in:\n{}", ended.stderr);
    }
}

#[test]
fn a_missing_configuration_is_refused_by_name() {
    if mosquitto_lacks("--config") {
        return;
    }
    let mut process = Process::theseus(Path::new("no-such-folder/no-such.toml"), None);
    let ended = process.wait();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("no-such.toml"), "{}", ended.stderr);
}

#[test]
fn the_file_limit_is_raised_to_the_hard_limit_and_printed() {
    if mosquitto_lacks("raising its file limit") {
        return;
    }
    let settings = Settings { ulimit: Some("-S -n 64"), ..Settings::default() };
    let broker = Broker::with(&settings);
    let limits = format!("/proc/{}/limits", broker.process().id());
    let limits = std::fs::read_to_string(limits).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let mut words = line.split_whitespace().skip(3);
    let (soft, hard) = (words.next().unwrap(), words.next().unwrap());
    assert_eq!(soft, hard);
    let output = broker.process().output();
    assert!(output.contains(soft), "{soft} is not in:\n{output}");
}

/// Out of file descriptors: those who are in stay, nobody spins, and it goes on when some are free.
#[test]
fn running_out_of_files_pauses_accepting_without_spinning() {
    let settings = Settings { tables: "[node]\nshards = 2\n".to_owned(), ulimit: Some("-n 64") };
    let broker = Broker::with(&settings);
    let mut guests: Vec<Raw> = (0..4)
        .map(|number| Raw::connect(&broker, &Connect::new(Version::V5, &format!("guest{number}"))))
        .collect();
    let mut crowd: Vec<Raw> = (0..100).map(|number| knock(&broker, number)).collect();
    let before = broker.process().cpu();
    pause(Duration::from_secs(2));
    let used = broker.process().cpu() - before;
    assert!(used < Duration::from_millis(400), "{used:?} of CPU in 2 s");
    for guest in &mut guests {
        guest.ping();
    }
    let answered = |raw: &mut Raw| matches!(raw.receive(Duration::ZERO), Received::Packet(_));
    let inside = crowd.iter_mut().map(answered).filter(|&inside| inside).count();
    assert!(inside > 0 && inside < 100, "{inside} of 100 came in");
    drop(crowd);
    wait_until("a new client gets in", || {
        let mut late = knock(&broker, 999);
        matches!(late.receive(Duration::from_secs(1)), Received::Packet(_))
    });
    for guest in &mut guests {
        guest.ping();
    }
}

/// Opens a connection and sends CONNECT, not waiting for an answer.
fn knock(broker: &Broker, number: u32) -> Raw {
    let mut raw = Raw::open(broker);
    raw.try_send(&Connect::new(Version::V5, &format!("crowd{number}")).bytes());
    raw
}

/// A configuration with these listeners on 127.0.0.1.
fn config_with(top: &str, listeners: &[(&str, u16)]) -> String {
    let mut text = format!("allow_anonymous = true\n{top}\n");
    for (name, port) in listeners {
        text += &format!("[listeners.tcp.{name}]\nbind = \"127.0.0.1:{port}\"\n");
    }
    text
}

/// Starts a broker that must refuse to run.
fn refused(folder: &Folder, text: &str) -> Ended {
    let config = folder.write("theseus.toml", text);
    let ended = Process::theseus(&config, None).wait();
    assert!(!ended.status.success(), "it ran:\n{}{}", ended.stdout, ended.stderr);
    ended
}
