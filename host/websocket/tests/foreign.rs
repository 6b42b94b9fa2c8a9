//! A client of another make, tungstenite, over memory: what it sends is understood, what is sent to
//! it it understands.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap in a test is the failed test"
)]

use std::io::{self, Read, Write};

use theseus_websocket::{CloseCode, Decoder, Encoder, Event, Progress, Rules, read_request};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::protocol::frame::coding::CloseCode as ForeignCode;
use tungstenite::{ClientHandshake, HandshakeError, Message, WebSocket};

/// Both directions of a connection, in memory.
#[derive(Debug, Default)]
struct Pipe {
    to_client: Vec<u8>,
    to_server: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.to_client.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.to_client.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.to_client[..count]);
        self.to_client.drain(..count);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to_server.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect() -> WebSocket<Pipe> {
    let mut request = "ws://broker.example/mqtt".into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
    let handshake = ClientHandshake::start(Pipe::default(), request, None).unwrap();
    let Err(HandshakeError::Interrupted(mut waiting)) = handshake.handshake() else {
        panic!("connected without an answer")
    };
    let rules = Rules {
        path: "/mqtt".to_owned(),
        fail_if_no_subprotocol: true,
        origins: None,
        allow_origin_absence: true,
    };
    let pipe = waiting.get_mut().get_mut();
    let Progress::Accepted { consumed, response } = read_request(&pipe.to_server, &rules) else {
        panic!("refused: {:?}", String::from_utf8_lossy(&pipe.to_server))
    };
    pipe.to_server.drain(..consumed);
    pipe.to_client.extend(response);
    let (client, response) = waiting.handshake().unwrap();
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "mqtt");
    client
}

/// The events in what the client has sent, with data in place of its range.
fn received(client: &mut WebSocket<Pipe>, decoder: &mut Decoder) -> (Vec<u8>, Vec<Event>) {
    let mut bytes = std::mem::take(&mut client.get_mut().to_server);
    let (mut data, mut others, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(event) = decoder.next(&mut bytes, &mut at).unwrap() {
        match event {
            Event::Data(range) => data.extend_from_slice(&bytes[range]),
            other => others.push(other),
        }
    }
    (data, others)
}

fn send(client: &mut WebSocket<Pipe>, encoder: &mut Encoder, payload: &[u8]) {
    encoder.prepare(payload.len());
    let bytes = [encoder.lead(), payload].concat();
    assert_eq!(encoder.advance(bytes.len()), payload.len());
    client.get_mut().to_client.extend(bytes);
}

#[test]
fn messages_of_every_length_go_both_ways() {
    let (mut client, mut decoder, mut encoder) =
        (connect(), Decoder::new(1 << 20), Encoder::default());
    for len in [1, 125, 126, 0xFFFF, 0x1_0000, 1 << 20] {
        let payload: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        client.send(Message::binary(payload.clone())).unwrap();
        assert!(received(&mut client, &mut decoder) == (payload.clone(), vec![]), "{len} to us");
        send(&mut client, &mut encoder, &payload);
        assert!(client.read().unwrap().into_data() == payload, "{len} from us");
    }
}

#[test]
fn a_ping_is_answered_between_two_messages() {
    let (mut client, mut decoder, mut encoder) =
        (connect(), Decoder::new(1 << 20), Encoder::default());
    client.send(Message::Ping(b"are you there".to_vec().into())).unwrap();
    let (_, mut events) = received(&mut client, &mut decoder);
    let Some(Event::Ping(payload)) = events.pop() else { panic!("no ping") };
    encoder.pong(payload);
    send(&mut client, &mut encoder, b"data");
    assert_eq!(client.read().unwrap(), Message::Pong(b"are you there".to_vec().into()));
    assert_eq!(client.read().unwrap(), Message::binary(&b"data"[..]));
}

#[test]
fn a_close_is_understood_on_both_sides() {
    let (mut client, mut decoder, mut encoder) =
        (connect(), Decoder::new(1 << 20), Encoder::default());
    encoder.close(CloseCode::GoingAway);
    send(&mut client, &mut encoder, b"");
    let Message::Close(Some(frame)) = client.read().unwrap() else { panic!("no close") };
    assert_eq!(frame.code, ForeignCode::Away);
    // Its answer goes out with the next thing it does.
    drop(client.flush());
    assert_eq!(received(&mut client, &mut decoder).1, [Event::Close]);
}
