//! A client under TLS that lives in this process: as many as a test wants, and each does what no program would.
//! It trusts any certificate: whom clients should trust is the affair of tests with real ones.

use crate::PATIENCE;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    SupportedCipherSuite,
};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// The only suite of 1.3 that is spoken, and that of 1.2.
pub(crate) const SUITES: [SupportedCipherSuite; 2] = [
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// How a client begins.
#[derive(Clone, Debug)]
pub struct Hello {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Hello {
    /// In TLS 1.3, to `localhost`, with no protocol and no certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::of(&rustls::version::TLS13, None)
    }

    /// The same in TLS 1.2.
    #[must_use]
    pub fn of_tls12() -> Self {
        Self::of(&rustls::version::TLS12, None)
    }

    /// With the certificates of a file, so often one after the other, and the key of the first.
    #[must_use]
    pub fn showing(certificate: &Path, times: usize, key: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        Self::of(&rustls::version::TLS13, Some((vec![certificate; times], key)))
    }

    fn of(
        version: &'static rustls::SupportedProtocolVersion,
        pair: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Self {
        let provider = CryptoProvider { cipher_suites: SUITES.to_vec(), ..default_provider() };
        let provider = Arc::new(provider);
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
        let mut config = match pair {
            None => config.with_no_client_auth(),
            Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
        };
        config.enable_secret_extraction = true;
        // Each handshake is a whole one.
        config.resumption = rustls::client::Resumption::disabled();
        Self { config: Arc::new(config), name: ServerName::try_from("localhost").unwrap() }
    }

    /// Asks for one of these protocols (RFC 7301).
    #[must_use]
    pub fn protocols(mut self, protocols: &[&str]) -> Self {
        let protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        Arc::make_mut(&mut self.config).alpn_protocols = protocols;
        self
    }

    /// Asks for this server (RFC 6066, 3); for none if it is an address.
    #[must_use]
    pub fn to(mut self, name: &str) -> Self {
        self.name = ServerName::try_from(name.to_owned()).unwrap();
        self
    }

    /// What it says first, to be said by somebody who says nothing else.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.connection().write_tls(&mut bytes).unwrap();
        bytes
    }

    fn connection(&self) -> ClientConnection {
        ClientConnection::new(self.config.clone(), self.name.clone()).unwrap()
    }
}

impl Default for Hello {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection under TLS, whose socket blocks.
#[derive(Debug)]
pub struct Secured {
    connection: ClientConnection,
    socket: TcpStream,
}

impl Secured {
    /// Connects, and does the handshake as far as it is the client's.
    ///
    /// # Errors
    /// The broker does not want to, or hangs up.
    pub fn open(address: SocketAddr, hello: &Hello) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut secured = Self { connection: hello.connection(), socket };
        while secured.connection.is_handshaking() {
            secured.flush()?;
            if secured.connection.wants_read() {
                secured.hear()?;
            }
        }
        secured.flush()?;
        Ok(secured)
    }

    /// The certificate that the broker has shown, in DER.
    #[must_use]
    pub fn certificate(&self) -> Vec<u8> {
        self.connection.peer_certificates().unwrap()[0].to_vec()
    }

    /// The protocol that was agreed on (RFC 7301).
    #[must_use]
    pub fn protocol(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// The socket under it.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Takes new keys and asks the broker to do so (RFC 8446, 4.6.3). It goes out with what follows.
    pub fn update_keys(&mut self) {
        self.connection.refresh_traffic_keys().unwrap();
    }

    /// Says that nothing follows (RFC 8446, 6.1), and leaves the socket open.
    pub fn say_goodbye(&mut self) {
        self.connection.send_close_notify();
        self.flush().unwrap();
    }

    pub(crate) fn into_parts(self) -> (ClientConnection, TcpStream) {
        (self.connection, self.socket)
    }

    /// What the broker says next; an alert is the end.
    fn hear(&mut self) -> io::Result<()> {
        if self.connection.read_tls(&mut self.socket)? == 0 && self.connection.is_handshaking() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let heard = self.connection.process_new_packets();
        heard.map(|_| ()).map_err(|error| io::Error::new(ErrorKind::ConnectionReset, error))
    }
}

impl Read for Secured {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.hear()?,
                // The socket has ended, without a goodbye.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
        }
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.connection.writer().write(bytes)?;
        self.flush()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

/// Trusts any certificate whose key the broker has.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// True if it is 1.3.
pub(crate) fn is_tls13(connection: &ClientConnection) -> bool {
    connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
}
