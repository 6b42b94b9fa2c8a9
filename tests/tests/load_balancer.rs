//! HAProxy before the broker, which sees through it: the addresses of clients, and the certificates that HAProxy
//! has looked at. Headers byte by byte are in `proxy_protocol`.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use theseus_tests::{
    Broker, Connect, Foreign, Haproxy, Library, Options, Raw, Site, Tool, Version, publisher,
    subscriber,
};

const BEHIND: &str = "proxy_protocol = true\nproxy_protocol_networks = [\"127.0.0.1\"]\n";

/// A site with certificates, a listener of each kind behind a balancer, and one that is not, for watchers.
struct Harbour {
    site: Site,
    broker: Broker,
    watcher: Raw,
}

impl Harbour {
    /// These keys are those of `tcp:behind`, and of `mqtt` there.
    fn open(keys: &str, mqtt: &str) -> Self {
        Self::of(Site::new(), "", keys, mqtt)
    }

    /// The same on this site, with keys for the top level.
    fn of(site: Site, top: &str, keys: &str, mqtt: &str) -> Self {
        site.certificates("certs");
        let bind = "bind = \"127.0.0.1:0\"";
        let options = "certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n";
        let secure = |kind: &str| {
            format!(
                "[listeners.{kind}.behind]\n{bind}\nallow_anonymous = true\n{BEHIND}\
                 [listeners.{kind}.behind.ssl_options]\n{options}"
            )
        };
        site.config(&format!(
            "{top}\n[listeners.tcp.default]\n{bind}\nallow_anonymous = true\n\
             [listeners.tcp.behind]\n{bind}\n{BEHIND}{keys}\n[listeners.tcp.behind.mqtt]\n{mqtt}\n\
             {}{}[sys_topics.sys_event_messages]\nclient_connected = true\n\
             [authorization]\nno_match = \"allow\"\n",
            secure("ssl"),
            secure("wss"),
        ));
        let broker = site.start();
        let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
        watcher.subscribe("$SYS/brokers/+/clients/+/connected", 0);
        Self { site, broker, watcher }
    }

    /// A balancer before the listener of this title.
    fn before(&mut self, title: &str, bind: &str, server: &str) -> Haproxy {
        Haproxy::before(self.broker.address_of_title(title), bind, server)
    }

    fn cert(&self, file: &str) -> PathBuf {
        self.site.path("certs").join(file)
    }

    /// A program of mosquitto's that goes through the balancer, from another address of this machine.
    fn through(&self, balancer: &Haproxy, mut program: Command, source: &str) -> Command {
        program.args(["-h", "127.0.0.1", "-p", &balancer.port().to_string(), "-A", source]);
        program
    }

    /// What the broker tells of the next client that is let in.
    fn event(&mut self) -> Value {
        serde_json::from_str(&self.watcher.message().payload).unwrap()
    }

    /// Lets mosquitto's programs speak through it; `more` are further arguments of both.
    fn speak(&mut self, balancer: &Haproxy, more: &[String]) {
        let mut sub = subscriber(&self.broker, Version::V5);
        sub.args(["-d", "-q", "1", "-t", "t"]).args(more);
        let mut sub = Tool::spawn(&mut self.through(balancer, sub, "127.0.0.3"));
        sub.subscribed();
        assert_eq!(self.event()["ipaddress"], "127.0.0.3");
        let mut publish = publisher(&self.broker, Version::V311);
        publish.args(["-t", "t", "-q", "1", "-m", "ahoy"]).args(more);
        assert!(self.through(balancer, publish, "127.0.0.2").status().unwrap().success());
        assert_eq!(self.event()["ipaddress"], "127.0.0.2");
        assert_eq!(sub.line(), "ahoy");
    }
}

#[test]
fn the_broker_sees_the_clients_of_a_balancer_that_passes_everything_on() {
    if !Haproxy::is_installed() {
        return;
    }
    let mut harbour = Harbour::open("allow_anonymous = true", "");
    let secure = vec!["--cafile".to_owned(), harbour.cert("ca.pem").to_str().unwrap().to_owned()];
    for server in ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"]
    {
        let plain = harbour.before("tcp:behind", "", server);
        harbour.speak(&plain, &[]);
        let encrypted = harbour.before("ssl:behind", "", server);
        harbour.speak(&encrypted, &secure);
    }
    // Who goes past the balancer is not served, whatever address it has.
    let past = harbour.broker.address_of_title("tcp:behind");
    let mut publish = publisher(&harbour.broker, Version::V5);
    publish.args(["-p", &past.port().to_string(), "-t", "t", "-m", "x"]);
    assert!(!publish.output().unwrap().status.success());
    // HAProxy looks whether it is well, in its own name, and that is no client.
    let checking =
        harbour.before("tcp:behind", "", "check inter 50ms check-send-proxy send-proxy-v2");
    harbour.speak(&checking, &[]);
    let names = ["proxy_headers_refused", "proxy_header_timeouts", "proxy_peers_refused"];
    assert_eq!(harbour.broker.counted(&names), [1, 0, 0]);
}

