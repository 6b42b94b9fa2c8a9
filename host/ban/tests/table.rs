//! The table as the broker uses it.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use theseus_ban::{Author, Bounds, Desk, Refused, Table, Target};

const NOW: u64 = 1_000_000;

fn table(entries_max: usize) -> Arc<Table> {
    Table::new(Bounds { entries_max, ipv4_bits_min: 16, ipv6_bits_min: 32 })
}

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn plugin(name: &str) -> Author {
    Author::Plugin(name.into())
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

fn counted(table: &Table, name: &str) -> u64 {
    table.counters().iter().find(|(known, _, _)| *known == name).unwrap().2
}

#[test]
fn each_kind_of_target_is_found() {
    let table = table(10);
    for text in ["client-id:a", "username:b", "192.0.2.7", "10.1.0.0/16", "2001:db8::/32"] {
        table.add(NOW, target(text), None, "", Author::Operator).unwrap();
    }
    for (address, hit) in [
        ("192.0.2.7", true),
        ("::ffff:192.0.2.7", true),
        ("192.0.2.8", false),
        ("10.1.255.1", true),
        ("10.2.0.1", false),
        ("2001:db8:9::1", true),
        ("2001:db9::1", false),
    ] {
        assert_eq!(table.find_address(NOW, ip(address)).is_some(), hit, "{address}");
    }
    for (client_id, user_name, hit) in [
        ("a", None, true),
        ("a", Some("c"), true),
        ("c", Some("b"), true),
        ("b", Some("a"), false),
        ("c", None, false),
    ] {
        let found = table.find_client(NOW, client_id, user_name);
        assert_eq!(found.is_some(), hit, "{client_id} {user_name:?}");
    }
}

#[test]
fn a_ban_ends_by_itself_and_gives_its_place_back() {
    let table = table(1);
    table.add(NOW, target("192.0.2.7"), seconds(2), "", plugin("p")).unwrap();
    let full = table.add(NOW, target("192.0.2.8"), None, "", plugin("p"));
    assert_eq!((full, counted(&table, "bans_table_full")), (Err(Refused::Full), 1));
    assert!(table.find_address(NOW + 1_999, ip("192.0.2.7")).is_some());
    assert!(table.find_address(NOW + 2_000, ip("192.0.2.7")).is_none());
    table.add(NOW + 2_000, target("192.0.2.8"), None, "", plugin("p")).unwrap();
    assert_eq!((table.len(), counted(&table, "bans_expired")), (1, 1));
}

#[test]
fn adding_again_renews_end_reason_and_author_even_if_the_table_is_full() {
    let table = table(1);
    table.add(NOW, target("client-id:a"), seconds(1), "first", plugin("p")).unwrap();
    table.add(NOW, target("client-id:a"), seconds(60), "second", plugin("q")).unwrap();
    let ban = table.find_client(NOW + 5_000, "a", None).unwrap();
    assert_eq!((&*ban.reason, &ban.author, ban.ends), ("second", &plugin("q"), Some(NOW + 60_000)));
    assert_eq!((table.len(), counted(&table, "bans_renewed")), (1, 1));
    table.add(NOW, target("client-id:a"), None, "", plugin("q")).unwrap();
    assert!(table.find_client(u64::MAX, "a", None).is_some(), "its old end is forgotten");
}

#[test]
fn what_an_operator_says_is_not_taken_back_by_a_plugin() {
    let table = table(10);
    let who = target("username:anna");
    table.add(NOW, who.clone(), None, "by hand", Author::Operator).unwrap();
    let desk = Desk::new(table.clone(), "p");
    desk.add(NOW, who.clone(), seconds(1), "shorter").unwrap();
    desk.remove(NOW, &who);
    let ban = table.find_client(NOW + 5_000, "x", Some("anna")).unwrap();
    assert_eq!((&*ban.reason, &ban.author), ("by hand", &Author::Operator));
    assert!(table.remove(NOW, &who, &Author::Operator));
    assert!(!table.remove(NOW, &who, &Author::Operator), "there is none any more");
    desk.add(NOW, who.clone(), None, "").unwrap();
    assert!(table.remove(NOW, &who, &Author::Operator), "an operator has the last word");
}

#[test]
fn a_version_that_is_not_live_changes_nothing() {
    let table = table(10);
    let desk = Desk::new(table.clone(), "p");
    let held_by_the_version = desk.clone();
    desk.add(NOW, target("192.0.2.7"), None, "").unwrap();
    desk.withhold(true);
    held_by_the_version.add(NOW, target("192.0.2.8"), None, "").unwrap();
    held_by_the_version.remove(NOW, &target("192.0.2.7"));
    assert_eq!(table.len(), 1);
    desk.withhold(false);
    held_by_the_version.remove(NOW, &target("192.0.2.7"));
    assert_eq!(table.len(), 0);
}

#[test]
fn what_is_too_wide_too_long_or_over_at_once_is_refused() {
    let table = table(10);
    for (text, lasts, reason, problem) in [
        ("10.0.0.0/15", None, "", "ban.shortest_ipv4_prefix = 16"),
        ("::/31", None, "", "ban.shortest_ipv6_prefix = 32"),
        ("10.0.0.0/16", seconds(0), "", "at once"),
        ("10.0.0.0/16", None, &*"x".repeat(257), "longer than 256 bytes"),
    ] {
        match table.add(NOW, target(text), lasts, reason, plugin("p")) {
            Err(Refused::Invalid(why)) => assert!(why.contains(problem), "{why}"),
            other => assert!(other.is_err(), "{text}"),
        }
    }
    assert_eq!((table.len(), counted(&table, "bans_invalid")), (0, 4));
}

#[test]
fn long_names_fill_the_table_too() {
    let table = table(1_000);
    let name = |n: usize| Target::client_id(&format!("{n:05}{}", "x".repeat(60_000))).unwrap();
    let added = (0..100).take_while(|n| table.add(NOW, name(*n), None, "", plugin("p")).is_ok());
    assert_eq!(
        added.count(),
        2,
        "1,000 entries have 512 bytes each, and a name is kept three times"
    );
}

#[test]
fn those_who_look_find_what_stays_while_others_write() {
    let table = table(100_000);
    table.add(NOW, target("client-id:stays"), None, "", Author::Operator).unwrap();
    table.add(NOW, target("10.1.0.0/16"), None, "", Author::Operator).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (table, over) = (&table, &over);
            scope.spawn(move || {
                for n in 0..20_000_u32 {
                    let who = Target::client_id(&format!("{writer}-{}", n % 500)).unwrap();
                    let net = target(&format!("10.1.{}.0/24", n % 250));
                    table.add(NOW, who.clone(), seconds(1), "", plugin("p")).unwrap();
                    table.add(NOW, net.clone(), None, "", plugin("p")).unwrap();
                    table.remove(NOW, &who, &plugin("p"));
                    table.remove(NOW, &net, &plugin("p"));
                }
                over.store(true, Ordering::Release);
            });
        }
        while !over.load(Ordering::Acquire) {
            assert!(table.find_client(NOW, "stays", None).is_some());
            assert!(table.find_address(NOW, ip("10.1.7.7")).is_some());
        }
    });
    assert_eq!(table.len(), 2);
}

