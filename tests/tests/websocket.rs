//! MQTT over WebSocket: foreign libraries, a browser, and bare bytes for what neither would send.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Browser, Connect, Foreign, Library, Options, PATIENCE, Raw, RawWebSocket, UPGRADE,
    Version, masked, pause, publish, subscribe, wait_until,
};

/// A broker with a WebSocket listener beside the plain one; `keys` go into its section `websocket`.
fn start(keys: &str, tables: &str) -> (Broker, SocketAddr) {
    let listener = format!(
        "[listeners.ws.web]\nbind = \"127.0.0.1:0\"\n[listeners.ws.web.websocket]\n{keys}\n{tables}\n"
    );
    let mut broker = Broker::with_tables(&listener);
    let address = broker.address_of_title("ws:web");
    (broker, address)
}

fn restless() -> (Broker, SocketAddr) {
    start("", "[node]\nshards = 3\n[testing]\nmove_connections_every = \"10ms\"")
}

/// Each library that speaks WebSocket, in each version it speaks over it.
macro_rules! with_each_web_client {
    ($name:ident, $body:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "a body may be a path or a closure")]
            use super::*;

            #[test]
            fn paho_v31() {
                theseus_tests::run(Library::Paho, Version::V31, $body);
            }
            #[test]
            fn paho_v311() {
                theseus_tests::run(Library::Paho, Version::V311, $body);
            }
            #[test]
            fn paho_v5() {
                theseus_tests::run(Library::Paho, Version::V5, $body);
            }
            #[test]
            fn mqttjs_v311() {
                theseus_tests::run(Library::MqttJs, Version::V311, $body);
            }
            #[test]
            fn mqttjs_v5() {
                theseus_tests::run(Library::MqttJs, Version::V5, $body);
            }
        }
    };
}

with_each_web_client!(delivers_at_every_qos_to_and_from_plain_tcp, |library, version| {
    let (broker, address) = start("", "");
    let web = Options::new("web").websocket(address.port());
    let mut web = Foreign::connect(library, version, &broker, web);
    let mut plain = Raw::connect(&broker, &Connect::new(version, "plain"));
    for qos in 0..=2 {
        let (there, back) = (format!("there/{qos}"), format!("back/{qos}"));
        assert_eq!(web.subscribe(&there, qos), u64::from(qos));
        plain.subscribe(&back, qos);
        plain.publish(&there, "ping ü ✓", qos);
        assert_eq!(web.payload(&there, qos), "ping ü ✓");
        web.publish(&back, "", qos);
        let message = plain.message();
        assert_eq!((message.topic, message.payload), (back, String::new()));
    }
    web.publish_retained("kept", "for later", 1, true);
    web.subscribe("kept", 1);
    let kept = web.message();
    assert!(kept.retain && kept.payload == "for later", "{kept:?}");
    web.disconnect();
});

with_each_web_client!(carries_large_and_many_small, |library, version| {
    let (broker, address) = start("", "[mqtt]\nmax_packet_size = \"2MB\"");
    let web = |id: &str| Options::new(id).websocket(address.port());
    let mut sub = Foreign::connect(library, version, &broker, web("sub"));
    let mut publisher = Foreign::connect(library, version, &broker, web("pub"));
    let large = "0123456789abcdef".repeat(65_536);
    for qos in 0..=2 {
        let topic = format!("t/{qos}");
        sub.subscribe(&topic, qos);
        publisher.publish(&topic, &large, qos);
        assert!(sub.payload(&topic, qos) == large, "1 MiB at QoS {qos}");
        publisher.burst(&topic, qos, 1000, 0);
        for number in 0..1000 {
            assert_eq!(sub.payload(&topic, qos), number.to_string(), "QoS {qos}");
        }
        publisher.published();
    }
});

with_each_web_client!(resumes_its_session, |library, version| {
    let (broker, address) = start("", "");
    let keeper = || Options::new("keeper").persistent().websocket(address.port());
    let mut first = Foreign::connect(library, version, &broker, keeper());
    first.subscribe("kept", 1);
    first.disconnect();
    let mut plain = Raw::connect(&broker, &Connect::new(Version::V5, "plain"));
    plain.publish("kept", "while away", 1);
    let mut again = Foreign::connect(library, version, &broker, keeper());
    assert!(version == Version::V31 || again.session_present);
    assert_eq!(again.payload("kept", 1), "while away");
    again.kill();
});

