//! Versions and cipher suites by the names that configurations use.

use rustls::crypto::aws_lc_rs::cipher_suite as of_library;
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion, version};

/// A version of TLS. Older ones are not spoken (RFC 8996).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl Version {
    pub(crate) fn of_library(self) -> &'static SupportedProtocolVersion {
        match self {
            Self::Tls12 => &version::TLS12,
            Self::Tls13 => &version::TLS13,
        }
    }
}

/// A cipher suite that can be spoken: all have forward secrecy and authenticated encryption.
#[derive(Debug)]
pub struct Suite {
    /// As the registry of TLS names it.
    pub name: &'static str,
    /// As OpenSSL and EMQX name it, where that differs.
    pub openssl_name: &'static str,
    suite: &'static SupportedCipherSuite,
}

/// Every suite, the preferred first.
pub static SUITES: &[Suite] = &[
    suite("TLS_AES_256_GCM_SHA384", "", &of_library::TLS13_AES_256_GCM_SHA384),
    suite("TLS_AES_128_GCM_SHA256", "", &of_library::TLS13_AES_128_GCM_SHA256),
    suite("TLS_CHACHA20_POLY1305_SHA256", "", &of_library::TLS13_CHACHA20_POLY1305_SHA256),
    suite(
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        &of_library::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    suite(
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        &of_library::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    suite(
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        &of_library::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    suite(
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        &of_library::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    suite(
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        &of_library::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    suite(
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
        &of_library::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

const fn suite(
    name: &'static str,
    openssl_name: &'static str,
    suite: &'static SupportedCipherSuite,
) -> Suite {
    Suite { name, openssl_name, suite }
}

impl Suite {
    /// The suite of this name, of either kind.
    pub fn named(name: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.is_named(name))
    }

    /// The suite of this number.
    pub(crate) fn of(number: CipherSuite) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.suite.suite() == number)
    }

    /// Whether this is its name, of either kind.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || (!name.is_empty() && self.openssl_name == name)
    }

    /// The version that it belongs to.
    pub fn version(&self) -> Version {
        match self.suite.tls13() {
            Some(_) => Version::Tls13,
            None => Version::Tls12,
        }
    }

    pub(crate) fn of_library(&self) -> SupportedCipherSuite {
        *self.suite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_of_the_library_has_a_name() {
        let all = rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
        assert_eq!(all.len(), SUITES.len());
        for suite in all {
            // `TLS13_AES_256_GCM_SHA384` there is `TLS_AES_256_GCM_SHA384` in the registry.
            let name = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
            let ours = Suite::named(&name).unwrap();
            assert_eq!(ours.of_library().suite(), suite.suite());
        }
    }

    #[test]
    fn a_suite_has_two_names_and_nothing_else_is_one() {
        let suite = Suite::named("ECDHE-RSA-AES256-GCM-SHA384").unwrap();
        assert_eq!(suite.name, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
        assert_eq!(suite.version(), Version::Tls12);
        for bad in ["", "AES256-SHA", "tls_aes_256_gcm_sha384"] {
            assert!(Suite::named(bad).is_none(), "{bad}");
        }
    }
}
