//! `/metrics`, slot by slot: every slot of every plugin has its calls, its faults by kind and how long they took,
//! each under its own name; a swap is counted, timed, and lets no counter go back.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeSet;
use std::time::Duration;
use theseus_tests::{
    Broker, Connect, Figures, Raw, Site, Version, frame, marked, pause, wait_until,
};

/// `hostile` fills authn, `saboteur` the others, and `umpire` is a second hook: each misbehaves for who asks.
const CONFIG: &str = "authentication = [\"hostile\"]\nlimits = [\"saboteur\"]\nbans = [\"saboteur\"]\n\
     hooks = [\"saboteur\", \"umpire\"]\n[authorization]\nsources = [\"saboteur\"]\n\
     [policy]\nreplay_decisions = 0\n\
     [policy.plugins.saboteur]\nconnectors = [\"hole\"]\nmax_instances = 4\nmax_instance_memory = \"128MB\"\n\
     [connectors.http.hole]\nurl = \"http://127.0.0.1:9\"\n";

const ALL: [(&str, &str); 6] = [
    ("hostile", "authn"),
    ("saboteur", "authz"),
    ("saboteur", "ban"),
    ("saboteur", "hook"),
    ("saboteur", "limit"),
    ("umpire", "hook"),
];

const SLOTS: [&str; 5] = ["authn", "authz", "hook", "limit", "ban"];

/// What a plugin does, and the kind of fault that is.
const DEEDS: [(&str, &str); 2] = [("trap", "trap"), ("hoard", "memory")];

const CALLS: &str = "theseus_plugin_calls_total";
const TOOK: &str = "theseus_plugin_call_duration_seconds_count";

struct World {
    site: Site,
    broker: Broker,
    client: Raw,
}

fn world() -> World {
    let site = Site::new();
    site.config(CONFIG);
    for plugin in ["hostile", "saboteur", "umpire"] {
        site.drop_in(plugin, &format!("{plugin}.wasm"));
    }
    let broker = site.start();
    let client = enter(&broker, "client").unwrap();
    World { site, broker, client }
}

fn enter(broker: &Broker, id: &str) -> Result<Raw, u8> {
    Raw::try_connect(broker, &Connect::new(Version::V5, id).login("anna", "good"))
}

/// Has one slot asked for a deed of its plugin. What is not asked for is good.
fn meet(world: &mut World, slot: &str, deed: &str) {
    let World { broker, client, .. } = world;
    let come_and_go = |id: &str| enter(broker, id).unwrap().disconnect();
    match slot {
        "authn" => {
            let login = Connect::new(Version::V5, "login").login(deed, "good");
            drop(Raw::try_connect(broker, &login));
        }
        "authz" => drop(client.publish_answered(&format!("ask/{deed}"), "x", 1)),
        "hook" => drop(client.publish_answered(&format!("hook/{deed}"), "x", 1)),
        // It misbehaves from the second time on that it is asked about a client.
        "limit" => (0..2).for_each(|_| come_and_go(&format!("limit-{deed}"))),
        _ => come_and_go(&format!("check-{deed}")),
    }
}

fn sample(figure: &str, (plugin, slot): (&str, &str)) -> String {
    format!("{figure}{{plugin=\"{plugin}\",slot=\"{slot}\"}}")
}

/// Faults of all slots but those that are zero, as `saboteur hook trap`.
fn faults(figures: &Figures) -> Vec<(String, f64)> {
    let all = figures.iter().filter(|(_, count)| *count > 0.0);
    let all = all.filter_map(|(sample, count)| {
        let labels = sample.strip_prefix("theseus_plugin_faults_total{")?;
        let values: Vec<_> = labels.split('"').skip(1).step_by(2).collect();
        Some((values.join(" "), count))
    });
    all.collect()
}

/// One that two slots have by accident would be counted under the wrong one.
#[test]
fn every_slot_of_every_plugin_has_its_own_calls_and_faults() {
    let mut world = world();
    exchange(&world.broker);
    let mut expected = Vec::new();
    for slot in SLOTS {
        let whose = *ALL.iter().find(|(_, of)| *of == slot).unwrap();
        for (deed, kind) in DEEDS {
            let before = Figures::of(&world.broker);
            meet(&mut world, slot, "good");
            let calls = sample(CALLS, whose);
            let was = before.get(&calls).unwrap_or(0.0);
            wait_until(&calls, || Figures::of(&world.broker).value(&calls) > was);
            meet(&mut world, slot, deed);
            expected.push((format!("{} {slot} {kind}", whose.0), 1.0));
            expected.sort_by(|one, other| one.0.cmp(&other.0));
            let mut seen = Vec::new();
            wait_until(&format!("{slot} {deed} is counted"), || {
                seen = faults(&Figures::of(&world.broker));
                seen.len() >= expected.len()
            });
            seen.sort_by(|one, other| one.0.cmp(&other.0));
            assert_eq!(seen, expected, "{slot} {deed}");
        }
    }
    // A batch of events that fails counts for the slot ban as well.
    let of_batches = "theseus_plugin_faults_total{plugin=\"saboteur\",slot=\"ban\",kind=\"trap\"}";
    enter(&world.broker, "events-trap").unwrap().disconnect();
    wait_until(of_batches, || Figures::of(&world.broker).value(of_batches) >= 2.0);
    assert!(Figures::of(&world.broker).value("theseus_ban_batches_failed_total") >= 1.0);
    hold_together(&world.broker);
}

