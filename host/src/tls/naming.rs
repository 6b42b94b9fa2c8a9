//! Which part of a certificate becomes which name of a client.

use theseus_config::{CertificateField, Mqtt};
use theseus_tls::{Field, Peer, Unnamed};

use crate::clock::seconds_since_1970 as now;

/// What of a certificate becomes which name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Naming {
    client_id: Option<Field>,
    user_name: Option<Field>,
}

/// The names of a client that stand in its certificate, where the operator wants them.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) client_id: Option<String>,
    pub(crate) user_name: Option<String>,
}

impl Naming {
    /// As the operator wants it.
    pub(crate) fn of(mqtt: &Mqtt) -> Self {
        Self {
            client_id: mqtt.peer_cert_as_clientid.map(field),
            user_name: mqtt.peer_cert_as_username.map(field),
        }
    }

    /// The names, where `read` has the field of the certificate.
    pub(crate) fn names<E>(&self, read: impl Fn(Field) -> Result<String, E>) -> Result<Names, E> {
        Ok(Names {
            client_id: self.client_id.map(&read).transpose()?,
            user_name: self.user_name.map(&read).transpose()?,
        })
    }

    /// Reads them of a certificate that is in force. The error is a sentence for whoever has it.
    pub(crate) fn of_peer(&self, peer: &Peer) -> Result<Names, String> {
        if !peer.is_in_force(now()) {
            return Err("the certificate is not in force".to_owned());
        }
        self.names(|field| {
            peer.field(field).map(str::to_owned).map_err(|why| {
                let what = match why {
                    Unnamed::Missing => "has no",
                    Unnamed::Several => "has more than one",
                    Unnamed::Unusable => "has an unusable",
                };
                format!("the certificate {what} {}", field.word())
            })
        })
    }
}

fn field(field: CertificateField) -> Field {
    match field {
        CertificateField::Cn => Field::CommonName,
        CertificateField::SanDns => Field::SanDns,
        CertificateField::SanUri => Field::SanUri,
        CertificateField::SanEmail => Field::SanEmail,
        CertificateField::Dn => Field::Subject,
        CertificateField::Serial => Field::Serial,
        CertificateField::Sha256 => Field::Sha256,
    }
}
