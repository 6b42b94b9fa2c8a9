//! MQTT under TLS, plain and over WebSocket: the programs and libraries that people use, and openssl for
//! what they would not say. The certificates are those of `theseus certs dev`.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use theseus_tests::{
    Broker, Connect, Foreign, Library, Options, Raw, Site, Tool, Version, publisher, said,
    subscriber, theseus_says, wait_until,
};

/// A site with certificates, and listeners under TLS beside the plain one.
struct Secure {
    site: Site,
    broker: Broker,
    ssl: SocketAddr,
    wss: SocketAddr,
}

/// `options` are further keys of `ssl_options` on both.
fn start(options: &str, tables: &str) -> Secure {
    let site = Site::new();
    site.certificates("certs");
    let listener = |kind: &str| {
        format!(
            "[listeners.{kind}.default]\nbind = \"127.0.0.1:0\"\n\
             [listeners.{kind}.default.ssl_options]\n\
             certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n{options}\n"
        )
    };
    site.config(&format!(
        "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n{}{}{tables}",
        listener("ssl"),
        listener("wss")
    ));
    let mut broker = site.start();
    let (ssl, wss) =
        (broker.address_of_title("ssl:default"), broker.address_of_title("wss:default"));
    Secure { site, broker, ssl, wss }
}

impl Secure {
    fn cert(&self, file: &str) -> PathBuf {
        self.site.path("certs").join(file)
    }

    /// A program of mosquitto's that goes to the TLS listener by this name.
    fn at(&self, mut program: Command, name: &str) -> Command {
        program.args(["-h", name, "-p", &self.ssl.port().to_string(), "--cafile"]);
        program.arg(self.cert("ca.pem"));
        program
    }

    fn subscribe(&self, topic: &str) -> Tool {
        let mut program = self.at(subscriber(&self.broker, Version::V5), "localhost");
        let mut tool = Tool::spawn(program.args(["-d", "-q", "2", "-t", topic]));
        tool.subscribed();
        tool
    }

