//! `[trust]` with the real program: keys and signatures of minisign's own tool and of ours, every refusal,
//! trust that is tightened under a running plugin, downgrades, and a quarantine over restarts.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::process::{Command, Stdio};
use theseus_tests::{
    Broker, Connect, Raw, Site, Version, built_plugin, marked, skip, theseus_says, wait_until,
};

const FILE: &str = "plugins/gate.wasm";
const SIGNATURE: &str = "plugins/gate.wasm.minisig";

/// A site with a key, whose only door is the plugin `gate`.
fn site(trust: &str) -> Site {
    let site = Site::new();
    keygen(&site, "ours");
    configure(&site, trust);
    site
}

fn configure(site: &Site, trust: &str) {
    site.config(&format!(
        "authentication = [\"gate\"]\n[authorization]\nno_match = \"allow\"\n[trust]\n{trust}"
    ));
}

const SIGNED: &str = "mode = \"signed\"\npublic_keys = [\"etc/ours.pub\"]";

fn pinned(bytes: &[u8]) -> String {
    format!("mode = \"pinned\"\nsha256 = [\"{}\"]", sha256(bytes))
}

fn keygen(site: &Site, name: &str) {
    let key = site.path(&format!("etc/{name}.key"));
    let said = theseus_says(&["plugin", "keygen", "--no-password", key.to_str().unwrap()], "");
    assert!(said.status.success(), "{}", said.stderr);
}

/// `theseus plugin sign` of what stands there.
fn sign(site: &Site, name: &str, file: &str) {
    let (key, file) = (site.path(&format!("etc/{name}.key")), site.path(file));
    let paths = (key.to_str().unwrap(), file.to_str().unwrap());
    let said = theseus_says(&["plugin", "sign", "--key", paths.0, paths.1], "");
    assert!(said.status.success(), "{}", said.stderr);
}

fn gate(which: &str) -> Vec<u8> {
    std::fs::read(built_plugin(&format!("gate-{which}"))).unwrap()
}

/// By a program that is not ours.
fn sha256(bytes: &[u8]) -> String {
    let folder = theseus_tests::Folder::new();
    let path = folder.path().join("content");
    std::fs::write(&path, bytes).unwrap();
    let said = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(said.stdout).unwrap()[..64].to_owned()
}

fn enters(broker: &Broker, password: &str) {
    drop(Raw::connect(broker, &Connect::new(Version::V5, "c1").login("sailor", password)));
}

fn wait_for_state(broker: &Broker, state: &str) {
    wait_until(state, || broker.plugin_state("gate.wasm") == state);
}

fn reason(broker: &Broker) -> String {
    broker.plugin_file("gate.wasm")["reason"].as_str().unwrap_or_default().to_owned()
}

fn wait_for_reason(broker: &Broker, part: &str) {
    wait_until(part, || reason(broker).contains(part));
    assert_eq!(broker.plugin_state("gate.wasm"), "rejected", "{part}");
}

#[test]
fn a_signed_plugin_runs_and_its_signature_may_come_late() {
    let site = site(SIGNED);
    site.write(FILE, gate("odd"));
    let broker = site.start();
    assert!(reason(&broker).contains("it is not signed"), "{}", reason(&broker));
    sign(&site, "ours", FILE);
    wait_for_state(&broker, "live");
    enters(&broker, "odd");
    let trust = broker.plugin_file("gate.wasm")["trust"].as_str().unwrap().to_owned();
    assert!(trust.starts_with("signed by "), "{trust}");
    // Apart: refused until the second is there, and the one that runs runs on.
    let mark = broker.mark();
    site.write("plugins/next", gate("even"));
    std::fs::rename(site.path("plugins/next"), site.path(FILE)).unwrap();
    sign(&site, "ours", FILE);
    broker.wait_for_line(mark, &["swapped gate 1.1.0", "1.2.0"]);
    enters(&broker, "even");
}

