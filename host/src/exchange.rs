//! A login to its end, challenges by AUTH included (MQTT 5.0, 4.12): the question, the AUTH to the
//! client, its answer, the next question. What goes on after CONNACK is in `reauthentication`.

use std::sync::Arc;
use std::time::Duration;

use theseus_core::{Candidate, auth};
use theseus_mqtt::{Cut, Packet, ProtocolVersion, ReasonCode, cut};
use theseus_policy::{Admitted, Challenged, Login, Progress, Refusal};
use tokio::time::{Instant, timeout};

use crate::local::Local;
use crate::stranger::Stranger;

/// How long a client may be waited for until it is let in, in all.
pub(crate) struct Patience(Duration);

/// Why a login came to nothing.
pub(crate) enum Failed {
    /// The client is gone, or sent what it may not: nothing is said.
    Gone,
    /// The client is told.
    Refused(Refusal),
}

impl Patience {
    pub(crate) fn new(time: Duration) -> Self {
        Self(time)
    }

    /// Waits for something that the client does; `None` once there is no patience left.
    pub(crate) async fn wait<T>(&mut self, awaited: impl Future<Output = T>) -> Option<T> {
        let began = Instant::now();
        let came = timeout(self.0, awaited).await.ok();
        self.0 = self.0.saturating_sub(began.elapsed());
        came
    }
}

/// Asks who the client is, and the client as often as a plugin wants. The waits for the client are
/// bounded by `patience` together, and each question by `policy.login_timeout`.
pub(crate) async fn authenticate(
    local: &Local,
    stranger: &mut Stranger,
    candidate: &Candidate,
    login: &Arc<Login>,
    patience: &mut Patience,
) -> Result<Admitted, Failed> {
    let admitted = match asking(stranger, local.logins.decide(login)).await? {
        Progress::Admitted(admitted) => admitted,
        Progress::Challenged(challenged) => {
            let mut exchange = Exchange { local, stranger, candidate, login, patience };
            exchange.run(challenged).await.inspect_err(|_| {
                local.broker().metrics(local.id).exchanges_refused.add(1);
            })?
        }
    };
    // Who named a method says nothing but AUTH and DISCONNECT before CONNACK [MQTT-3.1.2-30].
    match stranger.bytes.first() {
        Some(first) if candidate.method().is_some() && *first != DISCONNECT => return Err(broken()),
        _ => {}
    }
    match asking(stranger, local.logins.give_limits(login, admitted)).await? {
        Progress::Admitted(admitted) => Ok(admitted),
        // Nobody is challenged by limits.
        Progress::Challenged(_) => Err(Failed::Gone),
    }
}

/// Waits for the answer to a question, unless the client goes away meanwhile.
pub(crate) async fn asking<T>(
    stranger: &mut Stranger,
    asked: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Failed> {
    tokio::select! {
        decided = asked => decided.map_err(Failed::Refused),
        () = stranger.gone() => Err(Failed::Gone),
    }
}

/// One exchange under way.
struct Exchange<'a> {
    local: &'a Local,
    stranger: &'a mut Stranger,
    candidate: &'a Candidate,
    login: &'a Arc<Login>,
    patience: &'a mut Patience,
}

impl Exchange<'_> {
    async fn run(&mut self, first: Challenged) -> Result<Admitted, Failed> {
        let mut challenged = first;
        loop {
            self.send(&challenged.data).await?;
            let data = self.answer().await?;
            let Challenged { challenge, challenger, .. } = challenged;
            let asked = self.local.logins.proceed(self.login, challenger, challenge, data);
            match asking(self.stranger, asked).await? {
                Progress::Admitted(admitted) => return Ok(admitted),
                Progress::Challenged(next) => challenged = next,
            }
        }
    }

    /// Sends an AUTH that asks the client to go on, with the method of its CONNECT [MQTT-4.12.0-2]
    /// [MQTT-4.12.0-5].
    async fn send(&mut self, data: &[u8]) -> Result<(), Failed> {
        let method = self.candidate.method().unwrap_or_default();
        let size_max = self.candidate.packet_size_max();
        let packet = auth(ReasonCode::ContinueAuthentication, method, Some(data), size_max)
            .ok_or_else(|| Failed::Refused(ReasonCode::PacketTooLarge.into()))?;
        match self.patience.wait(self.stranger.send(&packet)).await {
            Some(Ok(())) => {
                let metrics = self.local.broker().metrics(self.local.id);
                metrics.bytes_sent.add(packet.len() as u64);
                metrics.packets_sent.count(AUTH);
                Ok(())
            }
            Some(Err(_)) => Err(Failed::Gone),
            None => Err(out_of_patience()),
        }
    }

    /// The data of the client's AUTH [MQTT-4.12.0-3]. Any packet but that and DISCONNECT closes the
    /// connection [MQTT-3.1.2-30].
    async fn answer(&mut self) -> Result<Box<[u8]>, Failed> {
        let reading = self.stranger.read_packet(&[AUTH, DISCONNECT]);
        match self.patience.wait(reading).await {
            Some(Ok(length)) => self.count(length),
            Some(Err(_)) => return Err(Failed::Gone),
            None => return Err(out_of_patience()),
        }
        let bytes = &mut self.stranger.bytes;
        let Ok(Cut::Frame { frame, consumed }) = cut(bytes, usize::MAX) else {
            return Err(Failed::Gone);
        };
        let answer = match Packet::decode(frame, ProtocolVersion::V5) {
            Ok(Packet::Disconnect(_)) => return Err(Failed::Gone),
            Ok(Packet::Auth(auth)) => auth,
            Ok(_) | Err(_) => return Err(broken()),
        };
        let same_method = answer.properties.authentication_method() == self.candidate.method();
        if answer.reason != ReasonCode::ContinueAuthentication || !same_method {
            return Err(broken());
        }
        let data = answer.properties.authentication_data().unwrap_or_default().into();
        bytes.drain(..consumed);
        Ok(data)
    }

    /// Notes a packet of the client, the first in its bytes.
    fn count(&self, length: usize) {
        let metrics = self.local.broker().metrics(self.local.id);
        metrics.bytes_received.add(length as u64);
        metrics.packets_received.count(self.stranger.bytes.first().copied().unwrap_or(AUTH));
    }
}

fn broken() -> Failed {
    Failed::Refused(ReasonCode::ProtocolError.into())
}

fn out_of_patience() -> Failed {
    Failed::Refused(ReasonCode::NotAuthorized.into())
}

/// First byte of an AUTH (MQTT 5.0, 3.15.1).
const AUTH: u8 = 0xF0;

/// First byte of a DISCONNECT (MQTT 5.0, 3.14.1).
const DISCONNECT: u8 = 0xE0;
