//! Certificates that are replaced under live connections: who is connected stays, who comes sees the new one,
//! and what does not do changes nothing.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Figures, Hello, PATIENCE, Packet, Raw, Secured, Site, Tool, Version, ack,
    pause, publish, subscriber, wait_until,
};

/// What is promised: new handshakes see a new certificate within 2 s; a slow machine is given three times that.
const SHOWN_WITHIN: Duration = Duration::from_secs(6);

struct Secure {
    site: Site,
    broker: Broker,
    ssl: SocketAddr,
}

fn start() -> Secure {
    let site = Site::new();
    site.certificates("certs");
    site.config(
        "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n[listeners.ssl.default.ssl_options]\n\
         certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n",
    );
    let mut broker = site.start();
    let ssl = broker.address_of_title("ssl:default");
    Secure { site, broker, ssl }
}

fn openssl(site: &Site, commands: &str) -> String {
    let out = Command::new("bash").args(["-c", commands]).current_dir(site.folder()).output();
    String::from_utf8(out.unwrap().stdout).unwrap().trim().to_lowercase()
}

impl Secure {
    /// The serial number of the certificate that who comes now is shown.
    fn shown(&self) -> String {
        let ssl = self.ssl;
        let ask = format!("openssl s_client -connect {ssl} </dev/null 2>/dev/null");
        openssl(&self.site, &format!("{ask} | openssl x509 -noout -serial"))
    }

    fn serial_of(&self, file: &str) -> String {
        openssl(&self.site, &format!("openssl x509 -noout -serial -in {file}"))
    }

    fn subscribe(&self) -> Tool {
        let mut program = subscriber(&self.broker, Version::V5);
        program.args(["-h", "localhost", "-p", &self.ssl.port().to_string(), "--cafile"]);
        program.arg(self.site.path("certs/ca.pem"));
        let mut tool = Tool::spawn(program.args(["-d", "-q", "1", "-t", "t"]));
        tool.subscribed();
        tool
    }

    /// Over the file in force, by rename.
    fn put(&self, file: &str) {
        self.site
            .write(&format!("certs/{file}"), fs::read(self.site.path("fresh").join(file)).unwrap());
    }
}

#[test]
fn who_comes_is_shown_the_new_certificate_and_who_is_inside_stays() {
    let secure = start();
    let mut sub = secure.subscribe();
    let mut plain = Raw::connect(&secure.broker, &Connect::new(Version::V5, "plain"));
    for round in 0..3 {
        let _ = fs::remove_dir_all(secure.site.path("fresh"));
        secure.site.certificates("fresh");
        let serial = secure.serial_of("fresh/server.pem");
        assert_ne!(secure.shown(), serial);
        let (mark, began) = (secure.broker.mark(), Instant::now());
        secure.put("server.key");
        secure.put("server.pem");
        wait_until("the new one is shown", || secure.shown() == serial);
        assert!(began.elapsed() < SHOWN_WITHIN, "{:?}", began.elapsed());
        let number = serial.trim_start_matches("serial=").to_owned();
        secure.broker.wait_for_line(
            mark,
            &["certs/server.pem", "ssl:default shows the certificate", &number],
        );
        plain.publish("t", &round.to_string(), 1);
        assert_eq!(sub.line(), round.to_string());
    }
    assert_eq!(sub.connects(), 1, "it never came again");
}

/// Programs that renew certificates often keep the key, and write it again.
#[test]
fn a_new_certificate_for_the_same_key_is_shown_however_the_two_are_written() {
    let secure = start();
    let key = fs::read(secure.site.path("certs/server.key")).unwrap();
    for millis in [0, 100, 250, 400] {
        let make = "req -x509 -key certs/server.key -subj /CN=localhost -days 90 -out fresh.pem";
        openssl(&secure.site, &format!("openssl {make}"));
        let serial = secure.serial_of("fresh.pem");
        secure.site.write("certs/server.pem", fs::read(secure.site.path("fresh.pem")).unwrap());
        pause(Duration::from_millis(millis));
        secure.site.write("certs/server.key", &key);
        let began = Instant::now();
        wait_until("the new one is shown", || secure.shown() == serial);
        assert!(began.elapsed() < SHOWN_WITHIN, "{millis} ms: {:?}", began.elapsed());
    }
}