    /// `openssl s_client`, which asks for `localhost` and says this once the handshake is done.
    fn openssl(&self, address: SocketAddr, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new("openssl")
            .args(["s_client", "-connect", &address.to_string(), "-servername", "localhost"])
            .args(["-verify_return_error", "-CAfile"])
            .arg(self.cert("ca.pem"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

#[test]
fn mosquitto_clients_speak_through_tls_at_every_qos() {
    let secure = start("", "");
    let mut sub = secure.subscribe("t/#");
    let mut plain = Raw::connect(&secure.broker, &Connect::new(Version::V5, "plain"));
    plain.subscribe("t/#", 0);
    for qos in ["0", "1", "2"] {
        for name in ["localhost", "127.0.0.1"] {
            let mut publish = secure.at(publisher(&secure.broker, Version::V311), name);
            let status = publish.args(["-t", "t/x", "-q", qos, "-m", qos]).status().unwrap();
            assert!(status.success());
            assert_eq!(sub.line(), qos);
            assert_eq!(plain.message().payload, qos);
        }
    }
    plain.publish("t/y", "from outside", 1);
    assert_eq!(sub.line(), "from outside");
    let [done, failed] = secure.broker.counted(&["tls_handshakes", "tls_handshakes_failed"])[..]
    else {
        panic!()
    };
    assert_eq!((done, failed), (7, 0));
}

#[test]
fn a_wrong_name_and_an_unknown_authority_are_the_clients_to_refuse() {
    let secure = start("", "");
    let right = secure.openssl(secure.ssl, &["-verify_hostname", "localhost"], "");
    assert!(said(&right).contains("Verify return code: 0 (ok)"), "{}", said(&right));
    let wrong = secure.openssl(secure.ssl, &["-verify_hostname", "broker.example.com"], "");
    assert!(
        !wrong.status.success() && said(&wrong).contains("ostname mismatch"),
        "{}",
        said(&wrong)
    );
    let mut publish = publisher(&secure.broker, Version::V311);
    publish.args(["-h", "localhost", "-p", &secure.ssl.port().to_string(), "--cafile"]);
    publish.arg(secure.cert("client.pem")).args(["-t", "t", "-m", "x"]);
    assert!(!publish.output().unwrap().status.success());
}

#[test]
fn both_versions_and_each_suite_are_spoken_and_nothing_older() {
    let secure = start("", "");
    let speaks = |arguments: &[&str]| said(&secure.openssl(secure.ssl, arguments, ""));
    for suite in ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"] {
        let said = speaks(&["-tls1_2", "-cipher", suite]);
        assert!(said.contains(&format!("New, TLSv1.2, Cipher is {suite}")), "{said}");
    }
    for suite in ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"] {
        let said = speaks(&["-tls1_3", "-ciphersuites", suite]);
        assert!(said.contains(&format!("New, TLSv1.3, Cipher is {suite}")), "{said}");
    }
    for refused in [
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-tls1_2", "-cipher", "AES256-SHA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"],
    ] {
        let said = speaks(refused);
        assert!(said.contains("alert") && said.contains("Cipher is (NONE)"), "{refused:?}: {said}");
    }
}

#[test]
fn a_client_is_asked_for_a_certificate_where_the_operator_wants_one() {
    let ask = "verify = \"verify_peer\"\ncacertfile = \"certs/ca.pem\"\n";
    for (must, without) in [("true", false), ("false", true)] {
        let secure = start(&format!("{ask}fail_if_no_peer_cert = {must}"), "");
        let shows = |pair: Option<(&str, &str)>| {
            let mut publish = secure.at(publisher(&secure.broker, Version::V5), "localhost");
            if let Some((certificate, key)) = pair {
                publish.arg("--cert").arg(secure.cert(certificate));
                publish.arg("--key").arg(secure.cert(key));
            }
            publish.args(["-t", "t", "-q", "1", "-m", "x"]).output().unwrap().status.success()
        };
        assert!(shows(Some(("client.pem", "client.key"))));
        assert_eq!(shows(None), without);
        // Signed by the same, but not for clients.
        assert!(!shows(Some(("server.pem", "server.key"))));
    }
}

/// Whoever has the certificate of a client is that client, whatever it says.
#[test]
fn a_certificate_names_its_client_whatever_connect_says() {
    let ask = "verify = \"verify_peer\"\ncacertfile = \"certs/ca.pem\"\n";
    let secure = start(ask, "[mqtt]\npeer_cert_as_clientid = \"cn\"\n");
    let publish = |id: &str, pair: bool| {
        let mut publish = secure.at(publisher(&secure.broker, Version::V5), "localhost");
        if pair {
            publish.arg("--cert").arg(secure.cert("client.pem"));
            publish.arg("--key").arg(secure.cert("client.key"));
        }
        let mark = secure.broker.mark();
        let publish = publish.args(["-i", id, "-t", "t", "-q", "1", "-m", "x"]);
        assert!(publish.status().unwrap().success());
        secure.broker.wait_for_line(mark, &["let in by allow_anonymous"])
    };
    assert!(publish("evil", true).contains("client \"client\" let in"));
    // A user name that nobody has vouched for stays a claim.
    let mut claims = secure.at(publisher(&secure.broker, Version::V5), "localhost");
    claims.arg("--cert").arg(secure.cert("client.pem")).arg("--key").arg(secure.cert("client.key"));
    assert!(!claims.args(["-u", "admin", "-t", "t", "-m", "x"]).output().unwrap().status.success());
    // Who shows none is who it says.
    assert!(publish("plain", false).contains("client \"plain\" let in"));
}

/// With no plugin and no word that anybody may come in.
#[test]
fn where_nobody_else_is_asked_a_certificate_is_the_login() {
    let site = Site::new();
    site.certificates("certs");
    site.config(
        "[listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n[listeners.ssl.default.ssl_options]\n\
         certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n\
         verify = \"verify_peer\"\ncacertfile = \"certs/ca.pem\"\n\
         [listeners.ssl.default.mqtt]\npeer_cert_as_username = \"cn\"\n\
         [authorization]\nno_match = \"allow\"\n",
    );
    let broker = site.start();
    let publish = |pair: bool, more: &[&str]| {
        let mut publish = publisher(&broker, Version::V5);
        publish.args(["-h", "localhost", "-p", &broker.port().to_string(), "--cafile"]);
        publish.arg(site.path("certs/ca.pem"));
        if pair {
            publish.arg("--cert").arg(site.path("certs/client.pem"));
            publish.arg("--key").arg(site.path("certs/client.key"));
        }
        publish
            .args(["-t", "t", "-q", "1", "-m", "x"])
            .args(more)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(publish(true, &[]));
    // Asked again whether it may stay, it is.
    let mut sub = subscriber(&broker, Version::V5);
    sub.args(["-h", "localhost", "-p", &broker.port().to_string(), "--cafile"]);
    sub.arg(site.path("certs/ca.pem")).arg("--cert").arg(site.path("certs/client.pem"));
    let mut sub =
        Tool::spawn(sub.arg("--key").arg(site.path("certs/client.key")).args(["-d", "-t", "t"]));
    sub.subscribed();
    assert!(site.theseus(&["ctl", "revalidate", "all"], "").status.success());
    wait_until("all have been asked", || broker.ctl("revalidate")["round"]["waiting"] == 0);
    assert_eq!(broker.ctl("revalidate")["round"]["kept"], 1);
    assert!(publish(true, &[]));
    assert_eq!((sub.line(), sub.connects()), ("x".to_owned(), 1));
    assert!(!publish(false, &[]), "nobody without a certificate");
    assert!(!publish(false, &["-u", "client"]), "nor with its name alone");
    assert!(!publish(true, &["-u", "x", "-P", "y"]), "nobody can check a password");
}

#[test]
fn rules_know_what_stands_in_a_certificate() {
    let site = Site::new();
    site.certificates("certs");
    site.drop_in("acl", "acl.wasm");
    site.write(
        "etc/acl.toml",
        "[[rules]]\npermission = \"allow\"\naction = \"all\"\n\
         topics = [\"of/${attribute.tls.cn}/#\"]\n",
    );
    site.config(
        "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n[listeners.ssl.default.ssl_options]\n\
         certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n\
         verify = \"verify_peer\"\ncacertfile = \"certs/ca.pem\"\n\
         [authorization]\nsources = [\"acl\"]\n[plugins.acl]\nrules_file = \"etc/acl.toml\"\n",
    );
    let mut broker = site.start();
    let port = broker.address_of_title("ssl:default").port();
    let publish = |pair: bool, topic: &str| {
        let mut publish = publisher(&broker, Version::V5);
        publish.args(["-h", "localhost", "-p", &port.to_string(), "--cafile"]);
        publish.arg(site.path("certs/ca.pem"));
        if pair {
            publish.arg("--cert").arg(site.path("certs/client.pem"));
            publish.arg("--key").arg(site.path("certs/client.key"));
        }
        said(&publish.args(["-t", topic, "-q", "1", "-m", "x", "-d"]).output().unwrap())
    };
    let is_let = |said: String| {
        assert!(said.contains("PUBACK"), "{said}");
        !said.contains("ot authorized")
    };
    assert!(is_let(publish(true, "of/client/x")), "its common name");
    assert!(!is_let(publish(true, "of/other/x")));
    assert!(!is_let(publish(false, "of/client/x")), "who shows none has no name");
}

#[test]
fn a_certificate_without_the_name_that_is_wanted_lets_nobody_in() {
    let ask = "verify = \"verify_peer\"\ncacertfile = \"certs/ca.pem\"\n";
    let secure = start(ask, "[mqtt]\npeer_cert_as_username = \"san_email\"\n");
    let mut publish = secure.at(publisher(&secure.broker, Version::V5), "localhost");
    publish
        .arg("--cert")
        .arg(secure.cert("client.pem"))
        .arg("--key")
        .arg(secure.cert("client.key"));
    let mark = secure.broker.mark();
    let refused = publish.args(["-u", "evil", "-t", "t", "-m", "x"]).output().unwrap();
    assert!(
        !refused.status.success() && said(&refused).contains("ot authorized"),
        "{}",
        said(&refused)
    );
    secure.broker.wait_for_line(mark, &["the certificate has no san_email"]);
}

/// The state of TLS moves with its connection, in whatever it is at.
#[test]
fn connections_under_tls_move_between_shards_and_lose_nothing() {
    let secure = start("", "[node]\nshards = 3\n[testing]\nmove_connections_every = \"10ms\"");
    let mut sub = secure.subscribe("n");
    let mut program = secure.at(publisher(&secure.broker, Version::V5), "localhost");
    program.args(["-q", "1", "-t", "n", "-l"]).stdin(Stdio::piped());
    let mut publish = Tool::spawn(&mut program);
    let mut input = publish.input();
    for number in 0..2_000 {
        // Now and then more than a record.
        let long = if number % 100 == 0 { "x".repeat(20_000) } else { String::new() };
        writeln!(input, "{number} {long}").unwrap();
    }
    drop(input);
    for number in 0..2_000 {
        let line = sub.line();
        assert_eq!(line.split(' ').next(), Some(&*number.to_string()));
    }
    publish.finish();
}

/// With WebSocket and without.
fn speaks(library: Library, version: Version) {
    let secure = start("", "");
    let ca = secure.cert("ca.pem");
    let options = [
        Options::new("plain").tls(secure.ssl.port(), &ca),
        Options::new("web").websocket(secure.wss.port()).tls(secure.wss.port(), &ca),
    ];
    for options in options {
        let mut client = Foreign::connect(library, version, &secure.broker, options);
        client.subscribe("t/#", 2);
        for qos in 0..=2 {
            let long = "x".repeat(100_000);
            client.publish("t/long", &long, qos);
            assert_eq!(client.payload("t/long", qos), long);
        }
        client.disconnect();
    }
}

#[test]
fn paho_speaks_through_tls_with_and_without_websocket() {
    theseus_tests::run(Library::Paho, Version::V5, speaks);
}

#[test]
fn mqttjs_speaks_through_tls_with_and_without_websocket() {
    theseus_tests::run(Library::MqttJs, Version::V5, speaks);
}

#[test]
fn what_would_not_work_is_said_at_the_start_with_file_line_and_key() {
    let site = Site::new();
    site.certificates("certs");
    let with = |certfile: &str, keyfile: &str| {
        site.config(&format!(
            "allow_anonymous = true\n[listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n\
             [listeners.ssl.default.ssl_options]\ncertfile = \"certs/{certfile}\"\n\
             keyfile = \"certs/{keyfile}\"\n"
        ));
        site.fails_to_start(&[]).stderr
    };
    let at = "listeners.ssl.default.ssl_options";
    for (certfile, keyfile, said) in [
        (
            "none.pem",
            "server.key",
            format!("theseus.toml:6: {at}.certfile: certs/none.pem: cannot be read: No such"),
        ),
        (
            "server.key",
            "server.key",
            format!(":6: {at}.certfile: certs/server.key: it holds no certificate"),
        ),
        (
            "server.pem",
            "client.key",
            format!(
                ":7: {at}.keyfile: certs/client.key: its key is not that of the certificate in certfile"
            ),
        ),
    ] {
        let stderr = with(certfile, keyfile);
        assert!(stderr.contains(&said), "{said}:\n{stderr}");
    }
    // Nothing that is there is overwritten.
    let again = theseus_says(&["certs", "dev", "--dir", site.path("certs").to_str().unwrap()], "");
    assert!(!again.status.success() && again.stderr.contains("ca.pem is there already"));
}
