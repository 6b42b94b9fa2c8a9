//! Listeners behind a load balancer: reads the header in which it says whom it speaks for (`theseus-proxy`) off
//! the socket, before everything else. Not what is done with the address, but for bans, which close at once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use theseus_acl::Network;
use theseus_config::{Listener as Settings, Mqtt};
use theseus_proxy::{Certificate, Found, Header, Malformed, Reader};
use theseus_tls::Field;
use tokio::net::TcpStream;

use crate::accept::is_banned;
use crate::listen::Listener;
use crate::local::Local;
use crate::tls::{Names, Naming};

/// Bytes that are looked at in one go; few headers are longer.
const STEP: usize = 256;

/// The balancers before a listener.
#[derive(Debug)]
pub(crate) struct Proxy {
    networks: Vec<Network>,
    /// `proxy_protocol_timeout`: how long the header may take.
    timeout: Duration,
    naming: Naming,
}

/// Where a connection comes from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The client's address, as far as anybody knows it.
    pub(crate) address: SocketAddr,
    /// What the balancer says beside it.
    header: Header,
}

/// Why there is no header.
enum Missing {
    /// The balancer went away without a word, as one does that looks whether somebody listens.
    Nothing,
    /// It went away in the middle.
    Cut,
    Malformed(Malformed),
    Socket(io::Error),
}

/// Where the connection on a socket comes from, which on a listener behind a balancer its header says. `None` if
/// there is none in time, or nobody from there may connect.
pub(crate) async fn origin(
    local: &Local,
    socket: &TcpStream,
    peer: SocketAddr,
    listener: &Listener,
) -> Option<Origin> {
    let Some(proxy) = &listener.proxy else {
        return Some(Origin { address: canonical(peer), header: Header::default() });
    };
    let mut header = read_in_time(local, socket, peer, proxy).await?;
    if listener.tls.is_some() {
        // TLS that this listener takes off itself is the one that counts.
        (header.tls, header.server_name) = (None, None);
    }
    if header.source.is_none() && !goes_on(socket, proxy.timeout).await {
        tracing::debug!("{peer} looked whether {} is there", listener.title);
        return None;
    }
    let address = canonical(header.source.unwrap_or(peer));
    tracing::debug!("{peer} speaks for {address} on {}", listener.title);
    (!is_banned(local, address)).then_some(Origin { address, header })
}

impl Proxy {
    /// None if clients connect themselves.
    pub(crate) fn of(settings: &Settings, mqtt: &Mqtt) -> Option<Self> {
        settings.proxy_protocol.then(|| Self {
            networks: settings.proxy_protocol_networks.clone(),
            timeout: settings.proxy_protocol_timeout,
            naming: Naming::of(mqtt),
        })
    }

    /// Whether it is a balancer that has this address.
    pub(crate) fn knows(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// The names that the operator takes from the client's certificate. The error is a sentence for whoever has it.
    pub(crate) fn names(&self, origin: &Origin) -> Result<Names, String> {
        let certificate = origin.header.tls.as_ref().map(|tls| &tls.certificate);
        let Some(certificate) = certificate.filter(|it| **it != Certificate::Missing) else {
            return Ok(Names::default());
        };
        self.naming.names(|field| match (certificate, field) {
            (Certificate::Verified { common_name: Some(name) }, Field::CommonName) => {
                Ok(name.clone())
            }
            (Certificate::Verified { .. }, Field::CommonName) => {
                Err("the balancer tells no cn of the certificate".to_owned())
            }
            (Certificate::Verified { .. }, _) => Err(format!(
                "a balancer tells nothing of a certificate but its cn, and {} is wanted",
                field.word()
            )),
            _ => Err("the balancer has not verified the certificate".to_owned()),
        })
    }
}

impl Origin {
    /// What there is to know of the TLS that a balancer has taken off, as of our own.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Header { server_name, tls, .. } = &self.header;
        let of_tls = |read: fn(&theseus_proxy::Tls) -> Option<&String>| tls.as_ref().and_then(read);
        let facts = [
            ("tls.version", of_tls(|tls| tls.version.as_ref())),
            ("tls.cipher", of_tls(|tls| tls.cipher.as_ref())),
            ("tls.sni", server_name.as_ref()),
            (
                "tls.cn",
                of_tls(|tls| match &tls.certificate {
                    Certificate::Verified { common_name } => common_name.as_ref(),
                    _ => None,
                }),
            ),
        ];
        facts.into_iter().filter_map(|(fact, value)| Some((fact, value?.clone())))
    }
}

