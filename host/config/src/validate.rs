//! What must hold between keys.
//! Not the limits of one key, which are part of its declaration.
//! Used by `config`, after everything is read.

use std::collections::BTreeSet;

use crate::error::{Errors, Origin};
use crate::read::{Setting, origin};
use crate::suggest::suggest;
use crate::top::Top;
use crate::units::format_size;
use crate::walk::Named;
use crate::{CertificateField, Listener, Mqtt, PluginPolicy, Trust, TrustMode, Verify};

/// What is looked at; none where a key is wrong, which has been reported.
pub(crate) struct Parts<'a> {
    pub(crate) top: Option<&'a Top>,
    /// The sections of the listeners, in the same order.
    pub(crate) doors: &'a [Named],
    pub(crate) listeners: &'a [Option<Listener>],
    pub(crate) mqtt: Option<&'a Mqtt>,
    /// As each listener overrides it.
    pub(crate) of_listeners: &'a [Option<Mqtt>],
    pub(crate) of_plugins: Option<&'a [PluginPolicy]>,
    pub(crate) trust: Option<&'a Trust>,
    pub(crate) settings: &'a [Setting],
}

/// Reports everything that does not go together, among the keys that are right by themselves.
pub(crate) fn validate(parts: &Parts<'_>, errors: &mut Errors) {
    // Listeners that are wrong have been reported, and would listen once they are right.
    if parts.listeners.is_empty() && !errors.mention("listeners") {
        let hint = "add [listeners.tcp.default] with a bind, such as \"127.0.0.1:1883\"";
        errors.whole(&Origin::Default, format!("nothing to listen on; {hint}"));
    }
    somebody_can_connect(parts, errors);
    some_plugin_can_run(parts, errors);
    let listeners: Vec<_> = parts.listeners.iter().flatten().collect();
    for (position, listener) in listeners.iter().enumerate() {
        let before = listeners.get(..position).unwrap_or_default();
        one_listener_for_each_address(listener, before, parts.settings, errors);
        clients_certificates_are_asked_for_and_known(listener, parts.settings, errors);
        balancers_are_known(listener, parts.settings, errors);
    }
    for (door, listener) in parts.doors.iter().zip(parts.listeners) {
        if let Some(listener) = listener {
            named_by_certificates_that_are_asked_for(door, listener, parts.settings, errors);
        }
    }
    granted_connectors_are_there(parts, errors);
    let Some(mqtt) = parts.mqtt else { return };
    connect_fits_into_a_packet("mqtt", mqtt, parts.settings, errors);
    keep_alives_are_a_range("mqtt", mqtt, parts.settings, errors);
    for (door, own) in parts.doors.iter().zip(parts.of_listeners) {
        // What it inherits has been reported already.
        let Some(own) = own.as_ref().filter(|own| *own != mqtt) else { continue };
        let at = format!("{}.mqtt", door.path);
        connect_fits_into_a_packet(&at, own, parts.settings, errors);
        keep_alives_are_a_range(&at, own, parts.settings, errors);
    }
}

/// A listener without plugins to ask and without anonymous clients would refuse everyone.
fn somebody_can_connect(parts: &Parts<'_>, errors: &mut Errors) {
    // A key that was refused may be the one that lets clients in.
    let Some(top) = parts.top.filter(|_| !errors.speak_of(&["allow_anonymous", "authentication"]))
    else {
        return;
    };
    let doors = parts.doors.iter().zip(parts.listeners).zip(parts.of_listeners);
    for ((door, listener), mqtt) in doors {
        let Some(listener) = listener else { continue };
        if mqtt.as_ref().is_some_and(|mqtt| certificates_name_clients(listener, mqtt)) {
            continue;
        }
        let asked = listener.authentication.as_ref().unwrap_or(&top.authentication);
        if asked.is_empty() && !listener.allow_anonymous.unwrap_or(top.allow_anonymous) {
            let problem = "nobody could connect: `authentication` names no plugin and \
                 `allow_anonymous` is false; set authentication = [\"password\"], or \
                 allow_anonymous = true, in this section or at the top level";
            errors.key(&door.origin, &door.path, problem);
        }
    }
}

/// Whose name stands in its certificate comes in where no plugin is asked.
fn certificates_name_clients(listener: &Listener, mqtt: &Mqtt) -> bool {
    let names = [mqtt.peer_cert_as_username, mqtt.peer_cert_as_clientid];
    match &listener.ssl_options {
        Some(options) => options.verify == Verify::Peer && names.iter().any(Option::is_some),
        None => listener.proxy_protocol && names.contains(&Some(CertificateField::Cn)),
    }
}

/// Where nobody is asked for a certificate, nobody is named by one; a listener's own key says that it should be.
/// Without TLS of its own, the balancer before it may have asked.
fn named_by_certificates_that_are_asked_for(
    door: &Named,
    listener: &Listener,
    settings: &[Setting],
    errors: &mut Errors,
) {
    if listener.ssl_options.as_ref().is_some_and(|it| it.verify == Verify::Peer) {
        return;
    }
    let balanced = listener.proxy_protocol && listener.ssl_options.is_none();
    for key in ["peer_cert_as_username", "peer_cert_as_clientid"] {
        let key = format!("{}.mqtt.{key}", door.path);
        let own = settings.iter().find(|setting| setting.key == key);
        let problem = match own.map_or("\"disabled\"", |own| &*own.value) {
            "\"disabled\"" => continue,
            "\"cn\"" if balanced => continue,
            _ if balanced => {
                "a balancer tells nothing of a certificate but its common name: \"cn\""
            }
            _ => "nobody is asked for a certificate here: verify = \"verify_peer\" asks",
        };
        errors.key(&origin(settings, &key), &key, problem);
    }
}