/// Under TLS they count before the handshake.
#[test]
fn limits_under_tls_count_by_the_clients_address_and_not_by_the_balancers() {
    if !Haproxy::is_installed() {
        return;
    }
    let site = Site::new();
    site.drop_in("rate", "rate.wasm");
    let limits = "limits = [\"rate\"]\n\
                  plugins.rate.for_all = [\"c connects address 1/86400000 2 refuse\"]";
    let mut harbour = Harbour::of(site, limits, "allow_anonymous = true", "");
    let balancer = harbour.before("ssl:behind", "", "send-proxy-v2");
    let publish = |source: &str| {
        let mut publish = publisher(&harbour.broker, Version::V5);
        publish.args(["-t", "t", "-q", "1", "-m", "x", "--cafile"]).arg(harbour.cert("ca.pem"));
        harbour.through(&balancer, publish, source).output().unwrap().status.success()
    };
    for source in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        assert!(publish(source) && publish(source), "{source}");
        let mark = harbour.broker.mark();
        assert!(!publish(source), "{source}");
        let closed = format!("{source}:");
        harbour.broker.wait_for_line(mark, &[&closed, "closed: more connect than limit"]);
    }
}

fn speaks_over_websocket(library: Library, version: Version) {
    let mut harbour = Harbour::open("allow_anonymous = true", "");
    let balancer = harbour.before("wss:behind", "", "send-proxy-v2");
    let options = Options::new("web")
        .websocket(balancer.port())
        .tls(balancer.port(), &harbour.cert("ca.pem"));
    let mut client = Foreign::connect(library, version, &harbour.broker, options);
    client.subscribe("t", 2);
    let long = "x".repeat(100_000);
    client.publish("t", &long, 2);
    assert_eq!(client.payload("t", 2), long);
    client.disconnect();
}

#[test]
fn websocket_under_tls_passes_a_balancer() {
    if Haproxy::is_installed() {
        theseus_tests::run(Library::MqttJs, Version::V5, speaks_over_websocket);
    }
}

/// With no plugin and no word that anybody may come in.
#[test]
fn who_has_shown_a_certificate_to_the_balancer_has_its_name() {
    if !Haproxy::is_installed() {
        return;
    }
    let mut harbour = Harbour::open("", "peer_cert_as_username = \"cn\"");
    let [certificate, key] =
        ["server.pem", "server.key"].map(|it| fs::read_to_string(harbour.cert(it)));
    let pair = harbour.site.write("certs/pair.pem", certificate.unwrap() + &key.unwrap());
    let (pair, ca) = (pair.display(), harbour.cert("ca.pem"));
    let ca = ca.display();
    let bind = format!("ssl crt {pair} ca-file {ca} verify required");
    let named = "send-proxy-v2-ssl-cn proxy-v2-options crc32c,authority,ssl,cert-cn,ssl-cipher";
    let balancer = harbour.before("tcp:behind", &bind, named);
    let publish = |harbour: &Harbour, balancer: &Haproxy, pair: &str, more: &[&str]| {
        let mut publish = publisher(&harbour.broker, Version::V5);
        publish
            .args(["-t", "t", "-q", "1", "-m", "x"])
            .args(more)
            .arg("--cafile")
            .arg(harbour.cert("ca.pem"));
        if !pair.is_empty() {
            publish.arg("--cert").arg(harbour.cert(&format!("{pair}.pem")));
            publish.arg("--key").arg(harbour.cert(&format!("{pair}.key")));
        }
        harbour.through(balancer, publish, "127.0.0.2").output().unwrap().status.success()
    };
    for claim in [&[][..], &["-u", "root"]] {
        assert!(publish(&harbour, &balancer, "client", claim), "{claim:?}");
        let event = harbour.event();
        assert_eq!(
            (&event["username"], &event["ipaddress"]),
            (&"client".into(), &"127.0.0.2".into())
        );
    }
    assert!(!publish(&harbour, &balancer, "", &["-u", "client"]), "it has to show one");
    // Where the balancer lets in who shows none, or one that is not good, its word is not worth more.
    let lax = format!("ssl crt {pair} ca-file {ca} verify optional crt-ignore-err all");
    let lax = harbour.before("tcp:behind", &lax, named);
    assert!(publish(&harbour, &lax, "client", &[]));
    assert_eq!(harbour.event()["username"], "client");
    assert!(!publish(&harbour, &lax, "", &["-u", "client"]));
    let mark = harbour.broker.mark();
    // Signed by the same, but not for clients.
    assert!(!publish(&harbour, &lax, "server", &[]));
    harbour
        .broker
        .wait_for_line(mark, &["127.0.0.2:", "the balancer has not verified the certificate"]);
    // A balancer that does not tell of it.
    let silent = harbour.before("tcp:behind", &bind, "send-proxy-v2");
    assert!(!publish(&harbour, &silent, "client", &["-u", "client"]));
}
