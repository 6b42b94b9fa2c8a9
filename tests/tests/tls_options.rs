//! `ssl_options` that are edited while clients are connected: who comes meets the new ones, who is there stays, and
//! what does not do changes nothing.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Site, Tool, Version, publisher, subscriber};

const CONFIG: &str = "etc/theseus.toml";

/// A change is live within 2 s; three times that on a busy machine.
const LIVE_WITHIN: Duration = Duration::from_secs(6);

/// Whoever is inside is looked at this soon after a change; twice that.
const LOOKED_WITHIN: Duration = Duration::from_secs(1);

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
         certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n# more\n",
    );
    let mut broker = site.start();
    let ssl = broker.address_of_title("ssl:default");
    Secure { site, broker, ssl }
}

impl Secure {
    /// More options, and the line that says that they count, which comes in time.
    fn add(&self, options: &str, parts: &[&str]) {
        let (mark, start) = (self.broker.mark(), Instant::now());
        self.site.edit(CONFIG, "# more\n", &format!("{options}\n# more\n"));
        self.broker.wait_for_line(mark, parts);
        assert!(start.elapsed() < LIVE_WITHIN, "after {:?}", start.elapsed());
    }

    fn with(&self, mut program: Command, certificate: bool) -> Command {
        program.args(["-h", "localhost", "-p", &self.ssl.port().to_string(), "--cafile"]);
        program.arg(self.site.path("certs/ca.pem"));
        if certificate {
            program.arg("--cert").arg(self.site.path("certs/client.pem"));
            program.arg("--key").arg(self.site.path("certs/client.key"));
        }
        program
    }

    fn publishes(&self, certificate: bool) -> bool {
        let mut program = self.with(publisher(&self.broker, Version::V5), certificate);
        program.args(["-t", "t", "-q", "1", "-m", "x"]).output().unwrap().status.success()
    }

    fn subscribe(&self, certificate: bool) -> Tool {
        let mut program = self.with(subscriber(&self.broker, Version::V5), certificate);
        let mut tool = Tool::spawn(program.args(["-d", "-q", "1", "-t", "t"]));
        tool.subscribed();
        tool
    }

    /// A certificate for another name, which signs itself.
    fn make_other(&self) {
        let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
                    -keyout new.key -out new.pem -subj /CN=other.test \
                    -addext subjectAltName=DNS:other.test && mv new.pem other.pem && mv new.key other.key";
        let made = Command::new("bash").args(["-c", make]).current_dir(self.site.folder()).output();
        assert!(made.unwrap().status.success());
    }

    /// Who asks for that name is shown it, as it is now.
    fn shows_other(&self) -> bool {
        let options = "-servername other.test -verify_hostname other.test -CAfile";
        let other = self.site.path("other.pem");
        self.handshake(&format!("{options} {}", other.display())).contains("Verify return code: 0")
    }

    fn accepts(&self, version: &str) -> bool {
        let said = self.handshake(version);
        let cipher = said.split("Cipher is ").nth(1).unwrap();
        !cipher.starts_with("(NONE)")
    }

    /// What openssl says of a handshake.
    fn handshake(&self, options: &str) -> String {
        let ask = format!("openssl s_client -connect {} {options} </dev/null 2>&1", self.ssl);
        let said = Command::new("bash").args(["-c", &ask]).output().unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    }
}

#[test]
fn clients_are_asked_for_certificates_from_now_on_and_who_is_there_stays() {
    let secure = start();
    let mut there = secure.subscribe(false);
    assert!(secure.publishes(false));
    assert_eq!(there.line(), "x");
    secure.add(
        "verify = \"verify_peer\"\nfail_if_no_peer_cert = true\ncacertfile = \"certs/ca.pem\"",
        &[
            "listeners.ssl.default.ssl_options.verify \"verify_none\" -> \"verify_peer\"",
            "it holds from now on",
        ],
    );
    assert!(!secure.publishes(false), "nobody without a certificate");
    assert!(secure.publishes(true));
    assert_eq!(there.line(), "x");
    // And back: also who came by a certificate stays.
    let mut by_certificate = secure.subscribe(true);
    let (mark, asked) = (secure.broker.mark(), "verify_peer\"\nfail_if_no_peer_cert = true");
    secure.site.edit(CONFIG, asked, "verify_none\"\nfail_if_no_peer_cert = false");
    secure.broker.wait_for_line(mark, &["\"verify_peer\" -> \"verify_none\""]);
    assert!(secure.publishes(false));
    for tool in [&mut there, &mut by_certificate] {
        assert_eq!(tool.line(), "x");
        // The next look at who is inside has come meanwhile.
        assert!(tool.line_within(LOOKED_WITHIN).is_none());
        assert_eq!(tool.connects(), 1);
    }
    assert!(secure.publishes(false));
    assert_eq!((there.line(), by_certificate.line()), ("x".to_owned(), "x".to_owned()));
}

