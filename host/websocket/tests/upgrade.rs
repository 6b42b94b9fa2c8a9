//! Requests for WebSocket, right and wrong in each way.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap in a test is the failed test"
)]

use theseus_websocket::{Progress, REQUEST_MAX, Rules, read_request};

const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: broker.example:8083\r\nUpgrade: websocket\r\n\
Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

fn rules() -> Rules {
    Rules {
        path: "/mqtt".to_owned(),
        fail_if_no_subprotocol: true,
        origins: None,
        allow_origin_absence: true,
    }
}

/// The response that accepts, or the status line of the one that refuses.
fn answer(request: &str, rules: &Rules) -> Result<String, String> {
    let text = |response: Vec<u8>| String::from_utf8(response).unwrap();
    match read_request(request.as_bytes(), rules) {
        Progress::Incomplete => panic!("incomplete: {request:?}"),
        Progress::Accepted { consumed, response } => {
            assert_eq!(consumed, request.len());
            Ok(text(response))
        }
        Progress::Refused { response, why } => {
            let response = text(response);
            let (head, body) = response.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, format!("{why}\n"));
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
            assert!(head.contains("\r\nConnection: close"), "{head}");
            Err(head.strip_prefix("HTTP/1.1 ").unwrap()[..3].to_owned())
        }
    }
}

#[track_caller]
fn refused(from: &str, to: &str, status: &str) {
    assert!(REQUEST.contains(from), "{from:?} is not in the request");
    let request = REQUEST.replacen(from, to, 1);
    assert_eq!(answer(&request, &rules()), Err(status.to_owned()), "{request}");
}

#[track_caller]
fn accepted(from: &str, to: &str) {
    assert!(REQUEST.contains(from), "{from:?} is not in the request");
    let request = REQUEST.replacen(from, to, 1);
    assert!(answer(&request, &rules()).is_ok(), "{request}");
}

