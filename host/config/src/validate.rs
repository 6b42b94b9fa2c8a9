//! What must hold between keys.
//! Not the limits of one key, which are part of its declaration.
//! Used by `config`, after everything is read.

use crate::error::{Errors, Origin};
use crate::read::{Setting, origin};
use crate::units::format_size;
use crate::{Mqtt, TcpListener};

/// Reports everything that does not go together, among the keys that are right by themselves.
pub(crate) fn validate(
    listeners: &[Option<TcpListener>],
    mqtt: Option<&Mqtt>,
    settings: &[Setting],
    errors: &mut Errors,
) {
    // Listeners that are wrong have been reported, and would listen once they are right.
    if listeners.is_empty() && !errors.mention("listeners") {
        let hint = "add [listeners.tcp.default] with a bind, such as \"127.0.0.1:1883\"";
        errors.whole(&Origin::Default, format!("nothing to listen on; {hint}"));
    }
    let listeners: Vec<_> = listeners.iter().flatten().collect();
    for (position, listener) in listeners.iter().enumerate() {
        let before = listeners.get(..position).unwrap_or_default();
        one_listener_for_each_address(listener, before, settings, errors);
    }
    if let Some(mqtt) = mqtt {
        connect_fits_into_a_packet(mqtt, settings, errors);
    }
}

/// Port 0 is a new port each time.
fn one_listener_for_each_address(
    listener: &TcpListener,
    before: &[&TcpListener],
    settings: &[Setting],
    errors: &mut Errors,
) {
    let bind = listener.bind;
    let Some(first) = before.iter().find(|other| other.bind == bind && bind.port() != 0) else {
        return;
    };
    let key = format!("listeners.tcp.{}.bind", listener.name);
    let problem = format!("{bind} is the address of listener `{}` already", first.name);
    errors.key(&origin(settings, &key), &key, problem);
}

/// The error stands at the key that was set, should the other be a default.
fn connect_fits_into_a_packet(mqtt: &Mqtt, settings: &[Setting], errors: &mut Errors) {
    const CONNECT: &str = "mqtt.max_connect_packet_size";
    const ANY: &str = "mqtt.max_packet_size";
    if mqtt.max_connect_packet_size <= mqtt.max_packet_size {
        return;
    }
    let size = |bytes| format_size(u64::try_from(bytes).unwrap_or(u64::MAX));
    let [connect, any] = [mqtt.max_connect_packet_size, mqtt.max_packet_size].map(size);
    let [of_connect, of_any] = [CONNECT, ANY].map(|key| origin(settings, key));
    let blamed = if of_connect == Origin::Default { of_any } else { of_connect };
    errors.key(&blamed, CONNECT, format!("\"{connect}\" is more than {ANY}, which is \"{any}\""));
}
