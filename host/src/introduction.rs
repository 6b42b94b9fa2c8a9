//! Who a client says it is, and what else is to be seen of it: CONNECT, its certificate and its socket
//! become a candidate for the core and a login for the plugins. Not what they decide.

use theseus_core::{Candidate, Recipient};
use theseus_mqtt::{Connect, Cut, DecodeError, Packet, ProtocolVersion, ReasonCode, cut};
use theseus_policy::{Happening, Login, Refusal};
use theseus_tls::{Field, Peer, Unverified};

use crate::clock::seconds_since_1970;
use crate::events::tell;
use crate::listen::{Listener, Seat};
use crate::local::Local;
use crate::proxy::Origin;
use crate::stranger::{Refused, Stranger};
use crate::tls::Names;

/// Judges the form of the CONNECT that the client's first bytes are, and takes it from there.
pub(crate) fn read(
    local: &Local,
    stranger: &mut Stranger,
    origin: Origin,
    seat: &Seat,
) -> Result<(Candidate, Login), Refused> {
    let bytes = std::mem::take(&mut stranger.bytes);
    let Ok(Cut::Frame { frame, consumed }) = cut(&bytes, usize::MAX) else {
        return Err(Refused::SILENT);
    };
    let connect = match Packet::decode(frame, ProtocolVersion::V5) {
        Ok(Packet::Connect(connect)) => connect,
        Ok(_) => return Err(Refused::SILENT),
        Err(error) => return Err(refused_form(&error)),
    };
    let seen = Seen::of(stranger, origin, seat.listener());
    let introduced = seen.introduce(local, &connect)?;
    stranger.bytes = bytes;
    stranger.bytes.drain(..consumed);
    Ok(introduced)
}

/// What is to be seen of a client besides what it says.
struct Seen<'a> {
    origin: Origin,
    listener: &'a Listener,
    peer: Option<Peer>,
    /// Whether its certificate is trusted now: who resumes was trusted once, and others meanwhile may not be.
    verification: Result<(), Unverified>,
    /// Of its TLS, or of that before a balancer.
    facts: Vec<(&'static str, String)>,
}

impl<'a> Seen<'a> {
    fn of(stranger: &mut Stranger, origin: Origin, listener: &'a Listener) -> Self {
        let peer = stranger.wire.peer();
        let mut facts: Vec<_> = stranger.wire.facts().collect();
        for (fact, field) in FIELDS {
            let value = peer.as_ref().and_then(|peer| peer.field(*field).ok());
            facts.extend(value.map(|value| (*fact, value.to_owned())));
        }
        let (wire, now) = (&mut stranger.wire, seconds_since_1970());
        let tls = listener.tls.as_ref();
        let verification = tls.map_or(Ok(()), |tls| wire.admit(&tls.acceptor, now));
        facts.extend(origin.facts());
        Self { origin, listener, peer, verification, facts }
    }

    fn introduce(
        &self,
        local: &Local,
        connect: &Connect<'_>,
    ) -> Result<(Candidate, Login), Refused> {
        let refuse = |connect: &Connect<'_>, refusal: Refusal| {
            let login = self.login(connect, connect.client_id);
            tell(local, &login, Happening::ConnectSeen);
            tell(local, &login, Happening::Refused(refusal.reason));
            Refused::with(Recipient::of(connect), refusal)
        };
        let names = self.names().map_err(|why| {
            tracing::debug!("{}: {why}", self.origin.address);
            local.broker().metrics(local.id).connects_refused.add(1);
            let (reason, message) = (ReasonCode::NotAuthorized, Some(why.into()));
            refuse(connect, Refusal { reason, message })
        })?;
        // What the certificate says counts, whatever the client says.
        let said = connect;
        let connect = Connect {
            client_id: names.client_id.as_deref().unwrap_or(connect.client_id),
            user_name: names.user_name.as_deref().or(connect.user_name),
            ..*said
        };
        let (now, title) = (local.clock.now(), &self.listener.title);
        let candidate = Candidate::new(local.broker(), local.id, now, title, &connect)
            .map_err(|reason| refuse(&connect, reason.into()))?
            .named_by_others(said);
        // A user name that only CONNECT gives is a claim, whoever has the client id.
        let vouched =
            names.user_name.is_some() || names.client_id.is_some() && connect.user_name.is_none();
        let login = Login { vouched, ..self.login(&connect, candidate.client_id()) };
        Ok((candidate, login))
    }

    fn names(&self) -> Result<Names, String> {
        self.verification.map_err(|unverified| unverified.to_string())?;
        match (&self.listener.tls, &self.peer, &self.listener.proxy) {
            (Some(tls), Some(peer), _) => tls.naming.of_peer(peer),
            (None, _, Some(proxy)) => proxy.names(&self.origin),
            _ => Ok(Names::default()),
        }
    }

    /// What the chain is asked about.
    fn login(&self, connect: &Connect<'_>, client_id: &str) -> Login {
        let properties = connect.properties;
        let method = properties.authentication_method();
        let mut facts = vec![
            ("keep-alive", connect.keep_alive.to_string()),
            ("clean-start", connect.clean_start.to_string()),
            ("session-expiry", properties.session_expiry_interval().unwrap_or(0).to_string()),
            ("server.address", self.listener.address.to_string()),
        ];
        facts.extend(method.map(|method| ("auth-method", method.to_owned())));
        facts.extend_from_slice(&self.facts);
        Login {
            client_id: client_id.into(),
            user_name: connect.user_name.map(Into::into),
            password: connect.password.map(Into::into),
            method: method.map(Into::into),
            data: properties.authentication_data().map(Into::into),
            address: Some(self.origin.address),
            listener: self.listener.title.clone(),
            protocol: Some(connect.version),
            facts,
            vouched: false,
            certificate: self.peer.as_ref().map(|peer| peer.der().into()),
            user_properties: properties
                .user_properties()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            attributes: Vec::new(),
        }
    }
}

/// What plugins are told of a certificate by name (`client.get`), beside the whole of it.
const FIELDS: &[(&str, Field)] = &[
    ("tls.cn", Field::CommonName),
    ("tls.dn", Field::Subject),
    ("tls.san-dns", Field::SanDns),
    ("tls.san-uri", Field::SanUri),
    ("tls.san-email", Field::SanEmail),
    ("tls.serial", Field::Serial),
    ("tls.sha256", Field::Sha256),
];

/// A CONNECT of the wrong form is closed without an answer [MQTT-3.1.4-1]; one of a version we do
/// not speak is told so, in the form that every version's clients read [MQTT-3.1.2-2] (3.1.1).
fn refused_form(error: &DecodeError) -> Refused {
    let reason = error.reason();
    match reason {
        ReasonCode::UnsupportedProtocolVersion => {
            Refused::with(Recipient::speaking(ProtocolVersion::V3_1_1), reason)
        }
        _ => Refused::SILENT,
    }
}