#[test]
fn a_certificate_that_expires_soon_is_told_of_and_when_stands_in_the_metrics() {
    let secure = start();
    let expires = || {
        let sample = "theseus_tls_certificate_expires_seconds{listener=\"ssl:default\"";
        let figures = Figures::of(&secure.broker);
        figures.iter().find(|(name, _)| name.starts_with(sample)).unwrap().1
    };
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as f64;
    let days = |seconds: f64| (seconds - now) / 86_400.0;
    assert!((364.0..366.0).contains(&days(expires())), "{}", expires());
    fs::create_dir(secure.site.path("fresh")).unwrap();
    let key = "-keyout fresh/server.key -out fresh/server.pem -nodes -subj /CN=localhost -days 5";
    openssl(&secure.site, &format!("openssl req -x509 -newkey rsa:2048 {key} 2>/dev/null"));
    let mark = secure.broker.mark();
    secure.put("server.key");
    secure.put("server.pem");
    secure
        .broker
        .wait_for_line(mark, &["WARN", "ssl:default shows a certificate that expires in 4 days"]);
    assert!((4.0..5.1).contains(&days(expires())), "{}", expires());
}

#[test]
fn a_pair_that_does_not_do_is_told_of_and_the_one_in_force_stays() {
    let secure = start();
    let mut sub = secure.subscribe();
    let before = secure.shown();
    secure.site.certificates("fresh");
    let state = |file: &str| {
        let status = secure.broker.ctl("plugins");
        let path = format!("certs/{file}");
        let of = status["files"].as_array().unwrap().iter().find(|it| it["path"] == *path).unwrap();
        of["state"].as_str().unwrap().to_owned()
    };
    // One of the two, and the other much later.
    let mark = secure.broker.mark();
    secure.put("server.pem");
    let told =
        "its key is not that of the certificate in certfile; what was read before stays in force";
    secure.broker.wait_for_line(
        mark,
        &["WARN", "certs/server.key (listeners.ssl.default.ssl_options.keyfile)", told],
    );
    assert_eq!((secure.shown(), &*state("server.key")), (before.clone(), "rejected"));
    let trouble = secure.site.theseus(&["ctl", "status"], "").stdout;
    assert!(
        trouble.contains("certs/server.key") && trouble.contains("its key is not"),
        "{trouble}"
    );
    // Half of a file, written where it lies.
    let mark = secure.broker.mark();
    let whole = fs::read(secure.site.path("fresh/server.key")).unwrap();
    fs::write(secure.site.path("certs/server.key"), &whole[..whole.len() / 2]).unwrap();
    secure.broker.wait_for_line(mark, &["certs/server.key", "cut off"]);
    assert_eq!(secure.shown(), before);
    let mark = secure.broker.mark();
    fs::write(secure.site.path("certs/server.key"), &whole).unwrap();
    secure.broker.wait_for_line(mark, &["applied", "ssl:default shows the certificate"]);
    assert_eq!(
        (secure.shown(), &*state("server.key")),
        (secure.serial_of("fresh/server.pem"), "live")
    );
    // Deleted, it goes on.
    let mark = secure.broker.mark();
    secure.site.remove("certs/server.key");
    secure.broker.wait_for_line(mark, &["certs/server.key was deleted", "stays in force"]);
    assert_eq!(secure.shown(), secure.serial_of("fresh/server.pem"));
    let mut plain = Raw::connect(&secure.broker, &Connect::new(Version::V5, "plain"));
    plain.publish("t", "through all of it", 1);
    assert_eq!(sub.line_within(PATIENCE).as_deref(), Some("through all of it"));
}

const CLIENTS: usize = 1000;
const THREADS: usize = 4;
const ROTATIONS: usize = 100;

/// What the clients of one thread have done.
#[derive(Default)]
struct Crowd {
    connected: AtomicUsize,
    /// Each client has sent a message and has got one.
    rounds: AtomicUsize,
}