/// Whether something follows; a balancer that speaks for nobody often goes away then, and that is no failed
/// handshake of anybody. Who says nothing for long is for others to judge.
async fn goes_on(socket: &TcpStream, timeout: Duration) -> bool {
    let peeked = tokio::time::timeout(timeout, socket.peek(&mut [0])).await;
    !matches!(peeked, Ok(Ok(0) | Err(_)))
}

/// The same client has the same address, whichever way it is written: plugins and logs compare it as a text.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The header, or a word to the log and the counters.
async fn read_in_time(
    local: &Local,
    socket: &TcpStream,
    peer: SocketAddr,
    proxy: &Proxy,
) -> Option<Header> {
    let read = tokio::time::timeout(proxy.timeout, read(socket)).await;
    let metrics = local.broker().metrics(local.id);
    let why = match read {
        Ok(Ok(header)) => {
            metrics.proxy_headers.add(1);
            return Some(header);
        }
        Ok(Err(Missing::Nothing)) => {
            tracing::debug!("{peer} went away without a header of the PROXY protocol");
            return None;
        }
        Err(_) => {
            metrics.proxy_header_timeouts.add(1);
            tracing::debug!("{peer} closed: no whole header of the PROXY protocol in time");
            return None;
        }
        Ok(Err(Missing::Cut)) => "it is cut off".to_owned(),
        Ok(Err(Missing::Malformed(why))) => why.to_string(),
        Ok(Err(Missing::Socket(error))) => error.to_string(),
    };
    metrics.proxy_headers_refused.add(1);
    tracing::debug!("{peer} closed: no header of the PROXY protocol: {why}");
    None
}

/// Takes a header off the socket and not one byte more: what lies behind it is TLS's, or MQTT's. Each round takes
/// all that it looks at, or ends: bytes that stay would be looked at again and again.
async fn read(socket: &TcpStream) -> Result<Header, Missing> {
    let (mut reader, mut begun) = (Reader::default(), false);
    let mut bytes = [0; STEP];
    loop {
        let seen = match socket.peek(&mut bytes).await {
            Ok(count @ 1..) => &bytes[..count],
            Ok(0) | Err(_) if !begun => return Err(Missing::Nothing),
            Ok(_) => return Err(Missing::Cut),
            Err(error) => return Err(Missing::Socket(error)),
        };
        begun = true;
        let Found { count, header } = reader.take(seen).map_err(Missing::Malformed)?;
        take(socket, &mut bytes[..count]).await.map_err(Missing::Socket)?;
        if let Some(header) = header {
            return Ok(header);
        }
    }
}

/// Takes bytes that are known to be there.
async fn take(socket: &TcpStream, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_read(bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes = &mut bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.readable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use theseus_proxy::Tls;

    fn facts(certificate: Certificate) -> Vec<(&'static str, String)> {
        let text = |text: &str| Some(text.to_owned());
        let tls = Tls { version: text("TLSv1.3"), cipher: text("SUITE"), certificate };
        let header = Header { source: None, server_name: text("broker"), tls: Some(tls) };
        let address = SocketAddr::from(([192, 0, 2, 7], 1));
        Origin { address, header }.facts().collect()
    }

    #[test]
    fn plugins_are_told_what_the_balancer_says_and_of_names_only_verified_ones() {
        let known = [("tls.version", "TLSv1.3"), ("tls.cipher", "SUITE"), ("tls.sni", "broker")]
            .map(|(fact, value)| (fact, value.to_owned()));
        let name = Some("sensor".to_owned());
        let named = facts(Certificate::Verified { common_name: name });
        assert_eq!(named, [&known[..], &[("tls.cn", "sensor".to_owned())]].concat());
        for certificate in [
            Certificate::Missing,
            Certificate::Unverified,
            Certificate::Verified { common_name: None },
        ] {
            assert_eq!(facts(certificate.clone()), known, "{certificate:?}");
        }
    }
}
