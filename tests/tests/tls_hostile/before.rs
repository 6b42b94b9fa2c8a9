//! What acts before TLS: who is not wanted is not answered, and nothing is computed for it.

use std::net::{IpAddr, Ipv4Addr};

use theseus_tests::{Hello, PATIENCE, Raw, Received, Site};

use crate::start;

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Says hello, and is closed without an answer.
fn is_not_answered(mut raw: Raw) {
    // The broker may have hung up before.
    raw.try_send(&Hello::new().bytes());
    assert_eq!(raw.receive(PATIENCE), Received::Closed);
}

#[test]
fn a_banned_address_and_one_too_many_are_closed_before_they_are_answered() {
    let secure = start("max_connections = 2", "");
    let ctl = |words: &[&str]| {
        let ended = secure.site.theseus(&[&["ctl"], words].concat(), "");
        assert!(ended.status.success(), "{}", ended.stderr);
    };
    ctl(&["ban", "add", "127.0.0.2"]);
    for _ in 0..3 {
        is_not_answered(Raw::open_from(ELSEWHERE, &secure.broker));
    }
    let [mut first, mut second] = ["1", "2"].map(|id| secure.client(id, &Hello::new()));
    for _ in 0..3 {
        is_not_answered(Raw::open(&secure.broker));
    }
    first.ping();
    second.ping();
    let names = ["sockets_banned", "listener_full", "tls_handshakes", "tls_handshakes_failed"];
    assert_eq!(secure.broker.counted(&names), [3, 3, 2, 0]);
}

#[test]
fn an_address_that_connects_too_often_is_closed_before_it_is_answered() {
    let site = Site::new();
    site.certificates("certs");
    site.config(
        "allow_anonymous = true\nlimits = [\"rate\"]\n[plugins.rate]\n\
         for_all = [\"c connects address 1/86400000 2 refuse\"]\n\
         [listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n[listeners.ssl.default.ssl_options]\n\
         certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n",
    );
    site.drop_in("rate", "rate.wasm");
    let broker = site.start();
    let secure = crate::Secure { site, broker };
    let mut live = ["1", "2"].map(|id| secure.client(id, &Hello::new()));
    is_not_answered(Raw::open(&secure.broker));
    live[0].ping();
    let names = ["connects_refused_by_limit", "tls_handshakes", "tls_handshakes_failed"];
    assert_eq!(secure.broker.counted(&names), [1, 2, 0]);
}