with_each_web_client!(notices_nothing_of_moves_between_shards, |library, version| {
    let (broker, address) = restless();
    let web = |id: &str| Options::new(id).websocket(address.port());
    let mut sub = Foreign::connect(library, version, &broker, web("sub"));
    let mut publisher = Foreign::connect(library, version, &broker, web("pub"));
    sub.subscribe("stream", 2);
    publisher.burst("stream", 2, 500, 5);
    for number in 0..500 {
        assert_eq!(sub.payload("stream", 2), number.to_string());
    }
    publisher.published();
    publisher.disconnect();
    sub.disconnect();
    let said = broker.terminate().stdout;
    let moved = said.split("moved ").nth(1).and_then(|rest| rest.split(' ').next());
    let moved: u32 = moved.and_then(|count| count.parse().ok()).expect("a count of moves");
    assert!(moved > 50, "moved {moved} times only");
});

/// MQTT.js in a browser, as a page has it.
#[test]
fn a_page_in_a_browser_publishes_and_receives() {
    let (_broker, address) = start("", "");
    for version in [4, 5] {
        let page = format!(
            "<script src=/mqtt.min.js></script><script>
            const say = (what) => fetch('/report', {{ method: 'POST', body: JSON.stringify(what) }})
            window.onerror = (message) => say('error: ' + message)
            const client = mqtt.connect('ws://{address}/mqtt', {{
                protocolVersion: {version}, clientId: 'page{version}', reconnectPeriod: 0 }})
            const got = []
            client.on('error', (error) => say('error: ' + error.message))
            client.on('message', (topic, payload, packet) => {{
                got.push([topic, payload.toString().slice(0, 20), payload.length, packet.qos])
                if (got.length === 6) client.end(false, () => say(got))
            }})
            client.on('connect', async () => {{
                await client.subscribeAsync('page/#', {{ qos: 2 }})
                for (const qos of [0, 1, 2]) {{
                    await client.publishAsync('page/' + qos, 'grüße', {{ qos }})
                    await client.publishAsync('page/' + qos, 'x'.repeat(300000), {{ qos }})
                }}
            }})
            </script>"
        );
        let Some(browser) = Browser::open(&page) else { return };
        let large = "x".repeat(20);
        let expected: Vec<String> = (0..3)
            .flat_map(|qos| {
                [
                    format!("[\"page/{qos}\",\"grüße\",7,{qos}]"),
                    format!("[\"page/{qos}\",\"{large}\",300000,{qos}]"),
                ]
            })
            .collect();
        assert_eq!(browser.report(), format!("[{}]", expected.join(",")), "version {version}");
    }
}

/// [MQTT-6.0.0-2]: packets need not align with frames.
#[test]
fn packets_span_frames_and_frames_span_packets() {
    let (_broker, address) = start("", "");
    for version in [Version::V311, Version::V5] {
        let mut raw = RawWebSocket::upgraded(address);
        for byte in Connect::new(version, "split").bytes() {
            raw.send_binary(&[byte]);
        }
        assert_eq!(raw.packet().kind(), 2, "CONNACK");
        let pings = [[0xC0, 0]; 3].concat();
        raw.send_binary(&[subscribe(version, 7, "a", 0), pings].concat());
        assert_eq!([(); 4].map(|()| raw.packet().kind()), [9, 13, 13, 13]);
        let payload = vec![b'x'; 200_000];
        let packet = publish(version, "a", &payload, (0, 0), false);
        // One message in three fragments, with an answer due in between.
        raw.send(&masked(0x02, &packet[..70_000]));
        raw.send(&masked(0x89, b"between"));
        raw.send(&masked(0x00, &packet[70_000..70_003]));
        raw.send(&masked(0x80, &packet[70_003..]));
        assert_eq!(raw.frame(), Some((0x8A, b"between".to_vec())));
        assert!(raw.packet().message(version).payload.as_bytes() == payload);
        raw.send_binary(&[0xE0, 0]);
        assert_eq!(raw.close_code(), Some(1000));
    }
}

#[test]
fn what_is_no_binary_frame_closes_with_a_code() {
    let (_broker, address) = start("max_frame_size = \"1KB\"", "");
    let mut unmasked = masked(0x82, b"");
    unmasked[1] = 0;
    let wrong = [
        (masked(0x81, b"text"), 1003),
        (masked(0x82, &[0; 1025]), 1009),
        (unmasked, 1002),
        (masked(0xC2, b""), 1002),
        (masked(0x83, b""), 1002),
        (masked(0x80, b"continues nothing"), 1002),
        (masked(0x09, b"half a ping"), 1002),
    ];
    for (bytes, code) in &wrong {
        // Before CONNECT, and in the middle of a connection, which tells MQTT 5 why.
        let mut stranger = RawWebSocket::upgraded(address);
        stranger.send(bytes);
        assert_eq!(stranger.close_code(), Some(*code), "{bytes:02x?}");
        for version in [Version::V311, Version::V5] {
            let mut client = RawWebSocket::connect(address, &Connect::new(version, "wrong"));
            client.send(bytes);
            if version == Version::V5 {
                let disconnect = client.packet();
                let reason = if *code == 1009 { 0x95 } else { 0x82 };
                assert_eq!((disconnect.kind(), disconnect.body[0]), (14, reason));
            }
            assert_eq!(client.close_code(), Some(*code), "{bytes:02x?}");
        }
    }
}

