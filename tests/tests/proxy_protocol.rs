//! Listeners behind a load balancer, which says by the PROXY protocol whom it speaks for: headers byte by byte.
//! What a real balancer sends is in `load_balancer`.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use serde_json::Value;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, PATIENCE, Raw, RawWebSocket, Received, Site, UPGRADE, Version, pause,
    proxy_field, proxy_ssl, proxy_v1, proxy_v2, proxy_v2_of,
};

/// Keys of a listener whose balancer is this machine, but only by its first address.
const BEHIND: &str =
    "proxy_protocol = true\nproxy_protocol_networks = [\"127.0.0.1/32\", \"::1\"]\n";
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

const CLIENT: &str = "203.0.113.7:50000";
const OTHER: &str = "203.0.113.8:50000";

const BAD_PASSWORD: u8 = 0x86;
const NOT_AUTHORIZED: u8 = 0x87;
const TOO_SOON: u8 = 0x9F;

/// `tcp:default` is behind a balancer, `tcp:plain` is not.
fn start(keys: &str, tables: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(&config(&format!("allow_anonymous = true\n{keys}"), tables));
    let broker = site.start();
    (site, broker)
}

fn config(keys: &str, tables: &str) -> String {
    let bind = "bind = \"127.0.0.1:0\"";
    format!(
        "[listeners.tcp.default]\n{bind}\n{BEHIND}{keys}\n\
         [listeners.tcp.plain]\n{bind}\nallow_anonymous = true\n\
         [sys_topics.sys_event_messages]\nclient_connected = true\n\
         [authorization]\nno_match = \"allow\"\n{tables}"
    )
}

fn connect(id: &str) -> Connect {
    Connect::new(Version::V5, id)
}

/// A header and a CONNECT in one piece; the code of the answer, or none if there is no answer.
fn knock(address: SocketAddr, header: &[u8], connect: &Connect) -> Option<u8> {
    let mut raw = Raw::open_at(address);
    raw.send(&[header, &connect.bytes()].concat());
    match raw.receive(PATIENCE) {
        Received::Packet(connack) => Some(connack.body[1]),
        Received::Closed => None,
        Received::Silence => unreachable!("neither an answer nor an end"),
    }
}

/// What the broker tells of clients that are let in.
struct Watcher(Raw);

impl Watcher {
    fn of(broker: &mut Broker) -> Self {
        let plain = broker.address_of("plain");
        let mut raw = Raw::try_connect_at(plain, &connect("watcher")).unwrap();
        raw.subscribe("$SYS/brokers/+/clients/+/connected", 0);
        Self(raw)
    }

    /// Of the next one.
    fn event(&mut self) -> Value {
        serde_json::from_str(&self.0.message().payload).unwrap()
    }
}