/// Where nothing could be trusted, something was forgotten.
fn some_plugin_can_run(parts: &Parts<'_>, errors: &mut Errors) {
    let Some(trust) = parts.trust else { return };
    let (mode, key) = match trust.mode {
        TrustMode::Pinned if trust.sha256.is_empty() => ("pinned", "sha256"),
        TrustMode::Signed if trust.public_keys.is_empty() => ("signed", "public_keys"),
        _ => return,
    };
    let problem = format!("\"{mode}\" lets no plugin run as long as trust.{key} is empty");
    errors.key(&origin(parts.settings, "trust.mode"), "trust.mode", problem);
}

/// Port 0 is a new port each time.
fn one_listener_for_each_address(
    listener: &Listener,
    before: &[&Listener],
    settings: &[Setting],
    errors: &mut Errors,
) {
    let bind = listener.bind;
    let Some(first) = before.iter().find(|other| other.bind == bind && bind.port() != 0) else {
        return;
    };
    let key = format!("{}.bind", listener.path());
    let problem = format!("{bind} is the address of `{}` already", first.path());
    errors.key(&origin(settings, &key), &key, problem);
}

/// Who asks for certificates has to say whom it trusts, and who refuses those without has to ask.
fn clients_certificates_are_asked_for_and_known(
    listener: &Listener,
    settings: &[Setting],
    errors: &mut Errors,
) {
    let Some(options) = &listener.ssl_options else { return };
    let (key, problem) = match (options.verify, &options.cacertfile) {
        (Verify::Peer, None) => {
            ("verify", "verify_peer has nobody to trust: cacertfile names no file")
        }
        (Verify::None, _) if options.fail_if_no_peer_cert => {
            ("fail_if_no_peer_cert", "nobody is asked for a certificate: verify is verify_none")
        }
        (Verify::None, _) if options.crlfile.is_some() => {
            ("crlfile", "nobody is asked for a certificate: verify is verify_none")
        }
        (Verify::None, _) if !options.crl_urls.is_empty() => {
            ("crl_urls", "nobody is asked for a certificate: verify is verify_none")
        }
        _ => return,
    };
    let key = format!("{}.ssl_options.{key}", listener.path());
    errors.key(&origin(settings, &key), &key, problem);
}

/// Whoever may send a header may be anybody, so it is nobody until the operator says who.
fn balancers_are_known(listener: &Listener, settings: &[Setting], errors: &mut Errors) {
    if !listener.proxy_protocol || !listener.proxy_protocol_networks.is_empty() {
        return;
    }
    let key = format!("{}.proxy_protocol", listener.path());
    let problem = "no balancer could connect: proxy_protocol_networks is empty; name their addresses \
         there, such as [\"10.0.0.0/8\"]";
    errors.key(&origin(settings, &key), &key, problem);
}

/// Whoever grants what is not there has misspelt it, or forgotten a section.
fn granted_connectors_are_there(parts: &Parts<'_>, errors: &mut Errors) {
    let keys = parts.settings.iter().filter_map(|it| it.key.strip_prefix("connectors.http."));
    let names: BTreeSet<&str> = keys.filter_map(|key| key.split('.').next()).collect();
    for policy in parts.of_plugins.unwrap_or_default() {
        let missing = policy.connectors.iter().filter(|name| !names.contains(name.as_str()));
        for name in missing {
            let near = suggest(name, names.iter().copied());
            let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            let key = format!("policy.plugins.{}.connectors", policy.name);
            let problem = format!("there is no section [connectors.http.{name}]{hint}");
            errors.key(&origin(parts.settings, &key), &key, problem);
        }
    }
}

/// The error stands at the key that was set, should the other be a default.
fn connect_fits_into_a_packet(at: &str, mqtt: &Mqtt, settings: &[Setting], errors: &mut Errors) {
    let [connect_key, any_key] =
        ["max_connect_packet_size", "max_packet_size"].map(|key| format!("{at}.{key}"));
    if mqtt.max_connect_packet_size <= mqtt.max_packet_size {
        return;
    }
    let size = |bytes| format_size(u64::try_from(bytes).unwrap_or(u64::MAX));
    let [connect, any] = [mqtt.max_connect_packet_size, mqtt.max_packet_size].map(size);
    let [of_connect, of_any] = [&connect_key, &any_key].map(|key| origin(settings, key));
    let blamed = if of_connect == Origin::Default { of_any } else { of_connect };
    let problem = format!("\"{connect}\" is more than {any_key}, which is \"{any}\"");
    errors.key(&blamed, &connect_key, problem);
}

fn keep_alives_are_a_range(at: &str, mqtt: &Mqtt, settings: &[Setting], errors: &mut Errors) {
    let (Some(min), Some(max)) = (mqtt.min_keepalive, mqtt.max_keepalive) else { return };
    if min > max {
        let [min_key, max_key] =
            ["min_keepalive", "max_keepalive"].map(|key| format!("{at}.{key}"));
        let problem = format!("{min} is more than {max_key}, which is {max}");
        errors.key(&origin(settings, &min_key), &min_key, problem);
    }
}