#[test]
fn a_right_request_is_accepted_with_the_subprotocol() {
    let response = answer(REQUEST, &rules()).unwrap();
    assert!(response.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{response}");
    for line in [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Protocol: mqtt",
    ] {
        assert!(response.contains(&format!("\r\n{line}\r\n")), "{line} is missing: {response}");
    }
    assert!(response.ends_with("\r\n\r\n") && !response.contains("Extensions"));
}

#[test]
fn every_beginning_of_it_is_incomplete() {
    for len in 0..REQUEST.len() {
        let progress = read_request(&REQUEST.as_bytes()[..len], &rules());
        assert_eq!(progress, Progress::Incomplete, "{len} bytes");
    }
}

#[test]
fn what_follows_it_is_left() {
    let bytes = [REQUEST.as_bytes(), &[0x82, 0x80]].concat();
    let Progress::Accepted { consumed, .. } = read_request(&bytes, &rules()) else {
        panic!("not accepted")
    };
    assert_eq!(consumed, REQUEST.len());
}

#[test]
fn names_and_tokens_are_compared_without_case() {
    accepted("Upgrade: websocket", "UPGRADE: h2c, WebSocket");
    accepted("Connection: keep-alive, Upgrade", "connection: upgrade");
    accepted("Sec-WebSocket-Protocol: mqtt", "sec-websocket-protocol: chat , mqtt");
    accepted(
        "Sec-WebSocket-Protocol: mqtt",
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt",
    );
    accepted("GET /mqtt ", "GET /mqtt?token=1 ");
}

#[test]
fn method_version_and_path_are_checked() {
    refused("GET", "POST", "405");
    refused("HTTP/1.1", "HTTP/1.0", "505");
    refused("HTTP/1.1", "HTTP/2.0", "505");
    for path in ["/", "/mqtt/", "/mqt", "/MQTT", "/mqtt2"] {
        refused("/mqtt", path, "404");
    }
    refused("GET /mqtt HTTP/1.1", "\x10\x0C\0\x04MQTT\x05", "400");
}

#[test]
fn what_an_upgrade_needs_is_checked() {
    refused("Host: broker.example:8083\r\n", "", "400");
    refused("Host: broker.example:8083", "Host: a\r\nHost: b", "400");
    refused("Upgrade: websocket\r\n", "", "426");
    refused("Upgrade: websocket", "Upgrade: websockets", "426");
    refused("keep-alive, Upgrade", "keep-alive", "426");
    refused("Version: 13", "Version: 8", "426");
    refused("Sec-WebSocket-Version: 13\r\n", "", "426");
    refused("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ", "400");
    refused("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZTE=", "400");
    refused("dGhlIHNhbXBsZSBub25jZQ==", "!", "400");
    refused("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", "400");
}

#[test]
fn a_refused_version_is_told_the_right_one() {
    let request = REQUEST.replacen("Version: 13", "Version: 8", 1);
    let Progress::Refused { response, .. } = read_request(request.as_bytes(), &rules()) else {
        panic!("not refused")
    };
    assert!(String::from_utf8(response).unwrap().contains("\r\nSec-WebSocket-Version: 13\r\n"));
}

#[test]
fn the_subprotocol_must_be_offered_unless_that_is_switched_off() {
    refused("Protocol: mqtt", "Protocol: mqttv3.1, MQTT", "400");
    refused("Sec-WebSocket-Protocol: mqtt\r\n", "", "400");
    let lenient = Rules { fail_if_no_subprotocol: false, ..rules() };
    for other in ["", "Sec-WebSocket-Protocol: chat\r\n"] {
        let request = REQUEST.replacen("Sec-WebSocket-Protocol: mqtt\r\n", other, 1);
        let response = answer(&request, &lenient).unwrap();
        assert!(!response.contains("Sec-WebSocket-Protocol"), "{response}");
    }
    assert!(answer(REQUEST, &lenient).unwrap().contains("Sec-WebSocket-Protocol: mqtt\r\n"));
}

#[test]
fn origins_are_checked_if_that_is_asked_for() {
    let from = |origin: &str| REQUEST.replacen("Host:", &format!("Origin: {origin}\r\nHost:"), 1);
    let picky = Rules { origins: Some(vec!["https://app.example".to_owned()]), ..rules() };
    assert!(answer(&from("https://app.example"), &picky).is_ok());
    assert!(answer(&from("HTTPS://APP.example"), &picky).is_ok());
    assert!(answer(REQUEST, &picky).is_ok(), "no origin is no browser");
    for other in ["https://app.example.evil", "http://app.example", "null", ""] {
        assert_eq!(answer(&from(other), &picky), Err("403".to_owned()), "{other:?}");
    }
    let twice = from("https://app.example\r\nOrigin: https://evil.example");
    assert_eq!(answer(&twice, &picky), Err("403".to_owned()));
    let strict = Rules { allow_origin_absence: false, ..picky };
    assert_eq!(answer(REQUEST, &strict), Err("403".to_owned()));
    assert!(answer(&from("https://evil.example"), &rules()).is_ok(), "not asked for");
}

#[test]
fn a_request_has_a_bound() {
    let endless = format!("{}X: {}", &REQUEST[..REQUEST.len() - 2], "y".repeat(REQUEST_MAX));
    assert_eq!(answer(&endless, &rules()), Err("431".to_owned()));
    let just_below = &endless[..REQUEST_MAX - 1];
    assert_eq!(read_request(just_below.as_bytes(), &rules()), Progress::Incomplete);
    let ends_behind = format!("{}\r\n\r\n", &endless[..REQUEST_MAX - 3]);
    assert_eq!(answer(&ends_behind, &rules()), Err("431".to_owned()));
    let many = REQUEST.replacen("Host:", &format!("{}Host:", "a: b\r\n".repeat(64)), 1);
    assert_eq!(answer(&many, &rules()), Err("431".to_owned()));
}

#[test]
fn what_is_no_http_is_refused_at_once() {
    for garbage in ["\x16\x03\x01\x02\x00", "\x10\x0C\0\x04MQTT", "GET\0", "\u{ff}"] {
        assert_eq!(answer(garbage, &rules()), Err("400".to_owned()), "{garbage:?}");
    }
}
