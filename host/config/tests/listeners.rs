//! Listeners of every kind, and what must hold between the keys of those under TLS.

use std::path::Path;
use std::time::Duration;

use theseus_config::{Config, Loaded, TlsVersion, Verify};

fn parse(text: &str) -> Result<Loaded, String> {
    let text = format!("allow_anonymous = true\n{text}");
    Config::parse(&text, "theseus.toml", std::iter::empty()).map_err(|errors| errors.to_string())
}

const PAIR: &str = "certfile = 'a.pem'\nkeyfile = 'a.key'\n";

#[test]
fn a_listener_is_what_its_section_says() {
    let text = format!(
        "[listeners.wss.web]\nbind = '127.0.0.1:0'\n[listeners.wss.web.ssl_options]\n{PAIR}\
         [listeners.ssl.a]\nbind = '127.0.0.1:0'\n[listeners.ssl.a.ssl_options]\n{PAIR}\
         [listeners.ws.web]\nbind = '127.0.0.1:0'\n[listeners.tcp.a]\nbind = '127.0.0.1:0'\n\
         [listeners.ssl.a.mqtt]\nmax_inflight = 7\n"
    );
    let config = parse(&text).unwrap().config;
    let titles: Vec<_> = config.listeners.iter().map(|one| one.title()).collect();
    assert_eq!(titles, ["tcp:a", "ssl:a", "ws:web", "wss:web"]);
    assert_eq!(config.listeners[3].path(), "listeners.wss.web");
    let has = |one: &theseus_config::Listener| (one.ssl_options.is_some(), one.websocket.is_some());
    let layers: Vec<_> = config.listeners.iter().map(has).collect();
    assert_eq!(layers, [(false, false), (true, false), (false, true), (true, true)]);
    assert_eq!(config.mqtt_of(&config.listeners[1]).max_inflight, 7);
    assert_eq!(config.mqtt_of(&config.listeners[0]).max_inflight, 128);
}

#[test]
fn tls_asks_nobody_and_speaks_both_versions_if_nothing_is_said() {
    let text =
        format!("[listeners.ssl.a]\nbind = '127.0.0.1:0'\n[listeners.ssl.a.ssl_options]\n{PAIR}");
    let config = parse(&text).unwrap().config;
    let options = config.listeners[0].ssl_options.as_ref().unwrap();
    assert_eq!(options.certfile, Path::new("a.pem"));
    assert_eq!((options.verify, options.fail_if_no_peer_cert), (Verify::None, false));
    assert_eq!(options.versions, [TlsVersion::V13, TlsVersion::V12]);
    assert_eq!(options.handshake_timeout, Duration::from_secs(15));
    assert!(options.ciphers.is_empty() && options.cacertfile.is_none());
}

#[test]
fn what_is_wrong_under_tls_is_named_by_line_and_key() {
    let at = "listeners.ssl.a.ssl_options";
    for (keys, said) in [
        ("certfile = 'a.pem'", format!("{at}.keyfile: is missing")),
        (
            &*format!("{PAIR}verify = 'verify_peer'"),
            format!(":7: {at}.verify: verify_peer has nobody to trust: cacertfile names no file"),
        ),
        (
            &*format!("{PAIR}fail_if_no_peer_cert = true"),
            format!(
                ":7: {at}.fail_if_no_peer_cert: nobody is asked for a certificate: verify is verify_none"
            ),
        ),
        (&*format!("{PAIR}versions = []"), format!(":7: {at}.versions: the value holds none")),
        (
            &*format!("{PAIR}versions = ['tlsv1.1']"),
            format!(":7: {at}.versions: the value holds \"tlsv1.1\", which is none of them"),
        ),
        (
            &*format!("{PAIR}versions = ['tlsv1.3', 'tlsv1.3']"),
            "holds \"tlsv1.3\" twice".to_owned(),
        ),
        (
            &*format!("{PAIR}ciphers = ['A B']"),
            format!(":7: {at}.ciphers: the value holds \"A B\", which is no name"),
        ),
        (
            &*format!("{PAIR}verfy = 'x'"),
            format!(":7: {at}.verfy: unknown key; did you mean `verify`?"),
        ),
        (&*format!("{PAIR}depth = 17"), format!(":7: {at}.depth: 17 is out of range")),
    ] {
        let text = format!("[listeners.ssl.a]\nbind = '127.0.0.1:0'\n[{at}]\n{keys}\n");
        let found = parse(&text).err().unwrap_or_default();
        assert!(found.contains(&said), "{said}:\n{found}");
    }
    let alone = parse("[listeners.ssl.a]\nbind = '127.0.0.1:0'\n").unwrap_err();
    assert!(alone.contains(&format!("{at}.certfile")), "{alone}");
}

