//! What a plugin can do to the thread, the memory and the functions it is given. A name that is none
//! of these does nothing.

use std::hint::black_box;
use std::time::Duration;

use theseus_plugin::{clock, files, kv, log, passwords};

const MEGABYTE: usize = 1 << 20;

/// The call that `late` traps at.
pub(crate) const LATE: i64 = 500;

/// Does what the name says; most of it never returns.
pub(crate) fn commit(name: &str) {
    match name {
        "loop" => spin(|| 0),
        "spin-host" => spin(clock::now_ms),
        "spin-files" => spin(|| files::lookup("misbehave", "nobody")),
        "spin-log" => spin(|| {
            log::warn!("and again");
            0
        }),
        "trap" => trap(),
        "late" => late("calls", LATE),
        "exit" => std::process::exit(3),
        "memory" => memory(),
        "memory-polite" => politely(),
        "hoard" => hoard(),
        "hand-over" => hand_over(),
        "passwords" => spin(|| passwords::decoy(b"x")),
        "recurse" => drop(recurse(0)),
        "hang" => hang(),
        "print" => println!("words\u{1b}[31m on stdout"),
        "long-log" => log::warn!("{}\n{}", "long ".repeat(4096), "\u{7}"),
        _ => {}
    }
}

fn spin<T>(work: impl Fn() -> T) {
    loop {
        black_box(work());
    }
}

#[expect(clippy::panic, reason = "that is what was asked for")]
fn trap() {
    panic!("asked to trap");
}

/// Is well for a long time, and then is not. It counts with the broker, since an instance may vanish.
pub(crate) fn late(key: &str, call: i64) {
    if kv::add(key, 1, None) == Ok(call) {
        trap();
    }
}

/// Until the broker refuses, which ends the instance.
fn memory() {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; MEGABYTE]);
        black_box(&kept);
    }
}

/// Until the broker refuses, and goes on with what it has.
fn politely() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut more = Vec::new();
        if more.try_reserve_exact(MEGABYTE).is_err() {
            log::info!("got {} MiB", kept.len());
            return;
        }
        more.resize(MEGABYTE, 1);
        kept.push(more);
    }
}

/// The same without a byte of it being touched: it takes the broker's bound and no time.
fn hoard() {
    loop {
        std::mem::forget(black_box(Vec::<u8>::with_capacity(8 * MEGABYTE)));
    }
}

/// More to the broker than any call may.
fn hand_over() {
    let _ = kv::set("much", &huge(), None);
}

/// 100 MB.
pub(crate) fn huge() -> Vec<u8> {
    vec![b'x'; 100 * MEGABYTE]
}

#[expect(unconditional_recursion, reason = "that is what was asked for")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth) + 1)) + 1
}

fn hang() {
    #[expect(clippy::disallowed_methods, reason = "that is what was asked for")]
    std::thread::sleep(Duration::from_secs(3600));
}