#[test]
fn every_refusal_says_what_it_is() {
    let site = site(SIGNED);
    keygen(&site, "theirs");
    site.write(FILE, gate("odd"));
    sign(&site, "ours", FILE);
    let old = std::fs::read(site.path(SIGNATURE)).unwrap();
    let broker = site.start();
    wait_for_state(&broker, "live");
    site.write(FILE, gate("even"));
    wait_for_reason(&broker, "made for another file: gate 1.1.0");
    site.remove(SIGNATURE);
    wait_for_reason(&broker, "it is not signed");
    sign(&site, "theirs", FILE);
    wait_for_reason(&broker, "which trust.public_keys does not name");
    site.write(SIGNATURE, "ahoy");
    wait_for_reason(&broker, "its signature cannot be read");
    sign(&site, "ours", FILE);
    wait_for_state(&broker, "live");
    let good = std::fs::read_to_string(site.path(SIGNATURE)).unwrap();
    site.write(FILE, marked("gate-even", "another"));
    sign(&site, "ours", FILE);
    let of_marked = std::fs::read_to_string(site.path(SIGNATURE)).unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, two) = (lines(&good), lines(&of_marked));
    // The content's signature of the one, and what the other's says about it.
    let mixed = [&two[..2], &one[2..]].concat().join("\n");
    site.write(SIGNATURE, mixed);
    wait_until("tampered", || reason(&broker).contains("(tampered)"));
    site.write(FILE, gate("odd"));
    site.write(SIGNATURE, &old);
    wait_for_reason(&broker, "gate 1.1.0 is lower than 1.2.0, which ran here already (downgraded)");
    enters(&broker, "even");
    site.edit("etc/theseus.toml", SIGNED, &format!("{SIGNED}\nallow_downgrade = true"));
    wait_for_state(&broker, "live");
    enters(&broker, "odd");
}

#[test]
fn what_runs_goes_on_when_trust_is_tightened_until_the_next_start() {
    let site = site("mode = \"any\"");
    site.write(FILE, gate("odd"));
    let broker = site.start();
    enters(&broker, "odd");
    let mark = broker.mark();
    configure(&site, &pinned(b"something else"));
    wait_for_state(&broker, "no longer trusted, still running");
    broker.wait_for_line(mark, &["it is not pinned", "will not run after the next start"]);
    enters(&broker, "odd");
    assert!(broker.terminate().status.success());
    let broker = site.start();
    assert_eq!(broker.plugin_state("gate.wasm"), "rejected");
    let mut raw = Raw::open(&broker);
    raw.send(&Connect::new(Version::V5, "c1").login("sailor", "odd").bytes());
    assert_eq!(raw.packet().body[1], 0x88);
    configure(&site, &pinned(&gate("odd")));
    wait_for_state(&broker, "live");
    enters(&broker, "odd");
}

#[test]
fn a_quarantine_holds_over_restarts() {
    let site = site("mode = \"any\"");
    site.write(FILE, gate("odd"));
    let entry = format!(
        "[[quarantined]]\nsha256 = \"{}\"\nname = \"gate\"\nversion = \"1.1.0\"\nreason = \"it \
         trapped 7 times\"\nsince = \"2026-01-01T00:00:00Z\"\n",
        sha256(&gate("odd"))
    );
    std::fs::create_dir_all(site.path("data")).unwrap();
    site.write("data/quarantine.toml", &entry);
    for _ in 0..2 {
        let broker = site.start();
        assert_eq!(broker.plugin_state("gate.wasm"), "quarantined");
        assert!(reason(&broker).contains("it trapped 7 times"), "{}", reason(&broker));
        assert_eq!(broker.plugin_file("gate.wasm")["name"], "gate");
        assert!(broker.terminate().status.success());
    }
    // Damaged, it holds all the same, and says so.
    site.write("data/quarantine.toml", &entry[..entry.len() - 9]);
    let broker = site.start();
    assert_eq!(broker.plugin_state("gate.wasm"), "quarantined");
    broker.wait_for_line(0, &["quarantine.toml:6", "this is not TOML", "kept as"]);
}

