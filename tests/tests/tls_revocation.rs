//! Certificates of clients that are revoked while they are connected: they have to go, come in no more, and no
//! ticket from before helps. The authority is openssl.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use theseus_tests::{
    Broker, Connect, Figures, Raw, Site, Tool, Version, publisher, said, subscriber, wait_until,
};

/// What is promised: who is revoked is gone within 3 s of the list; a slow machine is given three times that.
const GONE_WITHIN: Duration = Duration::from_secs(9);

/// An authority with a list that revokes nobody, and two clients of it.
const AUTHORITY: &str = r#"
    make() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }
    make ca
    openssl req -x509 -new -key ca.key -days 30 -subj "/CN=Clients" -out ca.pem
    echo "extendedKeyUsage = clientAuth" > client.cnf
    for name in good stolen; do
        make $name
        openssl req -new -key $name.key -subj "/CN=$name" -out $name.csr
        openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
            -extfile client.cnf -out $name.pem
    done
    touch index.txt
    echo 01 > crlnumber
    printf '[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ncrlnumber = crlnumber\n' > ca.cnf
    printf 'default_md = sha256\ndefault_crl_days = 7\n' >> ca.cnf
    openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out crl.pem
"#;

const REVOKE: &str = "openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -revoke stolen.pem";

/// Written elsewhere and put in place as a whole.
const LIST: &str = "openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out new.pem && \
                    mv new.pem crl.pem";

struct Secure {
    site: Site,
    broker: Broker,
    ssl: SocketAddr,
}

fn prepared(options: &str) -> Site {
    let site = Site::new();
    site.certificates("certs");
    fs::create_dir(site.path("clients")).unwrap();
    run(&site, AUTHORITY);
    site.config(&format!(
        "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n[listeners.ssl.default.ssl_options]\n\
         certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n\
         verify = \"verify_peer\"\ncacertfile = \"clients/ca.pem\"\n\
         crlfile = \"clients/crl.pem\"\n{options}\n"
    ));
    site
}

fn start(options: &str) -> Secure {
    let site = prepared(options);
    let mut broker = site.start();
    let ssl = broker.address_of_title("ssl:default");
    Secure { site, broker, ssl }
}

