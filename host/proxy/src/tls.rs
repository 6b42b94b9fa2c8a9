//! The field that tells of TLS (section 2.2.6).

use crate::fields::{self, Fields, Once};
use crate::{Certificate, Malformed, Tls};

/// Bits of its first byte: there was TLS; a certificate was shown in this connection; in its session.
const CLIENT_SSL: u8 = 0x01;
const CLIENT_CERT_CONN: u8 = 0x02;
const CLIENT_CERT_SESS: u8 = 0x04;

/// Fields inside it.
const VERSION: u8 = 0x21;
const COMMON_NAME: u8 = 0x22;
const CIPHER: u8 = 0x23;

/// Reads it; `None` if it says that there was none.
pub(crate) fn parse(value: &[u8]) -> Result<Option<Tls>, Malformed> {
    let (head, rest) = value.split_first_chunk::<5>().ok_or(Malformed::Field)?;
    let [client, verify @ ..] = *head;
    let (mut version, mut common_name, mut cipher) = (None, None, None);
    let (mut inner, mut once) = (Fields::of(rest), Once::new());
    while let Some((kind, value)) = inner.next()? {
        let place = match kind {
            VERSION => &mut version,
            COMMON_NAME => &mut common_name,
            CIPHER => &mut cipher,
            _ => continue,
        };
        once.note(kind)?;
        *place = fields::text(value)?;
    }
    let shown = client & (CLIENT_CERT_CONN | CLIENT_CERT_SESS) != 0;
    let certificate = match (shown, u32::from_be_bytes(verify)) {
        (false, _) => Certificate::Missing,
        // Zero: it was verified.
        (true, 0) => Certificate::Verified { common_name },
        (true, _) => Certificate::Unverified,
    };
    let tls = Tls { version, cipher, certificate };
    Ok(Some(tls).filter(|_| client & CLIENT_SSL != 0))
}