/// A challenge and its answer are two calls.
fn exchange(broker: &Broker) {
    let calls = || Figures::of(broker).value(&sample(CALLS, ("hostile", "authn")));
    let before = calls();
    let mut raw = Raw::open(broker);
    let connect = Connect::new(Version::V5, "exchange").login("exchange-next", "");
    raw.send(&connect.method("any", b"data").bytes());
    assert_eq!(raw.packet().first, 0xF0, "a challenge");
    assert_eq!(calls(), before + 1.0);
    let properties = b"\x15\0\x03any\x16\0\x04data";
    let size = u8::try_from(properties.len()).unwrap();
    raw.send(&frame(0xF0, &[&[0x18, size], &properties[..]].concat()));
    assert_eq!(raw.packet().body[1], 0x87);
    assert_eq!(calls(), before + 2.0);
}

/// Each slot that was asked is there and no other, and all that a slot's figures say of it is one.
fn hold_together(broker: &Broker) {
    // Batches of events are told for a little while yet.
    pause(Duration::from_millis(500));
    let figures = Figures::of(broker);
    let calls = figures.iter().map(|(sample, _)| sample).filter(|sample| sample.starts_with(CALLS));
    let wanted = ALL.map(|whose| sample(CALLS, whose));
    assert_eq!(calls.collect::<BTreeSet<_>>(), wanted.iter().map(|it| &**it).collect());
    for whose in ALL {
        let calls = figures.value(&sample(CALLS, whose));
        let count = figures.value(&sample(TOOK, whose));
        assert!(calls > 0.0 && calls == count, "{whose:?}: {calls} calls, {count} of them timed");
        let (plugin, slot) = whose;
        let bucket = "theseus_plugin_call_duration_seconds_bucket";
        let all = format!("{bucket}{{plugin=\"{plugin}\",slot=\"{slot}\",le=\"+Inf\"}}");
        assert_eq!(figures.value(&all), calls, "{whose:?}");
        let sum = figures.value(&sample("theseus_plugin_call_duration_seconds_sum", whose));
        assert!(sum > 0.0 && sum < 60.0 * calls, "{whose:?}: {sum} s");
    }
}

#[test]
fn a_swap_is_counted_and_timed_and_no_counter_goes_back() {
    const SWAPS: &str = "theseus_plugin_swaps_total{outcome=\"live\"}";
    const TIMED: &str = "theseus_plugin_swap_duration_seconds_count";
    const SECONDS: &str = "theseus_plugin_swap_duration_seconds_sum";
    let mut world = world();
    SLOTS.iter().for_each(|slot| meet(&mut world, slot, "good"));
    for (swap, plugin) in (1..).zip(["hostile", "saboteur", "umpire"]) {
        let before = Figures::of(&world.broker);
        world.site.write(&format!("plugins/{plugin}.wasm"), marked(plugin, "again"));
        let swaps = f64::from(swap);
        wait_until(plugin, || Figures::of(&world.broker).value(SWAPS) == swaps);
        SLOTS.iter().for_each(|slot| meet(&mut world, slot, "good"));
        let after = Figures::of(&world.broker);
        assert_eq!((after.value(TIMED), after.value("theseus_generation")), (swaps, swaps + 1.0));
        assert!(after.value(SECONDS) > before.value(SECONDS), "{plugin}");
        let since = |plugin: &str| {
            let start = format!("theseus_plugin_generation{{plugin=\"{plugin}\"");
            after.iter().find(|(sample, _)| sample.starts_with(&start)).unwrap().1
        };
        assert_eq!(since(plugin), swaps + 1.0);
        for whose in ALL {
            let calls = |figures: &Figures| figures.get(&sample(CALLS, whose)).unwrap_or(0.0);
            assert!(calls(&after) >= calls(&before), "{whose:?}");
        }
        let of_first = sample(CALLS, ("hostile", "authn"));
        assert!(after.value(&of_first) > before.value(&of_first), "it goes on");
    }
    hold_together(&world.broker);
}

/// Nothing fails there, something is left out; the calls of a storm that wait are in `storm.rs`.
#[test]
fn bounds_at_which_no_call_fails_are_counted() {
    const LINES: &str = "theseus_plugin_bounds_hit_total{plugin=\"hostile\",bound=\"log_lines\"}";
    const WARNINGS: &str = "theseus_warnings_left_out_total{about=\"logins\"}";
    let site = Site::new();
    site.config(
        "authentication = [\"hostile\"]\n[authorization]\nno_match = \"allow\"\n\
         [policy]\nlogin_cpu_time = \"500ms\"\n",
    );
    site.drop_in("hostile", "hostile.wasm");
    let broker = site.start();
    drop(enter(&broker, "client").unwrap());
    let before = Figures::of(&broker);
    assert_eq!((before.value(LINES), before.value(WARNINGS)), (0.0, 0.0));
    let misuse = |deed: &str| {
        let login = Connect::new(Version::V5, "client").login(deed, "good");
        assert!(Raw::try_connect(&broker, &login).is_err(), "{deed}");
    };
    misuse("spin-log");
    let lines = Figures::of(&broker).value(LINES);
    assert!(lines > 0.0);
    let text = site.theseus(&["ctl", "plugins"], "").stdout;
    assert!(text.contains(&format!(", log_lines met {lines} times")), "{text}");
    // More than twenty of them in a second.
    wait_until("warnings are left out", || {
        misuse("trap");
        Figures::of(&broker).value(WARNINGS) > 0.0
    });
    // Over another version too. What a panic says is a line of the log as well.
    let lines = Figures::of(&broker).value(LINES);
    site.write("plugins/hostile.wasm", marked("hostile", "again"));
    wait_until("it is swapped", || broker.generation() == 2);
    assert_eq!(Figures::of(&broker).value(LINES), lines);
}
