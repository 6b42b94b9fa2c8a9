//! A client of bare bytes on a blocking socket: what no library would send, and exactly when.
//! Acknowledges nothing by itself but in [`Raw::message`] and [`Raw::publish`].

use crate::{
    Broker, Connect, Hello, Message, PATIENCE, Packet, Secured, Version, ack, publish,
    subscribe_all,
};
use socket2::{Domain, Socket, Type};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What came within the time given.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole packet.
    Packet(Packet),
    /// The broker closed the connection.
    Closed,
    /// Nothing.
    Silence,
}

/// A socket to the broker, or what is under TLS on it.
#[derive(Debug)]
pub struct Raw {
    stream: Ends,
    version: Version,
    bytes: Vec<u8>,
    messages: VecDeque<Message>,
    next_id: u16,
}

impl Raw {
    /// A TCP connection, nothing sent yet.
    #[must_use]
    pub fn open(broker: &Broker) -> Self {
        Self::open_at(broker.address())
    }

    /// The same to another listener.
    #[must_use]
    pub fn open_at(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    /// The same from another address of this machine, such as 127.0.0.2.
    #[must_use]
    pub fn open_from(source: IpAddr, broker: &Broker) -> Self {
        let address = broker.address();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
        socket.connect_timeout(&address.into(), PATIENCE).unwrap();
        Self::on(socket.into())
    }

    /// Connects there and says CONNECT: `Ok` or the code of the CONNACK; nothing if the broker hangs up
    /// without an answer.
    #[must_use]
    pub fn knock_from(source: IpAddr, broker: &Broker, connect: &Connect) -> Option<u8> {
        let mut raw = Self::open_from(source, broker);
        if !raw.try_send(&connect.bytes()) {
            return None;
        }
        match raw.receive(PATIENCE) {
            Received::Packet(connack) => Some(connack.body[1]),
            Received::Closed => None,
            Received::Silence => panic!("neither an answer nor an end"),
        }
    }

    fn on(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::through(Ends::Plain(stream))
    }

    fn through(stream: Ends) -> Self {
        let (bytes, messages) = (Vec::new(), VecDeque::new());
        Self { stream, version: Version::V5, bytes, messages, next_id: 1 }
    }

    /// Connected and accepted.
    #[must_use]
    pub fn connect(broker: &Broker, connect: &Connect) -> Self {
        Self::connect_with_session(broker, connect).0
    }

    /// Connected and accepted; also whether the broker had a session.
    #[must_use]
    pub fn connect_with_session(broker: &Broker, connect: &Connect) -> (Self, bool) {
        let mut raw = Self::open(broker);
        raw.version = connect.version;
        raw.send(&connect.bytes());
        let connack = raw.packet();
        assert_eq!((connack.first, connack.body[1]), (0x20, 0), "not accepted: {connack:02x?}");
        (raw, connack.body[0] == 1)
    }

    /// Connected, or the code of the CONNACK that refuses.
    ///
    /// # Errors
    /// The return code (3.x) or reason code (5.0).
    pub fn try_connect(broker: &Broker, connect: &Connect) -> Result<Self, u8> {
        Self::try_connect_at(broker.address(), connect)
    }

    /// The same at another listener.
    ///
    /// # Errors
    /// The same.
    pub fn try_connect_at(address: SocketAddr, connect: &Connect) -> Result<Self, u8> {
        let mut raw = Self::open_at(address);
        raw.version = connect.version;
        raw.send(&connect.bytes());
        let connack = raw.packet();
        assert_eq!(connack.first, 0x20, "no CONNACK: {connack:02x?}");
        if connack.body[1] == 0 { Ok(raw) } else { Err(connack.body[1]) }
    }

    /// Connected and accepted under TLS.
    ///
    /// # Errors
    /// The handshake comes to nothing, or the broker hangs up before its CONNACK.
    pub fn connect_secured(
        address: SocketAddr,
        hello: &Hello,
        connect: &Connect,
    ) -> io::Result<Self> {
        let mut raw = Self::through(Ends::Secured(Box::new(Secured::open(address, hello)?)));
        raw.version = connect.version;
        raw.stream.write_all(&connect.bytes())?;
        match raw.receive(PATIENCE) {
            Received::Packet(connack) => assert_eq!(connack.body[1], 0, "{connack:02x?}"),
            Received::Closed => return Err(ErrorKind::UnexpectedEof.into()),
            Received::Silence => panic!("neither an answer nor an end"),
        }
        Ok(raw)
    }

    /// What is under TLS.
    pub fn secured(&mut self) -> &mut Secured {
        match &mut self.stream {
            Ends::Secured(secured) => secured,
            Ends::Plain(_) => panic!("not under TLS"),
        }
    }

    /// The same, by somebody else from here on.
    #[must_use]
    pub fn into_secured(self) -> Secured {
        match self.stream {
            Ends::Secured(secured) => *secured,
            Ends::Plain(_) => panic!("not under TLS"),
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends bytes to a broker that may have hung up already; whether it took them.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The next packet, which must come.
    pub fn packet(&mut self) -> Packet {
        match self.receive(PATIENCE) {
            Received::Packet(packet) => packet,
            other => panic!("expected a packet, found {other:?}"),
        }
    }

    /// Whatever comes first within `time`.
    pub fn receive(&mut self, time: Duration) -> Received {
        let end = Instant::now() + time;
        loop {
            if let Some(packet) = Packet::take(&mut self.bytes) {
                return Received::Packet(packet);
            }
            let left = end.saturating_duration_since(Instant::now());
            self.stream
                .socket()
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .unwrap();
            let mut chunk = [0; 65536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Received::Closed,
                Ok(count) => self.bytes.extend(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Received::Silence,
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => return Received::Closed,
                    _ => panic!("{error}"),
                },
            }
        }
    }

    /// Waits for the end of the connection and returns the packets before it.
    pub fn packets_until_closed(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        loop {
            match self.receive(PATIENCE) {
                Received::Packet(packet) => packets.push(packet),
                Received::Closed => return packets,
                Received::Silence => panic!("the broker does not close; it sent {packets:02x?}"),
            }
        }
    }

    /// Subscribes and returns the granted QoS or failure code.
    pub fn subscribe(&mut self, filter: &str, qos: u8) -> u8 {
        self.subscribe_all(&[(filter, qos)])[0]
    }

    /// The same for any number of filters in one packet.
    pub fn subscribe_all(&mut self, filters: &[(&str, u8)]) -> Vec<u8> {
        let id = self.id();
        self.send(&subscribe_all(self.version, id, filters));
        let suback = self.acknowledgement(9);
        assert_eq!(suback.id(), id);
        suback.body[suback.body.len() - filters.len()..].to_vec()
    }

    /// Publishes and waits until it is acknowledged as its QoS demands.
    pub fn publish(&mut self, topic: &str, payload: &str, qos: u8) {
        self.publish_retained(topic, payload, qos, false);
    }

    /// The same with the retain flag.
    pub fn publish_retained(&mut self, topic: &str, payload: &str, qos: u8, retain: bool) {
        let id = self.id();
        self.send(&publish(self.version, topic, payload.as_bytes(), (qos, id), retain));
        if qos == 1 {
            assert_eq!(self.acknowledgement(4).id(), id);
        }
        if qos == 2 {
            assert_eq!(self.acknowledgement(5).id(), id);
            self.send(&ack(0x62, id));
            assert_eq!(self.acknowledgement(7).id(), id);
        }
    }

    /// Publishes at QoS 1 or 2 and returns the code of PUBACK or PUBREC; 0 where it has none. The
    /// flow of QoS 2 is finished unless it was refused.
    pub fn publish_answered(&mut self, topic: &str, payload: &str, qos: u8) -> u8 {
        let id = self.id();
        self.send(&publish(self.version, topic, payload.as_bytes(), (qos, id), false));
        let answer = self.acknowledgement(if qos == 1 { 4 } else { 5 });
        assert_eq!(answer.id(), id);
        let code = answer.body.get(2).copied().unwrap_or(0);
        if qos == 2 && code < 0x80 {
            self.send(&ack(0x62, id));
            assert_eq!(self.acknowledgement(7).id(), id);
        }
        code
    }

    /// The next message, acknowledged as its QoS demands.
    pub fn message(&mut self) -> Message {
        if let Some(message) = self.messages.pop_front() {
            return message;
        }
        let packet = self.packet();
        self.accept(&packet)
    }

    /// The next packet, which must be a PUBLISH, and is left unacknowledged.
    pub fn unacknowledged(&mut self) -> Message {
        self.packet().message(self.version)
    }

    /// Proves with a PINGREQ that all the broker had to say so far has been received.
    pub fn ping(&mut self) {
        self.send(&[0xC0, 0]);
        self.acknowledgement(13);
    }

    /// Whether the broker answers a PINGREQ; false once the connection is closed.
    pub fn is_alive(&mut self) -> bool {
        if !self.try_send(&[0xC0, 0]) {
            return false;
        }
        loop {
            match self.receive(PATIENCE) {
                Received::Packet(packet) if packet.kind() == 13 => return true,
                Received::Packet(_) => (),
                Received::Closed => return false,
                Received::Silence => panic!("neither PINGRESP nor end"),
            }
        }
    }

    /// Fails if a message is waiting that the test has not read.
    pub fn expect_no_message(&mut self) {
        assert_eq!(self.waiting_messages(), [], "unexpected message");
    }

    /// All messages the broker has sent so far that the test has not read.
    pub fn waiting_messages(&mut self) -> Vec<Message> {
        self.ping();
        self.messages.drain(..).collect()
    }

    /// A clean DISCONNECT; returns when the broker has closed.
    pub fn disconnect(mut self) {
        self.send(&[0xE0, 0]);
        self.packets_until_closed();
    }

    /// Ends the connection without DISCONNECT; the session and will are the broker's affair.
    pub fn cut(self) {
        drop(self.stream.socket().shutdown(Shutdown::Both));
    }

    /// A second handle of the socket, to write from another thread.
    #[must_use]
    pub fn stream(&self) -> TcpStream {
        self.stream.socket().try_clone().unwrap()
    }

    /// The next packet of this type; messages that come before it are kept for [`Self::message`].
    fn acknowledgement(&mut self, kind: u8) -> Packet {
        loop {
            let packet = self.packet();
            if packet.kind() == kind {
                return packet;
            }
            let message = self.accept(&packet);
            self.messages.push_back(message);
        }
    }

    fn accept(&mut self, packet: &Packet) -> Message {
        let message = packet.message(self.version);
        if message.qos == 1 {
            self.send(&ack(0x40, message.id));
        }
        if message.qos == 2 {
            self.send(&ack(0x50, message.id));
            assert_eq!(self.acknowledgement(6).id(), message.id);
            self.send(&ack(0x70, message.id));
        }
        message
    }

    fn id(&mut self) -> u16 {
        // 0 is no packet identifier.
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.next_id
    }
}

/// Where the bytes go.
#[derive(Debug)]
enum Ends {
    Plain(TcpStream),
    Secured(Box<Secured>),
}

impl Ends {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Secured(secured) => secured.socket(),
        }
    }
}

impl Read for Ends {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Secured(secured) => secured.read(into),
        }
    }
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Secured(secured) => secured.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Secured(secured) => secured.flush(),
        }
    }
}