#[test]
fn a_violation_publishes_the_will() {
    let (broker, address) = start("", "");
    let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
    watcher.subscribe("will", 1);
    let mut client =
        RawWebSocket::connect(address, &Connect::new(Version::V311, "c").will("will", "gone"));
    client.send(&masked(0x81, b"text"));
    assert_eq!(client.close_code(), Some(1003));
    assert_eq!(watcher.message().payload, "gone");
    let mut tab =
        RawWebSocket::connect(address, &Connect::new(Version::V5, "tab").will("will", "closed"));
    tab.send(&masked(0x88, &[0x03, 0xE9]));
    assert_eq!(tab.frame(), Some((0x88, vec![0x03, 0xE8])), "Close is answered");
    tab.expect_end();
    assert_eq!(watcher.message().payload, "closed");
}

#[test]
fn pings_are_answered_at_any_time_and_do_not_hold_the_keep_alive_off() {
    let (_broker, address) = start("", "");
    let mut raw = RawWebSocket::upgraded(address);
    raw.send(&masked(0x89, b"before CONNECT"));
    assert_eq!(raw.frame(), Some((0x8A, b"before CONNECT".to_vec())));
    raw.send_binary(&Connect::new(Version::V5, "ping").keep_alive(1).bytes());
    assert_eq!(raw.packet().kind(), 2, "CONNACK");
    let start = Instant::now();
    // Each is answered until MQTT's own silence has lasted too long.
    let mut pongs = 0;
    let last = loop {
        raw.send(&masked(0x89, &[pongs; 125]));
        match raw.frame() {
            Some((0x8A, payload)) => assert_eq!(payload, [pongs; 125]),
            other => break other,
        }
        pongs += 1;
        pause(Duration::from_millis(100));
        assert!(start.elapsed() < PATIENCE, "the keep-alive never passes");
    };
    assert!(pongs > 5, "{pongs} pongs");
    let (first, disconnect) = last.expect("a DISCONNECT");
    assert_eq!((first, disconnect[0], disconnect[2]), (0x82, 0xE0, 0x8D));
}

#[test]
fn who_disconnects_is_told_goodbye_and_who_is_disconnected_too() {
    let (broker, address) = start("", "");
    let mut first = RawWebSocket::connect(address, &Connect::new(Version::V5, "same"));
    let mut second = RawWebSocket::connect(address, &Connect::new(Version::V5, "same"));
    assert_eq!(first.packet().body[0], 0x8E, "taken over");
    assert_eq!(first.close_code(), Some(1000));
    second.send(&[masked(0x82, &[0xE0, 0]), masked(0x88, &[0x03, 0xE8])].concat());
    assert_eq!(second.close_code(), Some(1000));
    let mut last = RawWebSocket::connect(address, &Connect::new(Version::V5, "last"));
    broker.signal(theseus_tests::Signal::TERM);
    assert_eq!(last.packet().body[0], 0x8B, "the server shuts down");
    assert_eq!(last.close_code(), Some(1001));
    assert!(broker.wait().status.success());
}

