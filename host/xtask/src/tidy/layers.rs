//! Dependencies between our crates point one way: mqtt <- route; (mqtt, route, acl, limit) <- core; (core,
//! users, kv) <- policy <- wasm; (wasm, config, trust) <- reload <- host. Of store and cluster, which stand
//! on core, neither knows the other or the policy; tls, proxy and websocket stand alone under host. A plugin knows only the SDK, and every crate takes
//! versions, lints and licence from the workspace.

use super::finding::Finding;
use super::manifest::Manifest;
use super::safety;
use super::tree::Tree;

const RULE: &str = "layers";

/// The binary puts everything together.
const SHELL: &[&str] = &[
    "mqtt",
    "websocket",
    "route",
    "acl",
    "ban",
    "limit",
    "core",
    "users",
    "connector",
    "kv",
    "policy",
    "wasm",
    "native",
    "store",
    "tls",
    "proxy",
    "cluster",
    "config",
    "trust",
    "reload",
];

/// A crate's folder and which of ours it may use. What is not named here may use none.
const LAYERS: &[(&str, &[&str])] = &[
    ("host/mqtt", &[]),
    ("host/websocket", &[]),
    ("host/route", &["mqtt"]),
    ("host/acl", &[]),
    ("host/limit", &[]),
    ("host/ban", &["acl"]),
    ("host/core", &["mqtt", "route", "acl", "limit"]),
    ("host/users", &[]),
    ("host/connector", &[]),
    ("host/kv", &[]),
    ("host/policy", &["mqtt", "route", "acl", "ban", "limit", "core", "users", "kv", "connector"]),
    (
        "host/wasm",
        &["abi", "mqtt", "acl", "ban", "limit", "core", "users", "kv", "connector", "policy"],
    ),
    ("host/native", &["abi", "acl", "ban", "limit", "policy", "wasm"]),
    ("host/store", &["mqtt", "route", "core"]),
    ("host/tls", &[]),
    ("host/proxy", &[]),
    ("host/cluster", &["mqtt", "route", "core"]),
    ("host/config", &["acl"]),
    ("host/trust", &[]),
    (
        "host/reload",
        &[
            "acl",
            "ban",
            "limit",
            "config",
            "trust",
            "users",
            "kv",
            "connector",
            "policy",
            "wasm",
            "native",
        ],
    ),
    ("host", SHELL),
    ("host/xtask", &[]),
    ("plugins/abi", &[]),
    ("plugins/sdk", &["abi"]),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.manifests() {
        check_direction(&manifest, &mut findings);
        check_shared_keys(&manifest, &mut findings);
    }
    findings
}

fn check_direction(manifest: &Manifest<'_>, findings: &mut Vec<Finding>) {
    let folder = manifest.folder;
    let layer = LAYERS.iter().find(|(name, _)| *name == folder).map(|(_, below)| *below);
    let below: &[&str] = match layer {
        Some(below) => below,
        None if folder.starts_with("plugins/") => &["plugin"],
        // Tests, benchmarks and fuzz targets stand above everything.
        None if folder.starts_with("tests") || folder.ends_with("/fuzz") => return,
        None => {
            let text = format!("{folder} has no layer yet: give it one in tidy/layers.rs");
            return findings.push(manifest.file.finding(0, RULE, text));
        }
    };
    for dependency in manifest.dependencies() {
        let Some(name) = dependency.name.strip_prefix("theseus-") else { continue };
        if !below.contains(&name) {
            let text = format!("{folder} must not depend on theseus-{name} (ARCHITECTURE.md, Map)");
            findings.push(manifest.file.finding(dependency.at, RULE, text));
        }
    }
}

fn check_shared_keys(manifest: &Manifest<'_>, findings: &mut Vec<Finding>) {
    // A fuzz crate is a workspace of its own, so that nightly does not reach ours.
    if manifest.folder.ends_with("/fuzz") {
        return;
    }
    let wanted = [
        ("package", "version.workspace = true"),
        ("package", "edition.workspace = true"),
        ("package", "rust-version.workspace = true"),
        ("package", "license.workspace = true"),
        ("package", "publish = false"),
        ("lints", "workspace = true"),
    ];
    for (section, line) in wanted {
        // What the workspace forbids, one file cannot allow: such a crate says its lints itself.
        let own_lints = section == "lints" && safety::has_exceptions(manifest.folder);
        if !own_lints && !manifest.has(section, line) {
            let text = format!("`{line}` is missing in [{section}]");
            findings.push(manifest.file.finding(0, RULE, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: &str = "[package]\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish = false\n\
        [lints]\nworkspace = true\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    fn with(dependency: &str) -> String {
        format!("{SHARED}[dependencies]\n{dependency}.workspace = true\n")
    }

    #[test]
    fn a_dependency_against_the_direction_is_found() {
        let wrong = [
            ("host/mqtt", "theseus-route"),
            ("host/route", "theseus-core"),
            ("host/core", "theseus-policy"),
            ("host/policy", "theseus-store"),
            ("plugins/acl", "theseus-core"),
            ("host/xtask", "theseus-mqtt"),
            ("host/acl", "theseus-mqtt"),
            ("host/users", "theseus-config"),
            ("host/wasm", "theseus-reload"),
            ("host/reload", "theseus-core"),
        ];
        for (folder, dependency) in wrong {
            let found = found(&format!("{folder}/Cargo.toml"), &with(dependency));
            assert_eq!(found.len(), 1, "{folder} {dependency} {found:?}");
            assert!(found[0].contains(":10: [layers] "), "{found:?}");
        }
    }

    #[test]
    fn a_dependency_downwards_is_fine() {
        let right = [
            ("host/core", "theseus-mqtt"),
            ("host", "theseus-policy"),
            ("host/core", "theseus-acl"),
            ("host/reload", "theseus-wasm"),
            ("plugins/acl", "theseus-plugin"),
            ("tests/load", "theseus-mqtt"),
        ];
        for (folder, dependency) in right {
            let found = found(&format!("{folder}/Cargo.toml"), &with(dependency));
            assert!(found.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn a_crate_without_a_layer_or_without_the_shared_lints_is_found() {
        assert!(found("host/new/Cargo.toml", SHARED)[0].contains("has no layer yet"));
        let without = SHARED.replace("[lints]\nworkspace = true\n", "");
        assert!(found("host/mqtt/Cargo.toml", &without)[0].contains("missing in [lints]"));
        assert!(found("host/wasm/Cargo.toml", &without).is_empty(), "it has a listed exception");
    }
}