/// Ends what the threads do, also where the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Crowd {
    /// Connects its part of the clients, each of which sends numbers to the next at QoS 1 until it is told to stop.
    /// All messages of a round are under way at the same time, and must come, once and in order.
    fn talk(&self, ssl: SocketAddr, thread: usize, stop: &AtomicBool) {
        let (hello, count) = (Hello::new(), CLIENTS / THREADS);
        let topic = |number: usize| format!("{thread}/{}", number % count);
        let mut clients: Vec<Raw> = Vec::new();
        for number in 0..count {
            let connect = Connect::new(Version::V5, &topic(number));
            let mut client = Raw::connect_secured(ssl, &hello, &connect).unwrap();
            assert_eq!(client.subscribe(&topic(number), 1), 1);
            clients.push(client);
            self.connected.fetch_add(1, Ordering::Relaxed);
        }
        while !stop.load(Ordering::Relaxed) {
            let round = u16::try_from(self.rounds.load(Ordering::Relaxed) + 1).unwrap();
            for (number, client) in clients.iter_mut().enumerate() {
                let (to, text) = (topic(number + 1), round.to_string());
                client.send(&publish(Version::V5, &to, text.as_bytes(), (1, round), false));
            }
            clients.iter_mut().for_each(|client| acknowledged_and_received(client, round));
            self.rounds.fetch_add(1, Ordering::Relaxed);
        }
        clients.iter_mut().for_each(Raw::expect_no_message);
    }
}

/// The PUBACK for this number and a message with it, in either order.
fn acknowledged_and_received(client: &mut Raw, number: u16) {
    let packets = [client.packet(), client.packet()];
    let puback = packets.iter().find(|packet| packet.kind() == 4).unwrap();
    assert_eq!(puback.id(), number);
    let message = packets.iter().find(|packet| packet.kind() == 3);
    let message = message.map(|packet: &Packet| packet.message(Version::V5)).unwrap();
    assert_eq!((message.payload, message.dup), (number.to_string(), false));
    client.send(&ack(0x40, message.id));
}

/// A new certificate for a new key, and waits until who comes is shown it.
fn rotate(secure: &Secure) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let mark = secure.broker.mark();
    secure.site.write("certs/server.key", key.serialize_pem());
    secure.site.write("certs/server.pem", certificate.pem());
    secure.broker.wait_for_line(mark, &["ssl:default shows the certificate"]);
    let shown = Secured::open(secure.ssl, &Hello::new()).unwrap().certificate();
    assert_eq!(shown, certificate.der().to_vec());
}

/// Twice a thousand sockets.
fn many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

#[test]
fn a_thousand_clients_under_tls_do_not_notice_a_hundred_rotations() {
    many_files();
    let secure = start();
    let stop = AtomicBool::new(false);
    let crowds: [Crowd; THREADS] = Default::default();
    thread::scope(|scope| {
        let guard = Stop(&stop);
        for (number, crowd) in crowds.iter().enumerate() {
            let (ssl, stop) = (secure.ssl, &stop);
            scope.spawn(move || crowd.talk(ssl, number, stop));
        }
        let all = |of: fn(&Crowd) -> &AtomicUsize| {
            crowds.iter().map(|crowd| of(crowd).load(Ordering::Relaxed)).collect::<Vec<_>>()
        };
        wait_until("all are connected", || {
            all(|it| &it.connected).iter().sum::<usize>() == CLIENTS
        });
        for _ in 0..ROTATIONS {
            let before = all(|it| &it.rounds);
            rotate(&secure);
            let after = || all(|it| &it.rounds);
            wait_until("each has got a message meanwhile", || {
                after().iter().zip(&before).all(|(after, before)| after > before)
            });
        }
        let figures = Figures::of(&secure.broker);
        let value = |name: &str| figures.value(&format!("theseus_{name}_total"));
        assert_eq!(value("client_connected"), CLIENTS as f64);
        assert_eq!(value("client_disconnected"), 0.0);
        drop(guard);
    });
}
