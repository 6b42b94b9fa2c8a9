//! A WebSocket client of bare bytes on a blocking socket: what no library would send.

use crate::{Connect, PATIENCE, Packet};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// A right request for the upgrade, as bytes.
pub const UPGRADE: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
Sec-WebSocket-Protocol: mqtt\r\n\r\n";

/// First byte of a whole binary frame.
const BINARY: u8 = 0x82;

/// A socket to a WebSocket listener.
#[derive(Debug)]
pub struct RawWebSocket {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// What binary frames have carried.
    mqtt: Vec<u8>,
}

impl RawWebSocket {
    /// A TCP connection, nothing sent yet.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, bytes: Vec::new(), mqtt: Vec::new() }
    }

    /// Upgraded, and nothing sent since.
    #[must_use]
    pub fn upgraded(address: SocketAddr) -> Self {
        let mut raw = Self::open(address);
        raw.send(UPGRADE.as_bytes());
        let response = raw.response();
        assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
        raw
    }

    /// Whether the broker takes the socket, and upgrades it.
    #[must_use]
    pub fn is_upgraded(&mut self) -> bool {
        self.stream.write_all(UPGRADE.as_bytes()).is_ok() && self.read()
    }

    /// Connected over MQTT too.
    #[must_use]
    pub fn connect(address: SocketAddr, connect: &Connect) -> Self {
        let mut raw = Self::upgraded(address);
        raw.send_binary(&connect.bytes());
        let connack = raw.packet();
        assert_eq!((connack.first, connack.body[1]), (0x20, 0), "not accepted: {connack:02x?}");
        raw
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends a whole binary frame.
    pub fn send_binary(&mut self, payload: &[u8]) {
        self.send(&masked(BINARY, payload));
    }

    /// The head of the HTTP response, and its body if it has one.
    #[must_use]
    pub fn response(&mut self) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.bytes).into_owned();
            if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                let length = head.split("Content-Length: ").nth(1);
                let length = length.map_or(0, |l| l.split("\r\n").next().unwrap().parse().unwrap());
                if rest.len() >= length {
                    self.bytes.drain(..head.len() + 4 + length);
                    return format!("{head}\r\n\r\n{}", &rest[..length]);
                }
            }
            assert!(self.read(), "closed within the response: {text:?}");
        }
    }

    /// The next frame, its first byte and payload; none once the broker has closed the socket.
    pub fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((frame, taken)) = cut(&self.bytes) {
                self.bytes.drain(..taken);
                return Some(frame);
            }
            if !self.read() {
                assert!(self.bytes.is_empty(), "closed within a frame: {:02x?}", self.bytes);
                return None;
            }
        }
    }

    /// The next packet of MQTT; only binary frames may come before it is whole.
    pub fn packet(&mut self) -> Packet {
        loop {
            if let Some(packet) = Packet::take(&mut self.mqtt) {
                return packet;
            }
            let (first, payload) = self.frame().expect("a frame, not the end");
            assert_eq!(first, BINARY, "{payload:02x?}");
            self.mqtt.extend(payload);
        }
    }

    /// The code of the Close frame that comes before the socket is closed, whatever comes before it;
    /// none if none comes.
    pub fn close_code(&mut self) -> Option<u16> {
        let mut code = None;
        while let Some((first, payload)) = self.frame() {
            assert_eq!(code, None, "a frame behind Close: {first:02x} {payload:02x?}");
            if first == 0x88 {
                code = Some(u16::from_be_bytes([payload[0], payload[1]]));
                // The broker may have gone already.
                drop(self.stream.write_all(&masked(0x88, &payload)));
            }
        }
        code
    }

    /// Waits until the broker has closed the socket without another word.
    pub fn expect_end(&mut self) {
        assert_eq!(self.frame(), None);
    }

    /// False at the end.
    fn read(&mut self) -> bool {
        let mut chunk = [0; 65536];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(count) => {
                self.bytes.extend(&chunk[..count]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A frame as a client sends it.
#[must_use]
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x9A, 0x01, 0xC3, 0x5E];
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => bytes.push(0x80 | short),
        (_, Ok(medium)) => {
            bytes.push(0x80 | 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(KEY);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The first frame in bytes of a server, which does not mask, and its whole length.
fn cut(bytes: &[u8]) -> Option<((u8, Vec<u8>), usize)> {
    let (first, short) = (*bytes.first()?, *bytes.get(1)?);
    let width = match short {
        0..=125 => 0,
        126 => 2,
        127 => 8,
        _ => panic!("a masked frame of the server"),
    };
    let extended = bytes.get(2..2 + width)?;
    let long = extended.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    let len = if width == 0 { usize::from(short) } else { long };
    let payload = bytes.get(2 + width..2 + width + len)?;
    Some(((first, payload.to_vec()), 2 + width + len))
}