#[test]
fn the_address_that_a_header_names_is_the_clients() {
    let (_site, mut broker) = start("", "");
    let mut watcher = Watcher::of(&mut broker);
    let ipv6 = "[2001:db8::7]:50000";
    for (header, address) in [
        (proxy_v1(CLIENT), "203.0.113.7"),
        (proxy_v1(ipv6), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (b"PROXY UNKNOWN 203.0.113.7 x\r\n".to_vec(), "127.0.0.1"),
        (proxy_v2(CLIENT, b""), "203.0.113.7"),
        (proxy_v2(ipv6, &proxy_field(0x01, b"mqtt")), "2001:db8::7"),
        (proxy_v2(CLIENT, &proxy_field(0x04, &[0; 4000])), "203.0.113.7"),
        // It looks whether the broker is well, or does not know.
        (proxy_v2_of(0x20, 0x00, b""), "127.0.0.1"),
        (proxy_v2_of(0x20, 0x11, &[7; 12]), "127.0.0.1"),
        (proxy_v2_of(0x21, 0x00, b""), "127.0.0.1"),
    ] {
        assert_eq!(knock(broker.address(), &header, &connect("c")), Some(0), "{header:?}");
        assert_eq!(watcher.event()["ipaddress"], address, "{header:?}");
    }
    assert_eq!(broker.counted(&["proxy_headers", "proxy_headers_refused"]), [10, 0]);
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let (_site, mut broker) = start("", "");
    let mut watcher = Watcher::of(&mut broker);
    for header in [proxy_v1(CLIENT), proxy_v2(CLIENT, &proxy_ssl(3, 0, b"sensor"))] {
        let mut raw = Raw::open(&broker);
        for byte in [header, connect("c").bytes()].concat() {
            raw.send(&[byte]);
            pause(Duration::from_millis(2));
        }
        assert_eq!(raw.packet().body[1], 0);
        assert_eq!(watcher.event()["ipaddress"], "203.0.113.7");
        raw.ping();
    }
}

#[test]
fn a_header_comes_before_websocket_too() {
    let (_site, mut broker) = start(
        "",
        &format!(
            "[listeners.ws.default]\nbind = \"127.0.0.1:0\"\nallow_anonymous = true\n{BEHIND}"
        ),
    );
    let mut watcher = Watcher::of(&mut broker);
    let address = broker.address_of_title("ws:default");
    let mut raw = RawWebSocket::open(address);
    raw.send(&proxy_v2(CLIENT, b""));
    raw.send(UPGRADE.as_bytes());
    assert!(raw.response().starts_with("HTTP/1.1 101 "));
    raw.send_binary(&connect("c").bytes());
    assert_eq!(raw.packet().body[1], 0);
    assert_eq!(watcher.event()["ipaddress"], "203.0.113.7");
    assert!(!RawWebSocket::open(address).is_upgraded(), "nobody without a header");
}

#[test]
fn what_begins_otherwise_is_closed_at_once() {
    let (_site, broker) = start("proxy_protocol_timeout = \"1h\"", "");
    let refused = [
        connect("plain").bytes(),
        b"\x10".to_vec(),
        b"GET /mqtt HTTP/1.1\r\n".to_vec(),
        vec![0xA5; 4096],
        b"PROXY TCP4 203.0.113.7 198.51.100.1 50000\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 localhost 50000 1883\r\n".to_vec(),
        format!("PROXY UNKNOWN {}", "x".repeat(200)).into_bytes(),
        // It announces more than is read, and sends none of it.
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &u16::MAX.to_be_bytes()].concat(),
        proxy_v2_of(0x11, 0x11, &[0; 12]),
        proxy_v2_of(0x22, 0x11, &[0; 12]),
        proxy_v2_of(0x21, 0x12, &[0; 12]),
        proxy_v2_of(0x21, 0x31, &[0; 216]),
        proxy_v2_of(0x21, 0x11, &[0; 11]),
        proxy_v2(CLIENT, &[0x02, 0, 9]),
        proxy_v2(CLIENT, &proxy_ssl(3, 0, b"forged\nline")),
        proxy_v2(CLIENT, &proxy_field(0x02, b"forged\rname")),
        proxy_v2(CLIENT, &proxy_field(0x03, &[1, 2, 3, 4])),
    ];
    let count = refused.len() as u64;
    for bytes in refused {
        let mut raw = Raw::open(&broker);
        // Part of it may find the socket closed.
        let _ = raw.try_send(&bytes);
        assert!(raw.packets_until_closed().is_empty(), "{bytes:?}");
    }
    // Half of one, and the end of it.
    let mut half = Raw::open(&broker);
    half.send(b"PROXY TCP4 203.0.113.7");
    half.cut();
    // Who says nothing at all has said nothing wrong.
    Raw::open(&broker).cut();
    broker.wait_for_line(
        0,
        &["127.0.0.1:", "closed: no header of the PROXY protocol: it is cut off"],
    );
    broker.wait_for_line(0, &["127.0.0.1:", "its checksum is wrong"]);
    broker.wait_for_line(0, &["127.0.0.1:", "went away without a header"]);
    let names =
        ["proxy_headers_refused", "proxy_headers", "proxy_header_timeouts", "client_connected"];
    assert_eq!(broker.counted(&names), [count + 1, 0, 0, 0]);
}