/// Not a benchmark: the bound is a hundred times what it takes, and still far below one login.
#[test]
fn a_look_into_100_000_bans_takes_microseconds() {
    let table = table(100_000);
    for n in 0..100_000_u32 {
        let who = match n % 4 {
            0 => Target::client_id(&format!("client-{n}")).unwrap(),
            1 => Target::user_name(&format!("user-{n}")).unwrap(),
            2 => Target::address(&Ipv4Addr::from(0x0A00_0000 + n).to_string()).unwrap(),
            _ => target(&format!("172.{}.{}.0/24", n / 4 / 256 % 256, n / 4 % 256)),
        };
        table.add(NOW, who, seconds(u64::from(n) + 1), "", plugin("p")).unwrap();
    }
    let began = Instant::now();
    let looks = 100_000_u32;
    let mut hits = 0;
    for n in 0..looks {
        let address = IpAddr::V4(Ipv4Addr::from(0x0A00_0000 + n));
        hits += usize::from(table.find_address(NOW, address).is_some());
        hits += usize::from(table.find_client(NOW, &format!("client-{n}"), Some("x")).is_some());
    }
    let each = began.elapsed() / looks;
    println!("one accept and one CONNECT: {each:?} with {} bans", table.len());
    assert_eq!(hits, 50_000);
    assert!(each < Duration::from_micros(100), "{each:?}");
}
