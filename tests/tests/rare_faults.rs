//! A plugin that is well for 499 logins and fails in the next one, and one that hands over 100 MB: each costs
//! the login that met it. The log says so with plugin, version and client, it is counted once, and whether a
//! version on probation bears it is what the operator's numbers say.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use theseus_tests::{Broker, Connect, Figures, Raw, Site, Version, marked, wait_until};

const BAD_CREDENTIALS: u8 = 0x86;
const UNAVAILABLE: u8 = 0x88;

/// The call that the plugin traps at, and how many more come after it.
const LATE: u32 = 500;
const AFTER: u32 = 25;

/// Each comes so often.
const ROUNDS: u32 = 3;

const MIB: u64 = 1024;

fn start(policy: &str, own: &str) -> (Site, Broker) {
    let site = Site::new();
    site.config(&format!(
        "authentication = [\"hostile\"]\nallow_anonymous = false\n\
         [authorization]\nno_match = \"allow\"\n\
         [policy]\nlogin_timeout = \"20s\"\nreplay_decisions = 0\n{policy}\n\
         [policy.plugins.hostile]\nlogin_cpu_time = \"10s\"\n{own}\n"
    ));
    site.drop_in("hostile", "hostile.wasm");
    let broker = site.start();
    (site, broker)
}

fn enter(broker: &Broker, id: &str, user: &str, password: &str) -> Result<(), u8> {
    let login = Connect::new(Version::V5, id).login(user, password);
    Raw::try_connect(broker, &login).map(Raw::disconnect)
}

/// The login of this number, which must be answered right: every fifth has a wrong password.
fn expect_judged(broker: &Broker, number: u32) {
    let (password, answer) = match number % 5 {
        3 => ("bad", Err(BAD_CREDENTIALS)),
        _ => ("good", Ok(())),
    };
    let answer = if number == LATE { Err(UNAVAILABLE) } else { answer };
    assert_eq!(enter(broker, &format!("c-{number}"), "late", password), answer, "{number}");
}

/// Calls and, by their kind, faults of the slot authn: what `ctl plugins` says, and `/metrics`.
fn counted(broker: &Broker, kind: &str) -> [(u64, u64, u64); 2] {
    let plugins = broker.ctl("plugins");
    let slot = &plugins["running"][0]["figures"][0];
    let faults = slot["faults"].as_object().unwrap();
    let all = faults.values().filter_map(|count| count.as_u64()).sum();
    let of_kind = faults.get(kind).and_then(|count| count.as_u64()).unwrap_or(0);
    let figures = Figures::of(broker);
    let sum = |family: &str, part: &str| {
        let begins = format!("theseus_plugin_{family}_total{{plugin=\"hostile\",slot=\"authn\"");
        let samples = figures.iter().filter(|(sample, _)| sample.starts_with(&begins));
        samples.filter(|(sample, _)| sample.contains(part)).map(|(_, count)| count as u64).sum()
    };
    let faults = |part: &str| sum("faults", part);
    [
        (slot["calls"].as_u64().unwrap(), of_kind, all),
        (sum("calls", ""), faults(&format!("kind=\"{kind}\"")), faults("")),
    ]
}

fn warnings(broker: &Broker) -> Vec<String> {
    let lines = broker.lines(0).into_iter();
    lines.filter(|line| line.contains("WARN") && line.contains("hostile 0.1.0 (")).collect()
}

#[test]
fn a_trap_at_the_500th_call_costs_that_login_alone() {
    let (_site, broker) = start("", "");
    (1..=LATE + AFTER).for_each(|number| expect_judged(&broker, number));
    broker.wait_for_line(0, &["WARN", "hostile 0.1.0 (", "\"c-500\"", "trapped"]);
    assert_eq!(warnings(&broker).len(), 1, "{:#?}", warnings(&broker));
    assert_eq!(counted(&broker, "trap"), [(u64::from(LATE + AFTER), 1, 1); 2]);
    assert_eq!((broker.generation(), &*broker.plugin_state("hostile.wasm")), (1, "live"));
}

/// One fault is enough here, if it is a fifth of the calls of ten seconds: both bounds must be reached.
#[test]
fn a_version_on_probation_is_taken_back_for_one_fault_among_few_calls_and_not_among_many() {
    for (calls, is_taken_back) in [(LATE, false), (3, true)] {
        let (site, broker) = start("rollback_failures = 1\nrollback_ratio = \"20%\"", "");
        (1..=LATE - calls).for_each(|number| expect_judged(&broker, number));
        let mark = broker.mark();
        site.write("plugins/hostile.wasm", marked("hostile", "on probation"));
        broker.wait_for_line(mark, &["swapped hostile 0.1.0 (", "generation 2"]);
        (LATE - calls + 1..=LATE + AFTER).for_each(|number| expect_judged(&broker, number));
        if is_taken_back {
            broker.wait_for_line(mark, &["ERROR", "taken back: hostile 0.1.0 (", "generation 3"]);
            assert_eq!(broker.plugin_state("hostile.wasm"), "quarantined");
        } else {
            // What would have been taken back by now would stand before this.
            site.write("plugins/hostile.wasm", marked("hostile", "the next"));
            broker.wait_for_line(mark, &["swapped hostile 0.1.0 (", "generation 3"]);
            assert!(!broker.lines(mark).iter().any(|line| line.contains("taken back")));
        }
    }
}

/// As a text, as bytes and as a list. The one instance may hold 128 MB; none of it is copied.
#[test]
fn an_answer_of_100_mb_costs_its_own_login_and_the_broker_no_memory() {
    let (_site, broker) = start("", "max_instances = 1\nmax_instance_memory = \"128MB\"");
    assert_eq!(enter(&broker, "first", "good", "good"), Ok(()));
    let (before, peak) = (broker.process().rss_kib(), broker.process().peak_rss_kib());
    let deeds = ["huge-name", "huge-data", "huge-list"];
    for deed in deeds {
        for round in 1..=ROUNDS {
            let (mark, id) = (broker.mark(), format!("c-{deed}-{round}"));
            assert_eq!(enter(&broker, &id, deed, "good"), Err(UNAVAILABLE), "{id}");
            let client = format!("\"{id}\"");
            broker.wait_for_line(mark, &["WARN", "hostile 0.1.0 (", &client, "hands over more"]);
            assert_eq!(enter(&broker, &id, "good", "good"), Ok(()), "{id}");
        }
    }
    let highest = broker.process().peak_rss_kib();
    println!("{before} KiB before, {highest} KiB at most, {} after", broker.process().rss_kib());
    assert!(highest < peak.max(before + 160 * MIB), "{before} KiB before, {highest} KiB at most");
    wait_until("the memory is given back", || broker.process().rss_kib() < before + 48 * MIB);
    let faults = deeds.len() as u64 * u64::from(ROUNDS);
    assert_eq!(counted(&broker, "invalid"), [(1 + 2 * faults, faults, faults); 2]);
}