#[test]
fn ocsp_is_asked_for_where_it_is_wanted() {
    let ocsp = |kind: &str, keys: &str| {
        let text = format!(
            "[listeners.{kind}.a]\nbind = '127.0.0.1:0'\n[listeners.{kind}.a.ssl_options]\n{PAIR}\
             [listeners.{kind}.a.ssl_options.ocsp]\n{keys}\n"
        );
        let options = |loaded: Loaded| loaded.config.listeners[0].ssl_options.clone();
        parse(&text).map(|loaded| options(loaded).and_then(|options| options.ocsp))
    };
    assert_eq!(ocsp("ssl", "refresh_interval = '1h'"), Ok(None));
    for kind in ["ssl", "wss"] {
        let plain = ocsp(kind, "enable_ocsp_stapling = true").unwrap().unwrap();
        assert_eq!((plain.responder_url, plain.issuer_pem), (None, None));
        assert_eq!(plain.refresh_interval, Duration::from_secs(300));
        assert_eq!(plain.refresh_http_timeout, Duration::from_secs(15));
    }
    let keys = "enable_ocsp_stapling = true\nresponder_url = 'http://ca.example.com:81/ocsp'\n\
                issuer_pem = 'ca.pem'";
    let full = ocsp("ssl", keys).unwrap().unwrap();
    let url = full.responder_url.unwrap();
    assert_eq!((url.host(), url.port(), url.target()), ("ca.example.com", 81, "/ocsp"));
    assert_eq!(full.issuer_pem.as_deref(), Some(Path::new("ca.pem")));
    for (keys, said) in [
        ("responder_url = 'https://a'", "responder_url: \"https://a\" does not begin with http://"),
        ("responder_url = 'http://u:p@a'", "responder_url: the value holds a user; allowed: "),
        ("responder_ulr = 'http://a'", "responder_ulr: unknown key; did you mean `responder_url`?"),
        ("refresh_interval = '0s'", "refresh_interval: \"0s\" is out of range"),
    ] {
        let found = ocsp("ssl", keys).unwrap_err();
        assert!(found.contains(&format!(":8: listeners.ssl.a.ssl_options.ocsp.{said}")), "{found}");
    }
}