#[test]
fn versions_and_further_certificates_count_at_once() {
    let secure = start();
    assert!(secure.accepts("-tls1_2") && secure.accepts("-tls1_3"));
    secure.add("versions = [\"tlsv1.3\"]", &["ssl_options.versions", "it holds from now on"]);
    assert!(!secure.accepts("-tls1_2") && secure.accepts("-tls1_3"));
    secure.make_other();
    assert!(!secure.shows_other());
    let sni = "listeners.ssl.default.ssl_options.sni.other";
    secure.add(
        &format!("[{sni}]\ncertfile = \"other.pem\"\nkeyfile = \"other.key\""),
        &[&format!("{sni}.certfile not set"), "it holds from now on"],
    );
    assert!(secure.shows_other());
    // From now on it is followed, too.
    let mark = secure.broker.mark();
    secure.make_other();
    secure.broker.wait_for_line(mark, &["other.pem", "applied: ssl:default shows"]);
    assert!(secure.shows_other());
}

#[test]
fn what_does_not_do_keeps_the_whole_configuration_from_counting() {
    let secure = start();
    let mark = secure.broker.mark();
    let config = std::fs::read_to_string(secure.site.path(CONFIG)).unwrap();
    let config = config.replace("certs/server.pem", "new/server.pem");
    secure.site.write(CONFIG, config.replace("# more", "versions = [\"tlsv1.3\"]"));
    let line = secure.site.line_of(CONFIG, "new/server.pem");
    let place = format!("{CONFIG}:{line}: ");
    let key = "listeners.ssl.default.ssl_options.certfile";
    let stays = "the configuration in force stays";
    let parts = ["WARN", &place, key, "new/server.pem", "no such file", stays];
    secure.broker.wait_for_line(mark, &parts);
    assert!(secure.accepts("-tls1_2"), "the rest of it does not count either");
    // The file comes, though of another making than its key.
    secure.site.certificates("wrong");
    let mark = secure.broker.mark();
    std::fs::create_dir(secure.site.path("new")).unwrap();
    let put = |from: &str| {
        let content = std::fs::read(secure.site.path(from)).unwrap();
        secure.site.write("new/server.pem", content);
    };
    put("wrong/server.pem");
    let pair =
        ["WARN", "ssl_options.keyfile", "certs/server.key", "is not that of the certificate"];
    secure.broker.wait_for_line(mark, &pair);
    assert!(secure.accepts("-tls1_2"));
    // And then the right one: nobody has to touch the configuration again.
    let mark = secure.broker.mark();
    put("certs/server.pem");
    secure.broker.wait_for_line(mark, &[key, "ssl_options.versions", "it holds from now on"]);
    assert!(!secure.accepts("-tls1_2") && secure.accepts("-tls1_3"));
}

#[test]
fn a_suite_that_nobody_knows_is_named_with_its_line() {
    let secure = start();
    let mark = secure.broker.mark();
    secure.site.edit(CONFIG, "# more\n", "ciphers = [\"TLS_NO_SUCH\"]\n");
    let line = secure.site.line_of(CONFIG, "ciphers");
    let place = format!("{CONFIG}:{line}: ");
    let key = "listeners.ssl.default.ssl_options.ciphers";
    secure.broker.wait_for_line(mark, &["WARN", &place, key, "`TLS_NO_SUCH`"]);
    assert!(secure.publishes(false));
}
