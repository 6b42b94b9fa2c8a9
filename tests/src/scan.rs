//! A listener under TLS, as sslyze sees it: a scanner that tries what attackers try.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::checkout;
use crate::foreign::python;

/// What the scanner found.
#[derive(Debug)]
pub struct Scan {
    /// Whether that is as Mozilla recommends for servers of general use (its profile "intermediate").
    pub is_recommended: bool,
    looks: Value,
}

impl Scan {
    /// Scans the listener at `address`, asking for `localhost` and trusting who is in `ca`; `more` are
    /// further looks than those at what Mozilla recommends. None if sslyze is not installed.
    #[must_use]
    pub fn of(address: SocketAddr, ca: &Path, more: &[&str]) -> Option<Self> {
        let mut ask = python();
        ask.args(["-c", "import sslyze"]).stderr(Stdio::null());
        if !ask.status().ok()?.success() {
            crate::skip("sslyze");
            return None;
        }
        let output = python()
            .arg(checkout().join("tests/clients/sslyze/scan.py"))
            .args(["--sni=localhost", "--mozilla_config=intermediate", "--certinfo"])
            .arg("--certinfo_ca_file")
            .arg(ca)
            .args(more)
            .arg(address.to_string())
            .output()
            .expect("python3 starts");
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{address}: {why}");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        Some(Self { is_recommended: said["recommended"] == true, looks: said["looks"].clone() })
    }

    /// The value at `pointer` below what it found by `look`; a look that failed fails the test.
    #[must_use]
    pub fn found(&self, look: &str, pointer: &str) -> &Value {
        let found = &self.looks[look];
        assert_eq!(found["status"], "COMPLETED", "{look}: {found:#}");
        let value = found["result"].pointer(pointer);
        value.unwrap_or_else(|| panic!("no {pointer} in {look}: {found:#}"))
    }

    /// The names of the suites that were accepted.
    #[must_use]
    pub fn suites(&self, look: &str) -> BTreeSet<&str> {
        let accepted = self.found(look, "/accepted_cipher_suites").as_array().expect("a list");
        accepted.iter().filter_map(|suite| suite["cipher_suite"]["name"].as_str()).collect()
    }

    /// The names of the curves that keys were exchanged on.
    #[must_use]
    pub fn curves(&self) -> BTreeSet<&str> {
        let curves = self.found("elliptic_curves", "/supported_curves").as_array().expect("a list");
        curves.iter().filter_map(|curve| curve["name"].as_str()).collect()
    }
}