#[test]
fn balancers_have_to_be_named() {
    let of = |keys: &str| {
        let text = format!(
            "[listeners.wss.a]\nbind = '127.0.0.1:0'\n{keys}\n[listeners.wss.a.ssl_options]\n{PAIR}"
        );
        parse(&text).map(|loaded| loaded.config.listeners[0].clone())
    };
    let none = of("").unwrap();
    assert!(!none.proxy_protocol && none.proxy_protocol_networks.is_empty());
    assert_eq!(none.proxy_protocol_timeout, Duration::from_secs(3));
    let some = of(
        "proxy_protocol = true\nproxy_protocol_networks = ['10.0.0.0/8', '::1/128', '192.0.2.7']\n\
         proxy_protocol_timeout = '500ms'",
    );
    let some = some.unwrap();
    let networks: Vec<_> = some.proxy_protocol_networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "::1", "192.0.2.7"]);
    for (keys, said) in [
        (
            "proxy_protocol = true",
            ":4: listeners.wss.a.proxy_protocol: no balancer could connect: proxy_protocol_networks is \
             empty; name their addresses there, such as [\"10.0.0.0/8\"]",
        ),
        (
            "proxy_protocol_networks = ['10.0.0.1/8']",
            "holds \"10.0.0.1/8\", which has bits behind its prefix, did you mean `10.0.0.0/8`?",
        ),
        (
            "proxy_protocol_networks = ['balancer']",
            "holds \"balancer\", which is no address such as",
        ),
        ("proxy_protocol_networks = '10.0.0.0/8'", "proxy_protocol_networks"),
        ("proxy_protocol_timeout = '99ms'", "proxy_protocol_timeout: \"99ms\" is out of range"),
        ("proxy_protocl = true", "unknown key; did you mean `proxy_protocol`?"),
    ] {
        let found = of(keys).unwrap_err();
        assert!(found.contains(said), "{said}:\n{found}");
    }
}

#[test]
fn a_balancer_names_clients_by_their_common_name_and_by_nothing_else() {
    let strict = |kind: &str, options: &str, field: &str| {
        let text = format!(
            "[listeners.{kind}.a]\nbind = '127.0.0.1:0'\nproxy_protocol = true\n\
             proxy_protocol_networks = ['::1']\n{options}\n\
             [listeners.{kind}.a.mqtt]\npeer_cert_as_clientid = '{field}'\n"
        );
        Config::parse(&text, "theseus.toml", std::iter::empty())
            .map_err(|errors| errors.to_string())
    };
    assert!(strict("tcp", "", "cn").is_ok(), "and that is enough to come in");
    let other = strict("ws", "", "san_dns").unwrap_err();
    let said = "listeners.ws.a.mqtt.peer_cert_as_clientid: a balancer tells nothing of a certificate but \
                its common name: \"cn\"";
    assert!(other.contains(said), "{other}");
    // Under TLS of our own it is ours to ask.
    let own = format!("[listeners.ssl.a.ssl_options]\n{PAIR}");
    let unasked = strict("ssl", &own, "cn").unwrap_err();
    assert!(unasked.contains("nobody is asked for a certificate here"), "{unasked}");
    assert!(strict("tcp", "", "disabled").unwrap_err().contains("nobody could connect"));
}

#[test]
fn certificates_name_clients_only_where_they_are_asked_for() {
    let ssl = |options: &str, mqtt: &str| {
        format!(
            "[listeners.ssl.a]\nbind = '127.0.0.1:0'\n[listeners.ssl.a.ssl_options]\n{PAIR}{options}\n\
             [listeners.ssl.a.mqtt]\n{mqtt}\n"
        )
    };
    let asking = "verify = 'verify_peer'\ncacertfile = 'ca.pem'";
    let named = "peer_cert_as_username = 'cn'";
    let found = parse(&ssl("", named)).err().unwrap_or_default();
    let said =
        ":9: listeners.ssl.a.mqtt.peer_cert_as_username: nobody is asked for a certificate here";
    assert!(found.contains(said), "{found}");
    // A key for all is about those who are asked.
    let for_all =
        format!("[mqtt]\n{named}\n[listeners.tcp.a]\nbind = '127.0.0.1:0'\n{}", ssl(asking, ""));
    assert!(parse(&for_all).is_ok(), "{:?}", parse(&for_all));
    // They come in where nobody else is asked, and somebody must.
    let strict = |text: &str| Config::parse(text, "theseus.toml", std::iter::empty());
    assert!(strict(&ssl(asking, named)).is_ok());
    let nobody = strict(&ssl(asking, "")).unwrap_err().to_string();
    assert!(nobody.contains("nobody could connect"), "{nobody}");
}