#[test]
fn a_wrong_request_is_answered_in_words() {
    let keys = "check_origin_enable = true\ncheck_origins = [\"https://app.example\"]\n\
                mqtt_path = \"/mqtt\"";
    let (broker, address) = start(keys, "");
    let wrong = [
        (UPGRADE.replace("/mqtt HTTP", "/other HTTP"), "404", "path"),
        (UPGRADE.replace("Protocol: mqtt", "Protocol: chat"), "400", "subprotocol"),
        (UPGRADE.replace("Version: 13", "Version: 12"), "426", "13"),
        ("GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "426", "WebSocket"),
        (UPGRADE.replace("Host:", "Origin: https://evil.example\r\nHost:"), "403", "origin"),
        ("\u{10}\u{c}\0\u{4}MQTT\u{5}".to_owned(), "400", "HTTP"),
        (format!("GET /mqtt HTTP/1.1\r\nX: {}", "y".repeat(9000)), "431", "long"),
    ];
    for (request, status, word) in &wrong {
        let mut raw = RawWebSocket::open(address);
        raw.send(request.as_bytes());
        let response = raw.response();
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        assert!(response.split_once("\r\n\r\n").is_some_and(|(_, body)| body.contains(word)));
        raw.expect_end();
    }
    // The right ones, sent in single bytes.
    for request in
        [UPGRADE.to_owned(), UPGRADE.replace("Host:", "Origin: https://app.example\r\nHost:")]
    {
        let mut raw = RawWebSocket::open(address);
        for byte in request.bytes() {
            raw.send(&[byte]);
        }
        let response = raw.response();
        assert!(response.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n"), "{response}");
    }
    assert_eq!(broker.ctl("status")["connections"], 0);
}

#[test]
fn a_slow_or_silent_stranger_is_closed_after_the_idle_timeout() {
    let (_broker, address) = start("", "[mqtt]\nidle_timeout = \"1s\"");
    let beginnings = [
        vec![],
        UPGRADE.as_bytes()[..60].to_vec(),
        UPGRADE.as_bytes().to_vec(),
        [UPGRADE.as_bytes(), &masked(0x82, &[0x10])].concat(),
    ];
    for beginning in beginnings {
        let start = Instant::now();
        let mut raw = RawWebSocket::open(address);
        raw.send(&beginning);
        if beginning.len() >= UPGRADE.len() {
            assert!(raw.response().starts_with("HTTP/1.1 101"));
        }
        raw.expect_end();
        let after = start.elapsed();
        assert!((900..8000).contains(&after.as_millis()), "{} bytes: {after:?}", beginning.len());
    }
}

#[test]
fn a_client_may_send_before_it_is_answered() {
    let (_broker, address) = start("", "");
    let mut raw = RawWebSocket::open(address);
    let connect = Connect::new(Version::V5, "eager").bytes();
    let early = [masked(0x82, &connect), masked(0x89, b"?"), masked(0x82, &[0xC0, 0])];
    raw.send(&[UPGRADE.as_bytes(), &early.concat()].concat());
    assert!(raw.response().starts_with("HTTP/1.1 101"));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let (first, payload) = raw.frame().expect("a frame");
        let mut payload = payload;
        match first {
            0x8A => seen.push("pong"),
            _ => {
                while let Some(packet) = theseus_tests::Packet::take(&mut payload) {
                    seen.push(if packet.kind() == 2 { "CONNACK" } else { "PINGRESP" });
                }
            }
        }
    }
    seen.retain(|one| *one != "pong");
    assert_eq!(seen, ["CONNACK", "PINGRESP"]);
}

/// Frozen in the middle of a frame and of a packet, with a reader that is slow: neither direction
/// loses its place.
#[test]
fn half_a_frame_survives_a_move() {
    let (broker, address) = restless();
    let mut web = RawWebSocket::connect(address, &Connect::new(Version::V5, "web"));
    web.send_binary(&subscribe(Version::V5, 1, "down", 0));
    assert_eq!(web.packet().kind(), 9, "SUBACK");
    let mut plain = Raw::connect(&broker, &Connect::new(Version::V5, "plain"));
    plain.subscribe("up", 1);
    let up = masked(0x82, &publish(Version::V5, "up", b"in many pieces", (1, 9), false));
    for piece in up.chunks(3) {
        web.send(piece);
        pause(Duration::from_millis(40));
    }
    assert_eq!(plain.message().payload, "in many pieces");
    assert_eq!(web.packet().kind(), 4, "PUBACK");
    // More than the buffers of both sockets hold, read slowly.
    let payload = "y".repeat(700_000);
    for number in 0..12 {
        plain.publish("down", &format!("{number}{payload}"), 0);
    }
    for number in 0..12 {
        pause(Duration::from_millis(60));
        let message = web.packet().message(Version::V5);
        assert!(message.payload == format!("{number}{payload}"), "message {number}");
    }
    web.send(&masked(0x89, b"still here"));
    assert_eq!(web.frame(), Some((0x8A, b"still here".to_vec())));
}

#[test]
fn rules_and_status_know_the_listener() {
    let (broker, address) = start("", "");
    let _client = RawWebSocket::connect(address, &Connect::new(Version::V5, "one"));
    let listeners = broker.ctl("status")["listeners"].to_string();
    assert!(listeners.contains(&format!("ws:web {address}")), "{listeners}");
    assert!(listeners.contains("tcp:default "), "{listeners}");
}

/// A seat is given back however the connection ends.
#[test]
fn a_listener_holds_no_more_than_it_may() {
    let tables = "[listeners.ws.small]\nbind = \"127.0.0.1:0\"\nmax_connections = 1\n";
    let mut broker = Broker::with_tables(tables);
    let address = broker.address_of_title("ws:small");
    let first = RawWebSocket::connect(address, &Connect::new(Version::V5, "first"));
    RawWebSocket::open(address).expect_end();
    drop(first);
    wait_until("the place is free", || RawWebSocket::open(address).is_upgraded());
}