#[test]
fn inspect_tells_what_a_file_is_without_a_broker() {
    let site = site("mode = \"any\"");
    site.write(FILE, gate("odd"));
    let file = site.path(FILE);
    let file = file.to_str().unwrap();
    let inspect = |more: &[&str]| {
        let said = theseus_says(&[&["plugin", "inspect"], more, &[file]].concat(), "");
        assert!(said.status.success(), "{}", said.stderr);
        said.stdout
    };
    let text = inspect(&[]);
    for line in [
        "signature   none",
        "name        gate",
        "version     1.1.0",
        "kind        component",
        "slots       authn",
        &format!("sha256      {}", sha256(&gate("odd"))),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    sign(&site, "ours", FILE);
    assert!(inspect(&[]).contains("not checked"), "{}", inspect(&[]));
    let key = site.path("etc/ours.pub");
    let with_key = ["--public-key", key.to_str().unwrap()];
    assert!(inspect(&with_key).contains("signature   good, by the key "), "{}", inspect(&with_key));
    std::fs::write(site.path(FILE), marked("gate-odd", "x")).unwrap();
    assert!(inspect(&with_key).contains("signature   bad: "), "{}", inspect(&with_key));
    site.write(FILE, "ahoy");
    let said = theseus_says(&["plugin", "inspect", file], "");
    assert!(!said.status.success() && said.stderr.contains("it is not WebAssembly"), "{said:?}");
}

#[test]
fn a_key_is_locked_with_a_password_and_not_overwritten() {
    let site = site("mode = \"any\"");
    site.write(FILE, gate("odd"));
    let (key, file) = (site.path("etc/locked.key"), site.path(FILE));
    let (key, file) = (key.to_str().unwrap(), file.to_str().unwrap());
    let said = theseus_says(&["plugin", "keygen", key], "harbour\n");
    assert!(said.status.success() && said.stdout.contains("public_keys = [\"RW"), "{said:?}");
    let again = theseus_says(&["plugin", "keygen", key], "harbour\n");
    assert!(!again.status.success() && again.stderr.contains("exists"), "{again:?}");
    let wrong = theseus_says(&["plugin", "sign", "--key", key, file], "harbor\n");
    assert!(!wrong.status.success() && !site.path(SIGNATURE).exists(), "{wrong:?}");
    let said = theseus_says(&["plugin", "sign", "--key", key, file], "harbour\n");
    assert!(said.status.success() && site.path(SIGNATURE).exists(), "{said:?}");
}

/// The tool itself, with what is ours and the other way round.
#[test]
fn minisign_and_we_take_each_others_keys_and_signatures() {
    if !minisign(&["-v"]) {
        return skip("minisign");
    }
    let site = site(SIGNED);
    site.write(FILE, gate("odd"));
    sign(&site, "ours", FILE);
    let path = |name: &str| site.path(name).to_str().unwrap().to_owned();
    let (ours, file) = (path("etc/ours.pub"), path(FILE));
    assert!(minisign(&["-V", "-p", &ours, "-m", &file]), "minisign refuses our signature");
    // Ours signed by the tool: both kinds count, and say nothing about a name.
    for kind in [&[][..], &["-l"]] {
        let key = path("etc/ours.key");
        let args = [&["-S"], kind, &["-s", &key, "-m", &file]].concat();
        assert!(minisign(&args), "minisign does not take our key");
        let broker = site.start();
        assert_eq!(broker.plugin_state("gate.wasm"), "live", "{}", reason(&broker));
        assert!(broker.terminate().status.success());
    }
    // And its key with our command.
    let (key, public) = (path("etc/tool.key"), path("etc/tool.pub"));
    assert!(minisign(&["-G", "-W", "-s", &key, "-p", &public]));
    sign(&site, "tool", FILE);
    assert!(minisign(&["-V", "-p", &public, "-m", &file]));
    configure(&site, "mode = \"signed\"\npublic_keys = [\"etc/tool.pub\"]");
    assert_eq!(site.start().plugin_state("gate.wasm"), "live");
}

/// Whether it did what it was asked; false if it is not there.
fn minisign(args: &[&str]) -> bool {
    let mut command = Command::new("minisign");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
