//! Answers to the request: the way is open, or why not in words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// `101 Switching Protocols`. `protocol` is the chosen subprotocol.
pub(crate) fn switching(key: &str, protocol: Option<&str>) -> Vec<u8> {
    let accept = accept(key);
    let protocol =
        protocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let text = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    );
    text.into_bytes()
}

/// An error. `extra` are whole header lines; `why` is for the person who reads it.
pub(crate) fn error(status: &str, extra: &str, why: &str) -> Vec<u8> {
    let length = why.len() + 1;
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         {extra}Connection: close\r\n\r\n{why}\n"
    );
    text.into_bytes()
}

/// Proves that the key was read by somebody who knows WebSocket (RFC 6455, 4.2.2).
fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

/// The constant of RFC 6455, 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_accepted_as_it_says() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