/// Commands of the authority.
fn run(site: &Site, commands: &str) {
    let mut bash = Command::new("bash");
    let out = bash.args(["-ec", commands]).current_dir(site.path("clients")).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

impl Secure {
    fn with(&self, mut program: Command, name: &str) -> Command {
        program.args(["-h", "localhost", "-p", &self.ssl.port().to_string(), "--cafile"]);
        program.arg(self.site.path("certs/ca.pem"));
        program.arg("--cert").arg(self.site.path(&format!("clients/{name}.pem")));
        program.arg("--key").arg(self.site.path(&format!("clients/{name}.key")));
        program
    }

    fn subscribe(&self, name: &str, topic: &str) -> Tool {
        let mut program = self.with(subscriber(&self.broker, Version::V5), name);
        let mut tool = Tool::spawn(program.args(["-d", "-q", "1", "-t", topic]));
        tool.subscribed();
        tool
    }

    fn publish(&self, name: &str) -> bool {
        let mut program = self.with(publisher(&self.broker, Version::V5), name);
        program.args(["-t", "t", "-q", "1", "-m", "x"]).output().unwrap().status.success()
    }

    /// A whole MQTT connection by openssl, which takes or brings a ticket.
    fn openssl(&self, name: &str, version: &str, ticket: &str) -> String {
        let connect = r"printf '\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01s'";
        let ask = format!(
            "({connect}; sleep 0.5) | openssl s_client -connect {} {version} -cert {name}.pem \
             -key {name}.key {ticket} 2>&1",
            self.ssl
        );
        let mut bash = Command::new("bash");
        bash.args(["-c", &ask]).current_dir(self.site.path("clients"));
        said(&bash.output().unwrap())
    }
}

#[test]
fn who_is_revoked_has_to_go_and_comes_in_no_more() {
    let secure = start("fail_if_no_peer_cert = true");
    let (mut stolen, mut good) = (secure.subscribe("stolen", "t"), secure.subscribe("good", "t"));
    assert!(secure.publish("stolen"));
    assert_eq!((stolen.line(), good.line()), ("x".to_owned(), "x".to_owned()));
    let mark = secure.broker.mark();
    run(&secure.site, REVOKE);
    run(&secure.site, LIST);
    let began = Instant::now();
    // It tries to come again, and is refused in the handshake.
    secure.broker.wait_for_line(mark, &["1 connected clients had to go"]);
    assert!(began.elapsed() < GONE_WITHIN, "{:?}", began.elapsed());
    wait_until("it is told why", || stolen.lines().iter().any(|line| line.contains("(135)")));
    wait_until("it is refused", || !secure.publish("stolen"));
    secure.broker.wait_for_line(mark, &["invalid peer certificate: Revoked"]);
    assert!(secure.publish("good"));
    assert_eq!((good.line(), good.connects()), ("x".to_owned(), 1));
    assert_eq!(secure.broker.counted(&["disconnected_by_certificate"]), [1]);
}

/// The reference says that rustls by itself lets it in.
#[test]
fn a_ticket_from_before_opens_no_door() {
    let secure = start("fail_if_no_peer_cert = true");
    for version in ["-tls1_3", "-tls1_2"] {
        for name in ["good", "stolen"] {
            secure.openssl(name, version, &format!("-sess_out {name}{version}"));
            let again = secure.openssl(name, version, &format!("-sess_in {name}{version}"));
            assert!(again.contains("Reused, TLSv1"), "{again}");
        }
    }
    let mark = secure.broker.mark();
    run(&secure.site, REVOKE);
    run(&secure.site, LIST);
    secure.broker.wait_for_line(mark, &["clients/crl.pem applied", "ssl:default"]);
    for version in ["-tls1_3", "-tls1_2"] {
        let stolen = secure.openssl("stolen", version, &format!("-sess_in stolen{version}"));
        assert!(stolen.contains("alert certificate revoked"), "{stolen}");
        let good = secure.openssl("good", version, &format!("-sess_in good{version}"));
        assert!(good.contains("New, TLSv1") && !good.contains("alert"), "{good}");
    }
}

#[test]
fn a_list_that_says_nothing_is_told_of_and_the_one_in_force_stays() {
    let secure = start("fail_if_no_peer_cert = true");
    run(&secure.site, REVOKE);
    run(&secure.site, LIST);
    wait_until("the list is in force", || !secure.publish("stolen"));
    let list = fs::read_to_string(secure.site.path("clients/crl.pem")).unwrap();
    for (content, why) in [
        (&list[..list.len() / 2], "it is no PEM, or is cut off"),
        ("", "it holds no list of revoked certificates"),
    ] {
        let mark = secure.broker.mark();
        fs::write(secure.site.path("clients/crl.pem"), content).unwrap();
        let key = "clients/crl.pem (listeners.ssl.default.ssl_options.crlfile)";
        secure.broker.wait_for_line(mark, &["WARN", key, why, "stays in force"]);
        assert!(!secure.publish("stolen") && secure.publish("good"));
    }
    let mark = secure.broker.mark();
    secure.site.remove("clients/crl.pem");
    secure.broker.wait_for_line(mark, &["clients/crl.pem was deleted", "stays in force"]);
    assert!(!secure.publish("stolen") && secure.publish("good"));
}

/// Then nobody can say who is revoked.
#[test]
fn with_a_list_that_is_out_of_date_nobody_new_comes_in_and_who_is_inside_stays() {
    let secure = start("fail_if_no_peer_cert = true");
    let mut inside = secure.subscribe("good", "t");
    let mark = secure.broker.mark();
    run(&secure.site, &LIST.replace("-gencrl", "-gencrl -crlsec 4"));
    secure.broker.wait_for_line(mark, &["clients/crl.pem applied"]);
    assert!(secure.publish("good"));
    assert_eq!(inside.line(), "x");
    wait_until("it is out of date", || !secure.publish("good"));
    let said = "the list of revoked certificates of `CN=Clients` has expired";
    secure.broker.wait_for_line(mark, &["WARN", "ssl:default", said]);
    let mark = secure.broker.mark();
    run(&secure.site, LIST);
    secure.broker.wait_for_line(mark, &["clients/crl.pem applied"]);
    wait_until("there is a new one", || secure.publish("good"));
    assert_eq!((inside.line(), inside.connects()), ("x".to_owned(), 1));
    let figures = Figures::of(&secure.broker);
    let expires = "theseus_tls_crl_expires_seconds{listener=\"ssl:default\",issuer=\"CN=Clients\"}";
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as f64;
    let (_, expires) = figures.iter().find(|(name, _)| *name == expires).unwrap();
    let days = (expires - now) / 86_400.0;
    assert!((6.9..7.1).contains(&days), "{days}");
}

#[test]
fn an_authority_that_expires_soon_is_told_of_and_when_stands_in_the_metrics() {
    let secure = start("");
    // As one that takes the place of another; only that one is to be told of.
    let soon = "openssl req -x509 -new -key ca.key -days 5 -set_serial 0xa1 -subj /CN=Clients \
                -out soon.pem
                openssl req -x509 -new -key ca.key -days 90 -set_serial 0xa2 -subj /CN=Clients \
                -out late.pem; cat soon.pem late.pem >new.pem; mv new.pem ca.pem";
    let mark = secure.broker.mark();
    run(&secure.site, soon);
    let said =
        "ssl:default trusts an authority in cacertfile that expires in 4 days: `CN=Clients`, a1";
    secure.broker.wait_for_line(mark, &["WARN", said]);
    let figures = Figures::of(&secure.broker);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as f64;
    for (serial, days) in [("a1", 4.9..5.1), ("a2", 89.9..90.1)] {
        let labels =
            format!("{{listener=\"ssl:default\",subject=\"CN=Clients\",serial=\"{serial}\"}}");
        let expires = figures.value(&format!("theseus_tls_authority_expires_seconds{labels}"));
        let left = (expires - now) / 86_400.0;
        assert!(days.contains(&left), "{serial}: {left}");
    }
    assert!(!secure.broker.lines(mark).iter().any(|line| line.contains("`CN=Clients`, a2")));
    assert!(secure.publish("good"), "by the key of both");
}

/// Others come in without a certificate, or not under TLS; they are nobody's concern.
#[test]
fn whose_authority_goes_has_to_go_and_others_stay() {
    let secure = start("");
    let mut stolen = secure.subscribe("stolen", "t");
    let mut program = subscriber(&secure.broker, Version::V5);
    program.args(["-h", "localhost", "-p", &secure.ssl.port().to_string(), "--cafile"]);
    program.arg(secure.site.path("certs/ca.pem"));
    let mut without = Tool::spawn(program.args(["-d", "-q", "1", "-t", "t"]));
    without.subscribed();
    let mut plain = Raw::connect(&secure.broker, &Connect::new(Version::V5, "plain"));
    let mark = secure.broker.mark();
    // Another authority of the same form, with its list.
    fs::rename(secure.site.path("clients"), secure.site.path("former")).unwrap();
    fs::create_dir(secure.site.path("clients")).unwrap();
    run(&secure.site, &AUTHORITY.replace("/CN=Clients", "/CN=Others"));
    secure.broker.wait_for_line(mark, &["1 connected clients had to go"]);
    wait_until("it is told", || stolen.lines().iter().any(|line| line.contains("(135)")));
    plain.publish("t", "still here", 1);
    assert_eq!((without.line(), without.connects()), ("still here".to_owned(), 1));
}

/// Serves the folder of the authority, until it is dropped.
struct Server(Child);

impl Server {
    fn start(site: &Site, port: u16) -> Self {
        let mut python = Command::new("python3");
        python.args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1"]);
        python.current_dir(site.path("clients")).stdout(Stdio::null()).stderr(Stdio::null());
        Self(python.spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_list_is_fetched_and_the_last_good_one_outlives_its_server_and_the_broker() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/crl.der");
    let site = prepared(&format!(
        "fail_if_no_peer_cert = true\ncrl_urls = [\"{url}\"]\ncrl_refresh_interval = \"1s\""
    ));
    site.edit("etc/theseus.toml", "crlfile = \"clients/crl.pem\"", "");
    let issue =
        format!("{LIST} && openssl crl -in crl.pem -outform DER -out new && mv new crl.der");
    run(&site, &issue);
    let mut broker = site.start();
    let ssl = broker.address_of_title("ssl:default");
    let mut secure = Secure { site, broker, ssl };
    let none = "no list of revoked certificates, so no certificate lets anybody in";
    secure.broker.wait_for_line(0, &["WARN", "ssl:default", none, &url, "cannot be reached"]);
    assert!(!secure.publish("good"));
    let server = Server::start(&secure.site, port);
    wait_until("the list is there", || secure.publish("good"));
    let mut stolen = secure.subscribe("stolen", "t");
    let mark = secure.broker.mark();
    run(&secure.site, REVOKE);
    run(&secure.site, &issue);
    secure.broker.wait_for_line(mark, &["1 connected clients had to go"]);
    wait_until("it is told why", || stolen.lines().iter().any(|line| line.contains("(135)")));
    // Whoever can answer in its place cannot take it back.
    let mark = secure.broker.mark();
    fs::write(secure.site.path("clients/crl.der"), "<html>").unwrap();
    secure.broker.wait_for_line(mark, &["WARN", &url, "the last one counts for"]);
    drop(server);
    assert!(secure.publish("good") && !secure.publish("stolen"));
    let Secure { site, broker, .. } = secure;
    assert!(broker.terminate().status.success());
    let mut broker = site.start();
    let ssl = broker.address_of_title("ssl:default");
    secure = Secure { site, broker, ssl };
    assert!(secure.publish("good") && !secure.publish("stolen"));
    // Nor does it take the server to name the list again.
    let named = format!("crl_urls = [\"{url}\"]");
    for (from, to, lets_in) in
        [(named.as_str(), "crl_urls = []", true), ("crl_urls = []", &named, false)]
    {
        let mark = secure.broker.mark();
        secure.site.edit("etc/theseus.toml", from, to);
        secure.broker.wait_for_line(mark, &["ssl_options.crl_urls", "it holds from now on"]);
        assert!(secure.publish("good"));
        assert_eq!(secure.publish("stolen"), lets_in, "{to}");
    }
}

/// Somebody replaces the certificate and is at the half of it; then comes the list.
#[test]
fn a_key_that_does_not_do_keeps_no_list_from_counting() {
    let secure = start("fail_if_no_peer_cert = true");
    let mark = secure.broker.mark();
    run(&secure.site, "openssl ecparam -name prime256v1 -genkey -noout -out ../certs/server.key");
    secure.broker.wait_for_line(mark, &["WARN", "certs/server.key", "its key is not that of"]);
    assert!(secure.publish("stolen"));
    run(&secure.site, REVOKE);
    run(&secure.site, LIST);
    secure.broker.wait_for_line(mark, &["clients/crl.pem applied", "ssl:default"]);
    assert!(!secure.publish("stolen") && secure.publish("good"));
}

#[test]
fn what_would_not_work_is_said_at_the_start() {
    let site = prepared("");
    let list = site.path("clients/crl.pem");
    let at = "listeners.ssl.default.ssl_options.crlfile";
    fs::write(&list, "").unwrap();
    let said = site.fails_to_start(&[]).stderr;
    let why = format!("{at}: clients/crl.pem: it holds no list of revoked certificates");
    assert!(said.contains(&why), "{said}");
    fs::remove_file(&list).unwrap();
    let said = site.fails_to_start(&[]).stderr;
    assert!(said.contains(&format!("{at}: clients/crl.pem: cannot be read: No such")), "{said}");
    site.edit("etc/theseus.toml", "verify = \"verify_peer\"", "verify = \"verify_none\"");
    let said = site.fails_to_start(&[]).stderr;
    assert!(said.contains(at) && said.contains("nobody is asked for a certificate"), "{said}");
}
