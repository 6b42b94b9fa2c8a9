//! The answer of an authority, shown with a listener's certificate: asked for from a server that answers with what
//! `openssl ocsp` makes of a register, and looked at by `openssl s_client`.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Connect, Figures, Raw, Site, Version, pause, publisher, wait_until};

/// What is promised: another certificate is seen within 2 s and asked about at once, and so is seen a new
/// file within 2 s; a slow machine is given three times that.
const ASKED_WITHIN: Duration = Duration::from_secs(12);

/// What answers questions about certificates.
struct Responder {
    address: SocketAddr,
    answers: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// What somebody on the way sends instead.
    replayed: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Responder {
    /// Works in `folder`, with `ca.pem`, `ca.key` and `index.txt` there.
    fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answers, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let replayed = Arc::new(Mutex::new(None::<Vec<u8>>));
        let (on, count, instead) = (answers.clone(), asked.clone(), replayed.clone());
        // Ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::Relaxed);
                if on.load(Ordering::Relaxed) {
                    let instead = instead.lock().unwrap().clone();
                    answer(stream.unwrap(), &folder, instead);
                }
            }
        });
        Self { address, answers, asked, replayed }
    }

    /// From now on sends this, whatever is asked; `None`: an answer again.
    fn replay(&self, answer: Option<Vec<u8>>) {
        *self.replayed.lock().unwrap() = answer;
    }

    /// Otherwise it closes every connection.
    fn answers(&self, answers: bool) {
        self.answers.store(answers, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn answer(stream: TcpStream, folder: &Path, replayed: Option<Vec<u8>>) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).is_ok() && line.trim_end() != "" {
        if let Some(value) = line.trim_end().strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        line.clear();
    }
    let mut question = vec![0; length];
    reader.read_exact(&mut question).unwrap();
    let answer = replayed.unwrap_or_else(|| {
        std::fs::write(folder.join("request.der"), question).unwrap();
        shell(
            folder,
            "openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -ndays 1 \
             -reqin request.der -respout made.der; mv made.der response.der",
        );
        std::fs::read(folder.join("response.der")).unwrap()
    });
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length";
    // The broker may have ended.
    let _ = write!(reader.get_mut(), "{head}: {}\r\n\r\n", answer.len());
    let _ = reader.get_mut().write_all(&answer);
}

fn shell(folder: &Path, commands: &str) -> String {
    let commands = format!("set -e; {commands}");
    let output = Command::new("bash").args(["-c", &commands]).current_dir(folder).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// An authority with its register and its responder, and a server's certificate that says where that is.
struct Office {
    site: Site,
    responder: Responder,
}

impl Office {
    fn new() -> Self {
        let site = Site::new();
        std::fs::create_dir(site.path("ca")).unwrap();
        let responder = Responder::start(site.path("ca"));
        shell(
            &site.path("ca"),
            "openssl ecparam -name prime256v1 -genkey -noout -out ca.key
             openssl req -x509 -new -key ca.key -days 30 -subj '/CN=Test CA' -out ca.pem",
        );
        let office = Self { site, responder };
        office.sign("1001");
        office.register(&[("V", "1001")]);
        office
    }

    /// Makes `server.pem`, with the authority's certificate behind it, and its key.
    fn sign(&self, serial: &str) {
        let address = self.responder.address;
        let make = format!(
            "printf 'subjectAltName = DNS:localhost\nauthorityInfoAccess = \
             OCSP;URI:http://{address}/ocsp\n' >server.cnf
             openssl ecparam -name prime256v1 -genkey -noout -out new.key
             openssl req -new -key new.key -subj /CN=localhost -out server.csr
             openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 0x{serial} \
             -days 10 -extfile server.cnf -out leaf.pem
             cat leaf.pem ca.pem >new.pem
             mv new.key server.key; mv new.pem server.pem"
        );
        shell(&self.site.path("ca"), &make);
    }

    /// What is known of which serial number: `V` is valid, `R` is revoked.
    fn register(&self, entries: &[(&str, &str)]) {
        let line = |(state, serial): &(&str, &str)| {
            let revoked = if *state == "R" { "250101000000Z" } else { "" };
            format!("{state}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/CN={serial}\n")
        };
        let lines: String = entries.iter().map(line).collect();
        self.site.write("ca/index.txt", lines);
    }

    fn configure(&self, ocsp: &str) {
        let listener = |kind: &str| {
            format!(
                "[listeners.{kind}.default]\nbind = \"127.0.0.1:0\"\n\
                 [listeners.{kind}.default.ssl_options]\n\
                 certfile = \"ca/server.pem\"\nkeyfile = \"ca/server.key\"\n\
                 [listeners.{kind}.default.ssl_options.ocsp]\nenable_ocsp_stapling = true\n{ocsp}\n"
            )
        };
        let (ssl, wss) = (listener("ssl"), listener("wss"));
        self.site.config(&format!(
            "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n{ssl}{wss}"
        ));
    }

    fn start(&self) -> Running<'_> {
        self.start_with("refresh_interval = \"1s\"")
    }

    fn start_with(&self, ocsp: &str) -> Running<'_> {
        self.configure(ocsp);
        let mut broker = self.site.start();
        let of = |title: &str| broker.address_of_title(title);
        let [ssl, wss] = ["ssl:default", "wss:default"].map(of);
        Running { office: self, broker, ssl, wss }
    }
}

