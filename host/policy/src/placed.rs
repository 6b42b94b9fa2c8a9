//! What every grant has from the host, whatever a plugin returned: where its client came from, and what the
//! certificate says that it has proved to be its own.

use theseus_core::Grant;

use crate::login::Login;

/// The facts of a certificate, by the names of `client.get`. Rules know them as attributes; what a plugin
/// grants by such a name is dropped.
const OF_CERTIFICATE: [&str; 7] =
    ["tls.cn", "tls.dn", "tls.san-dns", "tls.san-uri", "tls.san-email", "tls.serial", "tls.sha256"];

/// Puts it into the grant of this client. Once it is let in its certificate is known by the attributes that it
/// has already.
pub(crate) fn place(grant: &mut Grant, login: &Login) {
    grant.address = login.address.map(|address| address.ip());
    grant.listener = login.listener.clone();
    let shown = login.facts.iter().map(|(name, value)| (Box::from(*name), Box::from(&**value)));
    let known = login.attributes.iter().cloned();
    grant.attributes.retain(|(name, _)| !is_of_certificate(name));
    grant.attributes.extend(shown.chain(known).filter(|(name, _)| is_of_certificate(name)));
}

/// Nothing else: what anybody has who comes from there with that certificate.
pub(crate) fn only(grant: &Grant) -> Grant {
    let attributes = grant.attributes.iter().filter(|(name, _)| is_of_certificate(name));
    Grant {
        attributes: attributes.cloned().collect(),
        address: grant.address,
        listener: grant.listener.clone(),
        ..Grant::default()
    }
}

fn is_of_certificate(name: &str) -> bool {
    OF_CERTIFICATE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_becomes_attributes_that_no_plugin_can_give() {
        let named = |name: &str, value: &str| (name.into(), value.into());
        let facts = vec![
            ("tls.cn", "dev1".to_owned()),
            // What its client asked for, and nobody has proved.
            ("tls.sni", "a.example.com".to_owned()),
        ];
        let login = Login { facts, listener: "ssl:a".into(), ..Login::default() };
        let attributes =
            vec![named("tls.cn", "admin"), named("room", "1"), named("tls.serial", "1")];
        let mut grant = Grant { attributes, ..Grant::default() };
        place(&mut grant, &login);
        assert_eq!(grant.attributes, [named("room", "1"), named("tls.cn", "dev1")]);
        assert_eq!(only(&grant).attributes, [named("tls.cn", "dev1")]);
        // Asked again, by what is known of it by then.
        let later = Login { attributes: grant.attributes.clone(), ..Login::default() };
        let mut renewed = Grant { attributes: vec![named("tls.cn", "x")], ..Grant::default() };
        place(&mut renewed, &later);
        assert_eq!(renewed.attributes, [named("tls.cn", "dev1")]);
    }
}