#[test]
fn a_header_that_does_not_come_is_not_waited_for_and_keeps_no_thread() {
    let (_site, mut broker) = start("proxy_protocol_timeout = \"2s\"", "[node]\nshards = 1");
    let plain = broker.address_of("plain");
    let began = Instant::now();
    let mut late = [Raw::open(&broker), Raw::open(&broker), Raw::open(&broker)];
    late[1].send(b"PROXY TCP4 203.0.113.7 198.51");
    late[2].send(&proxy_v2(CLIENT, b"")[..20]);
    let before = ticks(&broker);
    let mut other = Raw::try_connect_at(plain, &connect("other")).unwrap();
    other.ping();
    assert_eq!(knock(broker.address(), &proxy_v1(CLIENT), &connect("prompt")), Some(0));
    for raw in &mut late {
        assert!(raw.packets_until_closed().is_empty());
    }
    let took = began.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(6)).contains(&took), "{took:?}");
    // Hundredths of a second: whoever looked again and again at the same bytes would have used all of them.
    let used = ticks(&broker) - before;
    assert!(used < 50, "{used}");
    other.ping();
    let names = ["proxy_header_timeouts", "proxy_headers", "proxy_headers_refused"];
    assert_eq!(broker.counted(&names), [3, 1, 0]);
}

/// Processor time of its process, in hundredths of a second.
fn ticks(broker: &Broker) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", broker.process().id())).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_header_is_worth_nothing_where_none_is_awaited_or_from_somebody_else() {
    let (_site, mut broker) = start("", "");
    let plain = broker.address_of("plain");
    for header in [proxy_v1(CLIENT), proxy_v2(CLIENT, b"")] {
        let mut raw = Raw::open_at(plain);
        raw.send(&header);
        let _ = raw.try_send(&connect("c").bytes());
        assert!(raw.packets_until_closed().is_empty());
        // A balancer that is none is closed before it has said anything.
        assert!(Raw::open_from(ELSEWHERE, &broker).packets_until_closed().is_empty());
    }
    broker.wait_for_line(0, &["127.0.0.2:", "closed: it is none of tcp:default's balancers"]);
    let names = ["proxy_peers_refused", "proxy_headers", "client_connected"];
    assert_eq!(broker.counted(&names), [2, 0, 0]);
}

#[test]
fn bans_are_of_the_address_that_is_spoken_for() {
    let (site, broker) = start("", "");
    let ban = |words: &[&str]| {
        let ended = site.theseus(&[&["ctl", "ban"], words].concat(), "");
        assert!(ended.status.success(), "{}", ended.stderr);
    };
    let knocks = |header: &[u8]| knock(broker.address(), header, &connect("c"));
    ban(&["add", "203.0.113.7"]);
    for header in [proxy_v1(CLIENT), proxy_v2(CLIENT, b""), proxy_v2("[::ffff:203.0.113.7]:1", b"")]
    {
        assert_eq!(knocks(&header), None, "{header:?}");
    }
    assert_eq!(knocks(&proxy_v2(OTHER, b"")), Some(0));
    // That of the balancer still ends everything, before it has said a word.
    ban(&["add", "127.0.0.1"]);
    assert!(Raw::open(&broker).packets_until_closed().is_empty());
    ban(&["remove", "127.0.0.1"]);
    ban(&["remove", "203.0.113.7"]);
    assert_eq!(knocks(&proxy_v1(CLIENT)), Some(0));
    assert_eq!(broker.counted(&["sockets_banned", "logins_banned"]), [4, 0]);
}

#[test]
fn limits_count_by_the_address_that_is_spoken_for() {
    let site = Site::new();
    let rate = "[plugins.rate]\nfor_all = [\"c connects address 1/86400000 2 refuse\"]\n";
    let keys = "allow_anonymous = true\n";
    site.config(&format!("limits = [\"rate\"]\n{}", config(keys, rate)));
    site.drop_in("rate", "rate.wasm");
    let broker = site.start();
    let knocks = |source: &str| knock(broker.address(), &proxy_v2(source, b""), &connect("c"));
    for source in [CLIENT, OTHER, "203.0.113.9:1"] {
        assert_eq!((knocks(source), knocks(source)), (Some(0), Some(0)), "{source}");
        assert_eq!(knocks(source), Some(TOO_SOON), "{source}");
    }
    assert_eq!(broker.counted(&["connects_refused_by_limit"]), [3]);
}

