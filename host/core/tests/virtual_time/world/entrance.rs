//! Clients come and go: what they say in CONNECT and in DISCONNECT.

use theseus_mqtt::{Property, QoS, ReasonCode};

use super::World;
use super::authentication::METHOD;
use super::requests::ASKED;
use crate::packets::{self, Hello, WillSpec};

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// How many aliases the server may use, as its clients say it; most say nothing.
const ALIASES: [&[Property<'static>]; 4] =
    [&[], &[], &[Property::TopicAliasMaximum(1)], &[Property::TopicAliasMaximum(10)]];

/// Properties of wills.
const PERISHABLE: [&[Property<'static>]; 3] =
    [&[], &[Property::MessageExpiryInterval(1)], &[Property::MessageExpiryInterval(8)]];

impl World {
    pub(super) fn connect(&mut self, client: usize) {
        let hello = self.hello(client);
        let socket = self.open_socket(client);
        // The client id depends on the process's hash seed, and only the client id does.
        let shown = Hello { client_id: String::new(), ..hello.clone() };
        self.note(format!("client {client} connects on {socket}: {shown:?}"));
        let bytes = self.clients[client].connect(socket, hello);
        self.shell.send(socket, bytes);
    }

    fn hello(&mut self, client: usize) -> Hello {
        let version = self.clients[client].hello.version;
        let client_id = self.clients[client].hello.client_id.clone();
        let clean = self.clients[client].must_clean || self.rng.chance(25);
        let v5 = version.is_v5();
        let expiry =
            *self.rng.pick(&[None, Some(5), Some(60), Some(60), Some(3600), Some(u32::MAX)]);
        let window = *self.rng.pick(&[None, Some(1), Some(2), Some(5), Some(100)]);
        let size = *self.rng.pick(&[None, None, None, None, Some(100), Some(160), Some(300)]);
        let keep_alive = if self.kind.pressed { 0 } else { *self.rng.pick(&[0, 0, 10, 60]) };
        let aliases = *self.rng.pick(&ALIASES);
        let will = self.rng.chance(40).then(|| self.will(client, v5));
        Hello {
            extra: if v5 { aliases } else { &[] },
            version,
            client_id,
            clean,
            keep_alive,
            expiry: expiry.filter(|_| v5),
            receive_maximum: window.filter(|_| v5),
            packet_size_max: size.filter(|_| v5),
            will,
            method: (v5 && self.kind.auth).then(|| METHOD.to_owned()),
        }
    }

    fn will(&mut self, client: usize, v5: bool) -> WillSpec {
        let interval = *self.rng.pick(&PERISHABLE);
        let asked = self.kind.asks && self.rng.chance(60);
        let topic = if asked { (*self.rng.pick(&ASKED)).to_owned() } else { format!("w{client}") };
        WillSpec {
            extra: if v5 { interval } else { &[] },
            retain: !asked && self.rng.chance(30),
            topic,
            payload: self.identity(client).payload(0),
            qos: *self.rng.pick(&ALL_QOS),
            delay: if v5 { *self.rng.pick(&[0, 0, 2, 30]) } else { 0 },
        }
    }

    pub(super) fn disconnect(&mut self, client: usize) {
        let hello = &self.clients[client].hello;
        let (version, keeps) = (hello.version, hello.expiry.unwrap_or(0) > 0);
        let with_will = version.is_v5() && self.rng.chance(40);
        let reason = if with_will { ReasonCode::DisconnectWithWill } else { ReasonCode::Success };
        let expiry = *self.rng.pick(&[None, Some(0), Some(3), Some(20), Some(3600)]);
        let expiry = expiry.filter(|_| keeps);
        self.note(format!("client {client} disconnects: {reason:?}, expiry {expiry:?}"));
        self.send(client, packets::disconnect(version, reason, expiry));
        // It hears no more; what it sent still arrives.
        self.clients[client].disconnected();
    }
}
