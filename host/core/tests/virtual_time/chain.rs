//! Clients that wait for each other in a row: the end of one ends the next, and none of it may
//! grow the stack. It runs on a small one, so that a call per client would overflow it.

use std::thread;

use theseus_core::ClientLimits;
use theseus_mqtt::{QoS, ReasonCode, SubscribeOptions};

use crate::packets::{self, Hello, Post, V3, V5};
use crate::shell::Shell;

const CLIENTS: usize = 3000;

const STACK: usize = 256 * 1024;

/// Withheld acknowledgements after which a client that is slow itself is not read from.
const PATIENCE: u16 = 16;

#[test]
fn a_chain_of_paused_clients_ends_client_by_client() {
    let run = thread::Builder::new().stack_size(STACK).spawn(run_chain).expect("a thread");
    run.join().expect("the chain ends");
}

fn run_chain() {
    let limits = ClientLimits {
        queue_len_max: 100,
        queue_soft_percent: 2,
        receive_maximum: 1,
        shutdown_after: None,
        ..ClientLimits::default()
    };
    let mut shell = Shell::new(1, limits);
    let clients: Vec<_> = (0..CLIENTS).map(|number| join(&mut shell, number)).collect();
    shell.work_off();
    press_all(&mut shell);
    for (number, client) in clients.iter().enumerate().take(CLIENTS - 1) {
        shell.send(*client, last_words(number + 1));
        shell.arrive(*client, usize::MAX, usize::MAX);
        assert!(!shell.reads(*client), "client {number} waits for the next one");
    }
    assert_eq!(shell.metric("reads_paused"), CLIENTS as u64 - 1);
    assert_eq!(shell.metric("client_disconnected"), 0);

    let last = clients[CLIENTS - 1];
    shell.send(last, packets::disconnect(V3, ReasonCode::Success, None));
    shell.arrive(last, usize::MAX, usize::MAX);
    assert_eq!(shell.metric("client_disconnected"), 1, "the next one's turn comes later");
    shell.collect_dirty(0);
    assert_eq!(shell.metric("client_disconnected"), CLIENTS as u64);
}

/// A client that hears `all` and its own topic and never acknowledges anything.
fn join(shell: &mut Shell, number: usize) -> usize {
    let socket = shell.open(0);
    shell.send(socket, Hello::clean(V3, &format!("client-{number}")).bytes());
    let (own, options) = (format!("t{number}"), SubscribeOptions::new(QoS::AtLeastOnce));
    shell.send(socket, packets::subscribe(V3, 1, &[("all", options), (&own, options)], 0));
    shell.arrive(socket, usize::MAX, usize::MAX);
    socket
}

/// Brings every queue over its soft limit.
fn press_all(shell: &mut Shell) {
    let publisher = shell.open(0);
    shell.send(publisher, Hello::clean(V5, "publisher").bytes());
    for id in 1..=3 {
        shell.send(publisher, Post::new("all", "x", QoS::AtLeastOnce).bytes(V5, id, false));
    }
    shell.arrive(publisher, usize::MAX, usize::MAX);
}

/// As many messages to the next client as one may send before it is not read from, and then
/// DISCONNECT, in one write.
fn last_words(next: usize) -> Vec<u8> {
    let post = Post::new(&format!("t{next}"), "x", QoS::AtLeastOnce);
    let mut bytes: Vec<_> = (1..=PATIENCE).flat_map(|id| post.bytes(V3, id, false)).collect();
    bytes.extend(packets::disconnect(V3, ReasonCode::Success, None));
    bytes
}