#[test]
fn rules_speak_of_the_address_that_is_spoken_for() {
    let site = Site::guarded("anna", "harbour");
    let text = fs::read_to_string(site.path("etc/theseus.toml")).unwrap();
    site.write(
        "etc/theseus.toml",
        text.replace("[listeners.tcp.default]\n", &format!("[listeners.tcp.default]\n{BEHIND}")),
    );
    site.write(
        "etc/acl.toml",
        "[[rules]]\npermission = \"allow\"\naction = \"publish\"\naddress = \"203.0.113.7\"\ntopics = [\"t\"]\n",
    );
    let broker = site.start();
    let publishes = |source: &str| {
        let mut raw = Raw::open(&broker);
        raw.send(&proxy_v1(source));
        raw.send(&connect("c").login("anna", "harbour").bytes());
        assert_eq!(raw.packet().body[1], 0);
        raw.publish_answered("t", "x", 1)
    };
    assert_ne!(publishes(CLIENT), NOT_AUTHORIZED);
    assert_eq!(publishes(OTHER), NOT_AUTHORIZED);
}

/// With no plugin and no word that anybody may come in: a certificate that the balancer has verified is the login.
#[test]
fn a_certificate_that_the_balancer_has_verified_names_its_client() {
    let site = Site::new();
    site.config(&config("", "[listeners.tcp.default.mqtt]\npeer_cert_as_username = \"cn\"\n"));
    let mut broker = site.start();
    let mut watcher = Watcher::of(&mut broker);
    let knocks = |fields: &[u8], connect: Connect| {
        knock(broker.address(), &proxy_v2(CLIENT, fields), &connect)
    };
    // In this connection, or in the session that it goes on with.
    for client in [0b011, 0b101] {
        assert_eq!(knocks(&proxy_ssl(client, 0, b"sensor 7"), connect("c")), Some(0));
        let event = watcher.event();
        assert_eq!(
            (&event["username"], &event["ipaddress"]),
            (&"sensor 7".into(), &"203.0.113.7".into())
        );
    }
    // Nobody can check a password.
    assert_eq!(
        knocks(&proxy_ssl(3, 0, b"sensor 7"), connect("c").login("root", "x")),
        Some(BAD_PASSWORD)
    );
    for (what, fields) in [
        ("not verified", proxy_ssl(3, 18, b"sensor 7")),
        ("no certificate", proxy_ssl(1, 0, b"sensor 7")),
        ("no TLS", proxy_ssl(6, 0, b"sensor 7")),
        ("no name", proxy_ssl(3, 0, b"")),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(knocks(&fields, connect("c")), Some(NOT_AUTHORIZED), "{what}");
        let claims = Connect { user_name: Some("sensor 7".to_owned()), ..connect("c") };
        assert!(knocks(&fields, claims).unwrap() >= 0x80, "{what}");
    }
    broker.wait_for_line(0, &["203.0.113.7:50000: the balancer has not verified the certificate"]);
    broker.wait_for_line(0, &["203.0.113.7:50000: the balancer tells no cn of the certificate"]);
}

/// What holds for every listener is about what a balancer cannot tell, too.
#[test]
fn a_name_that_no_balancer_tells_is_a_refusal() {
    let tables = "[mqtt]\npeer_cert_as_clientid = \"serial\"\n";
    let (_site, broker) = start("", tables);
    let header = proxy_v2(CLIENT, &proxy_ssl(3, 0, b"sensor 7"));
    assert_eq!(knock(broker.address(), &header, &connect("c")), Some(NOT_AUTHORIZED));
    broker.wait_for_line(0, &["nothing of a certificate but its cn, and serial is wanted"]);
    assert_eq!(knock(broker.address(), &proxy_v2(CLIENT, b""), &connect("c")), Some(0));
}