struct Running<'a> {
    office: &'a Office,
    broker: Broker,
    ssl: SocketAddr,
    wss: SocketAddr,
}

impl Running<'_> {
    /// What a client that asks for the answer is shown.
    fn shown(&self, address: SocketAddr, options: &str) -> String {
        let ask = format!(
            "openssl s_client -connect {address} -servername localhost -CAfile ca.pem -status \
             -verify_return_error {options} </dev/null 2>&1 || true"
        );
        shell(&self.office.site.path("ca"), &ask)
    }

    fn is_stapled(&self) -> bool {
        let shown = self.shown(self.ssl, "");
        let good = shown.contains("OCSP Response Status: successful");
        assert_eq!(good, shown.contains("Cert Status: good"), "{shown}");
        assert!(good || shown.contains("OCSP response: no response sent"), "{shown}");
        good
    }

    /// What the metrics say: in how many hours the answer is over; `None`: none is shown.
    fn hours(&self) -> Option<f64> {
        let sample = "theseus_tls_ocsp_expires_seconds{listener=\"ssl:default\",serial=\"1001\"}";
        let until = Figures::of(&self.broker).value(sample);
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as f64;
        (until != 0.0).then_some((until - now) / 3600.0)
    }

    /// With TLS and without: nobody is kept waiting for an answer about a certificate.
    fn serves(&self) {
        let mut plain = Raw::connect(&self.broker, &Connect::new(Version::V5, "plain"));
        plain.subscribe("t", 0);
        let mut program = publisher(&self.broker, Version::V5);
        program.args(["-h", "localhost", "-p", &self.ssl.port().to_string(), "--cafile"]);
        program.arg(self.office.site.path("ca/ca.pem")).args(["-t", "t", "-m", "hello"]);
        assert!(program.status().unwrap().success());
        assert_eq!(plain.message().payload, "hello");
    }
}

#[test]
fn who_asks_is_shown_the_answer_with_the_certificate() {
    let office = Office::new();
    let running = office.start();
    wait_until("an answer is shown", || running.is_stapled());
    let line =
        running.broker.wait_for_line(0, &["ssl:default, certificate 1001: shown with an OCSP"]);
    assert!(line.contains("INFO") && line.contains(" holds for 14"), "{line}");
    running.broker.wait_for_line(0, &["wss:default, certificate 1001: shown with an OCSP answer"]);
    for address in [running.ssl, running.wss] {
        for version in ["-tls1_2", "-tls1_3"] {
            let shown = running.shown(address, version);
            assert!(shown.contains("Cert Status: good"), "{shown}");
            assert!(shown.contains("Serial Number: 1001"), "{shown}");
            assert!(shown.contains("Verify return code: 0 (ok)"), "{shown}");
        }
    }
    running.serves();
    // It is asked again and again, and tells of it once.
    let asked = office.responder.asked();
    wait_until("it is asked again", || office.responder.asked() >= asked + 4);
    let told = running.broker.lines(0);
    let told = told.iter().filter(|line| line.contains("ssl:default, certificate")).count();
    assert_eq!(told, 1);
}

#[test]
fn without_a_responder_tls_works_and_the_last_answer_stays() {
    let office = Office::new();
    office.responder.answers(false);
    let running = office.start();
    let nothing = "ssl:default, certificate 1001: shown without an OCSP answer: http://";
    let line = running.broker.wait_for_line(0, &[nothing]);
    assert!(line.contains("WARN"), "{line}");
    assert!(!running.is_stapled());
    assert_eq!(running.hours(), None);
    running.serves();
    let asked = office.responder.asked();
    wait_until("it is asked again", || office.responder.asked() >= asked + 4);
    let count = |part: &str| running.broker.lines(0).iter().filter(|it| it.contains(part)).count();
    assert_eq!(count(nothing), 1, "once, however often it fails");

    office.responder.answers(true);
    wait_until("an answer is shown", || running.is_stapled());
    let mark = running.broker.mark();
    office.responder.answers(false);
    let line =
        running.broker.wait_for_line(mark, &["ssl:default", "no new OCSP answer, the last one"]);
    assert!(line.contains("WARN"), "{line}");
    assert!(running.is_stapled(), "the last one holds for a day");
    let hours = running.hours().unwrap();
    assert!((23.9..24.1).contains(&hours), "{hours}");
    running.serves();
}

