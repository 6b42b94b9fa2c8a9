//! Listeners under TLS on default settings, looked at by a foreign scanner, as those do who have to answer for a
//! site: it finds what the guide says is spoken, and nothing that it calls weak.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use theseus_tests::{Connect, Raw, Scan, Site, Version};

const CURVES: [&str; 3] = ["X25519", "secp256r1", "secp384r1"];

const SUITES_OF_TLS_1_3: [&str; 3] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// Those of TLS 1.2 for a key of this kind.
fn suites_of_tls_1_2(key: &str) -> BTreeSet<String> {
    ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"]
        .map(|cipher| format!("TLS_ECDHE_{key}_WITH_{cipher}"))
        .into()
}

/// What holds of every listener.
fn check(scan: &Scan, key: &str) {
    for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
        let look = format!("{old}_cipher_suites");
        assert_eq!(scan.found(&look, "/is_tls_version_supported"), false, "{old}");
        assert!(scan.suites(&look).is_empty(), "{old}");
    }
    let of_1_2: BTreeSet<String> =
        scan.suites("tls_1_2_cipher_suites").into_iter().map(str::to_owned).collect();
    assert_eq!(of_1_2, suites_of_tls_1_2(key));
    assert_eq!(scan.suites("tls_1_3_cipher_suites"), BTreeSet::from(SUITES_OF_TLS_1_3));
    // It does not know X25519MLKEM768, which comes before these.
    assert_eq!(scan.curves(), BTreeSet::from(CURVES));

    assert_eq!(scan.found("tls_compression", "/supports_compression"), false);
    assert_eq!(scan.found("heartbleed", "/is_vulnerable_to_heartbleed"), false);
    assert_eq!(scan.found("openssl_ccs_injection", "/is_vulnerable_to_ccs_injection"), false);
    // Also where the key is one of RSA: no suite encrypts with it, so there is no padding to ask about.
    assert_eq!(scan.found("robot", "/robot_result"), "NOT_VULNERABLE_RSA_NOT_SUPPORTED");
    // Not one was done. "Secure" is the extension of RFC 5746, which a server has to send even if it never does any.
    let renegotiation = |finding: &str| scan.found("session_renegotiation", finding);
    assert_eq!(renegotiation("/is_vulnerable_to_client_renegotiation_dos"), false);
    assert_eq!(renegotiation("/client_renegotiations_success_count"), 0);
    assert_eq!(renegotiation("/supports_secure_renegotiation"), true);
    assert_eq!(scan.found("tls_extended_master_secret", "/supports_ems_extension"), true);
    // It takes a refused TLS 1.1 for this. The broker does not look for the signal (RFC 7507): below 1.2 there is
    // nothing to fall back to, and from 1.3 to 1.2 the client itself would see it (RFC 8446, 4.1.3).
    assert_eq!(scan.found("tls_fallback_scsv", "/supports_fallback_scsv"), true);
}

/// A certificate of its own signing with a key of RSA; the files' names are those of `certs`.
fn make_rsa(site: &Site) -> PathBuf {
    let certificate = site.path("rsa.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(site.path("rsa.key"))
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    certificate
}

#[test]
fn a_scanner_finds_what_the_guide_says_and_nothing_weak() {
    let site = Site::new();
    site.certificates("certs");
    let (ca, rsa) = (site.path("certs/ca.pem"), make_rsa(&site));
    let listener = |name: &str, files: &str| {
        format!(
            "[listeners.{name}]\nbind = \"127.0.0.1:0\"\n[listeners.{name}.ssl_options]\n\
             certfile = \"{files}.pem\"\nkeyfile = \"{files}.key\"\n"
        )
    };
    site.config(&format!(
        "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n{}{}{}",
        listener("ssl.default", "certs/server"),
        listener("ssl.rsa", "rsa"),
        listener("wss.default", "certs/server"),
    ));
    let mut broker = site.start();

    let Some(ssl) = Scan::of(broker.address_of_title("ssl:default"), &ca, &[]) else { return };
    check(&ssl, "ECDSA");
    assert!(ssl.is_recommended, "{ssl:?}");

    // To see whether early data is taken, it asks for a page by HTTP and wants an answer: only here there is one.
    // What is below is the same for both.
    let wss = broker.address_of_title("wss:default");
    let wss = Scan::of(wss, &ca, &["--early_data"]).unwrap();
    check(&wss, "ECDSA");
    assert!(wss.is_recommended, "{wss:?}");
    assert_eq!(wss.found("tls_1_3_early_data", "/supports_early_data"), false);

    // Nobody else vouches for it, which is not what is looked at here.
    check(&Scan::of(broker.address_of_title("ssl:rsa"), &rsa, &[]).unwrap(), "RSA");

    Raw::connect(&broker, &Connect::new(Version::V5, "later")).subscribe("still/served", 0);
}
