//! Any bytes as a request: nothing panics, the answer is HTTP, and no beginning of a request that is
//! accepted is refused. Run with `cargo +nightly fuzz run request corpus/request seeds/request`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use theseus_websocket::{Progress, REQUEST_MAX, Rules, read_request};

fuzz_target!(|bytes: &[u8]| {
    for strict in [true, false] {
        let rules = Rules {
            path: "/mqtt".to_owned(),
            fail_if_no_subprotocol: strict,
            origins: strict.then(|| vec!["https://app.example".to_owned()]),
            allow_origin_absence: !strict,
        };
        match read_request(bytes, &rules) {
            Progress::Incomplete => assert!(bytes.len() < REQUEST_MAX),
            Progress::Accepted { consumed, response } => {
                assert!(consumed <= bytes.len() && consumed <= REQUEST_MAX);
                assert!(response.starts_with(b"HTTP/1.1 101 ") && response.ends_with(b"\r\n\r\n"));
                for len in 0..consumed {
                    assert_eq!(read_request(&bytes[..len], &rules), Progress::Incomplete);
                }
            }
            Progress::Refused { response, why } => {
                assert!(response.starts_with(b"HTTP/1.1 ") && response.ends_with(b"\n"));
                assert!(!why.is_empty());
            }
        }
    }
});