#[test]
fn a_revoked_certificate_is_told_of_and_no_longer_called_good() {
    let office = Office::new();
    let running = office.start();
    wait_until("an answer is shown", || running.is_stapled());
    let mark = running.broker.mark();
    office.register(&[("R", "1001")]);
    let line = running.broker.wait_for_line(mark, &["ssl:default, certificate 1001", "is revoked"]);
    assert!(line.contains("WARN"), "{line}");
    assert!(!running.is_stapled());
    assert_eq!(running.hours(), None);
    running.serves();
}

/// It is signed and in force, and anybody who was on the way has it.
#[test]
fn the_good_answer_from_before_a_certificate_was_revoked_is_not_taken_again() {
    let office = Office::new();
    let running = office.start();
    wait_until("an answer is shown", || running.is_stapled());
    let old = std::fs::read(office.site.path("ca/response.der")).unwrap();
    // Answers have seconds.
    pause(Duration::from_millis(1100));
    office.register(&[("R", "1001")]);
    running.broker.wait_for_line(0, &["ssl:default, certificate 1001", "is revoked"]);
    let mark = running.broker.mark();
    office.responder.replay(Some(old));
    let said = "ssl:default, certificate 1001: shown without an OCSP answer: http://";
    let line = running.broker.wait_for_line(mark, &[said, "gives an older answer than before"]);
    assert!(line.contains("WARN"), "{line}");
    let asked = office.responder.asked();
    wait_until("it is asked again", || office.responder.asked() >= asked + 4);
    assert!(!running.is_stapled());
    // It was on hold.
    office.register(&[("V", "1001")]);
    office.responder.replay(None);
    wait_until("a new answer is shown", || running.is_stapled());
}

#[test]
fn a_new_certificate_is_asked_about_at_once() {
    let office = Office::new();
    // At the start, and then not for an hour.
    let running = office.start_with("refresh_interval = \"1h\"");
    wait_until("an answer is shown", || running.is_stapled());
    office.register(&[("V", "1001"), ("V", "1002")]);
    let began = Instant::now();
    office.sign("1002");
    let about = |serial: &str| {
        let shown = running.shown(running.ssl, "");
        shown.contains(&format!("Serial Number: {serial}")) && shown.contains("Cert Status: good")
    };
    wait_until("the answer about the new one is shown", || about("1002"));
    assert!(began.elapsed() < ASKED_WITHIN, "{:?}", began.elapsed());
    let asked = office.responder.asked();
    pause(Duration::from_secs(3));
    assert!(office.responder.asked() <= asked + 1, "wss may have asked later; nobody asks again");
}

#[test]
fn what_cannot_be_asked_about_does_not_start() {
    let office = Office::new();
    let folder = office.site.path("ca");
    let leaf = std::fs::read(folder.join("leaf.pem")).unwrap();
    office.site.write("ca/server.pem", &leaf);
    office.configure("");
    let ended = office.site.fails_to_start(&[]);
    let said = "ssl_options.certfile: ca/server.pem: who signed its certificate stands neither";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    office.configure("issuer_pem = \"ca/leaf.pem\"");
    let ended = office.site.fails_to_start(&[]);
    let said = "ssl_options.ocsp.issuer_pem: ca/leaf.pem: `CN=localhost` in it did not sign";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let running = office.start_with("issuer_pem = \"ca/ca.pem\"");
    wait_until("an answer is shown", || running.is_stapled());
}

#[test]
fn an_edit_of_the_options_keeps_the_answer_though_nobody_answers_any_more() {
    let office = Office::new();
    let running = office.start();
    wait_until("an answer is shown", || running.is_stapled());
    office.responder.answers(false);
    let mark = running.broker.mark();
    let section = "[listeners.ssl.default.ssl_options]\n";
    office.site.edit("etc/theseus.toml", section, &format!("{section}max_handshakes = 50\n"));
    running.broker.wait_for_line(mark, &["ssl_options.max_handshakes", "it holds from now on"]);
    let asked = office.responder.asked();
    wait_until("it is asked again", || office.responder.asked() >= asked + 4);
    assert!(running.is_stapled());
    // Off and on again.
    let stapling = |from: &str, to: &str| {
        let (mark, all) = (running.broker.mark(), "enable_ocsp_stapling = ");
        let config = std::fs::read_to_string(office.site.path("etc/theseus.toml")).unwrap();
        let edited = config.replace(&format!("{all}{from}"), &format!("{all}{to}"));
        office.site.write("etc/theseus.toml", edited);
        running.broker.wait_for_line(mark, &["enable_ocsp_stapling", "it holds from now on"]);
    };
    stapling("true", "false");
    assert!(!running.is_stapled());
    stapling("false", "true");
    wait_until("the answer of before is shown", || running.is_stapled());
}
