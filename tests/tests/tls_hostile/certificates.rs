//! Certificates, protocols and names that a client may send, beyond measure.

use theseus_tests::{Connect, Hello, Raw, Secured, Version};

use crate::{ASK, Secure, start};

fn showing(secure: &Secure, times: usize) -> Hello {
    let file = |name: &str| secure.site.path("certs").join(name);
    Hello::showing(&file("client.pem"), times, &file("client.key"))
}

/// One of the development certificates has some 500 bytes; a handshake message may have 64 KiB.
#[test]
fn chains_of_certificates_that_are_too_long_are_refused() {
    let secure = start("", ASK);
    secure.client("right", &showing(&secure, 1)).disconnect();
    // Ten behind its own.
    secure.client("deep", &showing(&secure, 11)).disconnect();
    for times in [12, 100, 1000, 10_000] {
        let before = secure.counted("tls_handshakes_failed");
        let hello = showing(&secure, times);
        let connect = Connect::new(Version::V5, "deeper");
        secure.withstands(16 << 10, || {
            for _ in 0..20 {
                let refused = Raw::connect_secured(secure.address(), &hello, &connect);
                assert!(refused.is_err(), "{times} were let in");
            }
        });
        assert_eq!(secure.counted("tls_handshakes_failed") - before, 20, "{times}");
    }
}

#[test]
fn a_protocol_that_is_not_spoken_is_refused_and_a_name_is_only_a_name() {
    let secure = start("", "");
    let open = |hello: Hello| Secured::open(secure.address(), &hello);
    let crowd: Vec<_> = (0..1000).map(|number| format!("protocol-{number}")).collect();
    let mut crowd: Vec<_> = crowd.iter().map(String::as_str).collect();
    for wrong in [&["h2"][..], &["http/1.1", "MQTT", "mqtt "], &crowd] {
        let refused = open(Hello::new().protocols(wrong)).map(drop).unwrap_err();
        assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    }
    crowd.push("mqtt");
    let chosen = open(Hello::new().protocols(&crowd)).unwrap();
    assert_eq!(chosen.protocol(), Some(&b"mqtt"[..]));
    assert_eq!(open(Hello::new()).unwrap().protocol(), None);
    let long = ["x".repeat(60), "y".repeat(60), "z".repeat(60), "w".repeat(60)].join(".");
    for name in ["localhost", "elsewhere.example.org", "127.0.0.1", "xn--nxasmq6b", &long] {
        secure.client("named", &Hello::new().to(name)).disconnect();
    }
    assert_eq!(secure.counted("tls_handshakes_failed"), 3);
}
