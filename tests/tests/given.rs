//! What the broker gives a plugin while it is asked: the time, and numbers that many calls add to at once.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::thread;
use std::time::{Duration, Instant, SystemTime};
use theseus_tests::{Broker, Connect, Form, Raw, Site, Version, marked, pause};

/// What the clocks of one machine may differ, if somebody sets them meanwhile.
const APART_MS: u64 = 3_000;

const CLIENTS: u64 = 8;
const CALLS: u64 = 12;
/// Of one call, as the plugin has it.
const ADDITIONS: u64 = 1_000;

/// What the plugin says to this user, by its names.
fn said(broker: &Broker, user: &str, names: &[&str]) -> Vec<u64> {
    let mut raw = Raw::open(broker);
    raw.send(&Connect::new(Version::V5, &format!("c-{user}")).login(user, "good").bytes());
    let body = raw.packet().body;
    assert_eq!(body[1], 0x86, "{user}");
    let text = String::from_utf8_lossy(&body[2..]).into_owned();
    let value = |name: &&str| {
        let (_, rest) = text.split_once(&format!("{name}=")).unwrap();
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        digits.parse().unwrap()
    };
    names.iter().map(value).collect()
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// By the broker's clock and by that of WASI; in the next version of a plugin it goes on.
#[test]
fn a_component_is_told_what_time_it_is_and_how_it_passes() {
    let site = Site::new();
    site.config("authentication = [\"hostile\"]\n[policy]\nlogin_cpu_time = \"10s\"\n");
    site.drop_in("hostile", "hostile.wasm");
    let broker = site.start();
    let mut looks: Vec<(Instant, u64, Instant)> = Vec::new();
    for look in 0..4 {
        let (wall_before, before) = (wall_ms(), Instant::now());
        let names = ["wall", "wasi", "monotonic", "backwards"];
        let times = said(&broker, "clocks", &names);
        let (wall_after, after) = (wall_ms(), Instant::now());
        for wall in &times[..2] {
            let around = wall_before - APART_MS..=wall_after + APART_MS;
            assert!(around.contains(wall), "{wall} is not within {around:?}");
        }
        assert_eq!(times[3], 0, "a clock ran backwards");
        looks.push((before, times[2], after));
        pause(Duration::from_millis(150));
        if look == 1 {
            let mark = broker.mark();
            site.write("plugins/hostile.wasm", marked("hostile", "another"));
            broker.wait_for_line(mark, &["swapped hostile 0.1.0 ("]);
        }
    }
    for pair in looks.windows(2) {
        let [(before, first, between), (again, second, after)] = pair else { continue };
        let passed = second.checked_sub(*first).expect("it never runs backwards");
        let least = again.duration_since(*between).as_millis() as u64;
        let most = after.duration_since(*before).as_millis() as u64 + 1;
        assert!((least.saturating_sub(1)..=most).contains(&passed), "{passed} of {least}..={most}");
    }
}

/// Each sum is told once, and none is left out, whatever form the plugin has.
#[test]
fn what_many_calls_add_at_once_is_exact() {
    for form in Form::ALL {
        let top = "authentication = [\"keeper\"]\n";
        let tables = "[policy]\nthreads = 4\nlogin_timeout = \"30s\"\nlogin_cpu_time = \"10s\"\n";
        let site = Site::in_form(form, &[("keeper", "keeper")], top, tables);
        let broker = site.start();
        let client = || (0..CALLS).map(|_| said(&broker, "count", &["sums"])[0]).sum::<u64>();
        let told: u64 = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        let all = CLIENTS * CALLS * ADDITIONS;
        assert_eq!(said(&broker, "total", &["total"]), [all], "{form:?}");
        assert_eq!(told, all * (all + 1) / 2, "{form:?}");
    }
}
