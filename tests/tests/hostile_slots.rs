//! A plugin that does what it must not, in every slot but authn (that is in `hostile_plugins.rs`): each
//! deed costs the call that met it. Its client gets the slot's answer for a failure, the log names it, it is
//! counted, and nobody else notices.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::Duration;
use theseus_tests::{
    Backend, Broker, Connect, Figures, Raw, Site, Version, Witness, page_at, pause, wait_until,
};

const NO_SUBSCRIBERS: u8 = 0x10;
const NOT_AUTHORIZED: u8 = 0x87;
const BANNED: u8 = 0x8A;
const QUOTA_EXCEEDED: u8 = 0x97;

/// No message of those who are inside takes longer, whatever is done beside them.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// The call that `late` traps at; of batches of events, which come five times a second.
const LATE: usize = 500;
const LATE_BATCH: usize = 5;

/// When all that happened before has been told.
const TOLD: Duration = Duration::from_millis(300);

/// What it does, and how it is counted.
const DEEDS: [(&str, &str); 9] = [
    ("loop", "cpu_time"),
    ("hoard", "memory"),
    ("recurse", "trap"),
    ("trap", "trap"),
    ("late", "trap"),
    ("huge", "invalid"),
    ("hang", "wall_time"),
    ("passwords", "waited"),
    ("http", "waited"),
];

/// A slot's function, and how a client meets it.
struct Meeting {
    slot: &'static str,
    /// The call that `late` traps at.
    late: usize,
    /// Whom the log names, of a deed.
    client: fn(&str) -> String,
    /// Has it called for a deed, and sees what comes of it: the slot's answer for a failure, or a good one.
    meet: fn(&mut World, &str, Outcome),
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Good,
    Failed,
}

struct World {
    site: Site,
    broker: Broker,
    client: Raw,
    watcher: Raw,
    _hole: Backend,
    /// Meetings so far.
    count: usize,
}

impl World {
    fn new(tables: &str) -> Self {
        // Longer than anything here, and it ends with the test.
        let hole = Backend::start(|_| {
            pause(Duration::from_secs(20));
            204
        });
        let site = Site::new();
        site.config(&format!(
            "allow_anonymous = true\nlimits = [\"saboteur\"]\nbans = [\"saboteur\"]\n\
             hooks = [\"saboteur\"]\n[authorization]\nsources = [\"saboteur\"]\n\
             [policy]\nlogin_timeout = \"2s\"\nauthorize_timeout = \"1500ms\"\n\
             [policy.plugins.saboteur]\nconnectors = [\"hole\"]\nmax_instances = 4\n\
             max_instance_memory = \"128MB\"\nlogin_cpu_time = \"200ms\"\n\
             authorize_cpu_time = \"200ms\"\n{tables}\n\
             [connectors.http.hole]\nurl = \"http://127.0.0.1:{}\"\nrequest_timeout = \"15s\"\n\
             [admin]\nbind = \"127.0.0.1:0\"\n[plugins.saboteur]\n",
            hole.port()
        ));
        site.drop_in("saboteur", "saboteur.wasm");
        let broker = site.start();
        let banned = site.theseus(&["ctl", "ban", "add", "client-id:shut"], "");
        assert!(banned.status.success(), "{}", banned.stderr);
        let client = Raw::connect(&broker, &Connect::new(Version::V5, "client"));
        let mut watcher = Raw::connect(&broker, &Connect::new(Version::V5, "watcher"));
        for filter in ["ask/#", "hook/#"] {
            assert_eq!(watcher.subscribe(filter, 1), 1);
        }
        Self { site, broker, client, watcher, _hole: hole, count: 0 }
    }

    fn enter(&self, id: &str) -> Result<Raw, u8> {
        Raw::try_connect(&self.broker, &Connect::new(Version::V5, id))
    }

    /// Calls that failed so, of a slot.
    fn counted(&self, slot: &str, kind: &str) -> u64 {
        let plugins = self.broker.ctl("plugins");
        let figures = plugins["running"][0]["figures"].as_array().unwrap().clone();
        let of_slot = figures.iter().find(|one| one["slot"] == slot);
        of_slot.map_or(0, |one| one["faults"][kind].as_u64().unwrap_or(0))
    }

    /// Nothing else has changed.
    fn expect_sound(&self, deed: &str) {
        assert_eq!(page_at(self.broker.admin(), "/readyz").0, 200, "{deed}");
        assert_eq!(self.broker.generation(), 1, "{deed}");
        assert_eq!(self.enter("shut").map(drop), Err(BANNED), "{deed}: the table");
    }
}

/// Every deed, one after the other, with good calls between them and somebody inside who watches.
fn misbehave(meeting: &Meeting) {
    let mut world = World::new("");
    let witness = Witness::anonymous(&world.broker);
    let Meeting { slot, meet, .. } = *meeting;
    let mut of_guest = 0_u32;
    for (deed, kind) in DEEDS {
        if deed == "late" {
            (1..meeting.late).for_each(|_| meet(&mut world, deed, Outcome::Good));
        }
        let (mark, before) = (world.broker.mark(), world.counted(slot, kind));
        meet(&mut world, deed, Outcome::Failed);
        // The operator is told who did what, and to whom.
        let client = format!("\"{}\"", (meeting.client)(deed));
        world.broker.wait_for_line(mark, &["WARN", "saboteur 0.1.0 (", &client]);
        wait_until("it is counted", || world.counted(slot, kind) > before);
        of_guest += u32::from(!["wall_time", "waited"].contains(&kind));
        meet(&mut world, "good", Outcome::Good);
        world.expect_sound(deed);
    }
    let figures = Figures::of(&world.broker);
    let of_slots = "theseus_plugin_faults_total{plugin=\"saboteur\"";
    let of_slots = figures.iter().filter(|(sample, _)| sample.starts_with(of_slots));
    let counted: f64 = of_slots.map(|(_, count)| count).sum();
    assert!(counted >= f64::from(of_guest), "{counted}, not {of_guest}");
    let longest = witness.stop();
    assert!(longest < SERVED_WITHIN, "a message took {longest:?}");
}

/// Denied, and nobody gets it.
#[test]
fn authorize() {
    misbehave(&Meeting {
        slot: "authz",
        late: LATE,
        client: |_| "client".to_owned(),
        meet: |world, deed, outcome| {
            let answer = if outcome == Outcome::Good { 0 } else { NOT_AUTHORIZED };
            say(world, &format!("ask/{deed}"), answer, outcome == Outcome::Good);
        },
    });
}

/// Answered as if somebody had got it, and nobody does.
#[test]
fn on_publish() {
    misbehave(&Meeting {
        slot: "hook",
        late: LATE,
        client: |_| "client".to_owned(),
        meet: |world, deed, outcome| {
            say(world, &format!("hook/{deed}"), 0, outcome == Outcome::Good);
        },
    });
}

/// Publishes what no one has published before, and sees whether it comes.
fn say(world: &mut World, topic: &str, answer: u8, comes: bool) {
    world.count += 1;
    let text = world.count.to_string();
    assert_eq!(world.client.publish_answered(topic, &text, 1), answer, "{topic}");
    // What should not come would come before what comes next.
    if comes {
        assert_eq!(world.watcher.message().payload, text, "{topic}");
    }
}

/// With `on_failure = "keep"` it goes on as it is.
#[test]
fn on_publish_that_may_fail() {
    let mut world = World::new("on_failure = \"keep\"");
    for (deed, kind) in DEEDS.into_iter().filter(|(deed, _)| *deed != "late") {
        let (mark, before) = (world.broker.mark(), world.counted("hook", kind));
        say(&mut world, &format!("hook/{deed}"), 0, true);
        world.broker.wait_for_line(mark, &["saboteur 0.1.0 (", "\"client\"", "goes on"]);
        wait_until("it is counted", || world.counted("hook", kind) > before);
        say(&mut world, "hook/good", 0, true);
    }
}

/// Let in, with the limits it had.
#[test]
fn limits_for() {
    misbehave(&Meeting {
        slot: "limit",
        late: LATE,
        client: |deed| format!("limit-{deed}"),
        meet: |world, deed, _| {
            let connect = Connect::new(Version::V5, &format!("limit-{deed}")).persistent();
            let connect = || Raw::connect_with_session(&world.broker, &connect);
            let (mut client, is_known) = connect();
            if !is_known {
                // At the first time it is given two messages a day, and has them.
                let answers = [(); 3].map(|()| client.publish_answered("t", "x", 1));
                assert_eq!(answers, [NO_SUBSCRIBERS, NO_SUBSCRIBERS, QUOTA_EXCEEDED], "{deed}");
                client.disconnect();
                client = connect().0;
            }
            assert_eq!(client.publish_answered("t", "x", 1), QUOTA_EXCEEDED, "{deed}");
            client.disconnect();
        },
    });
}

/// Let in, as the table says.
#[test]
fn check() {
    misbehave(&Meeting {
        slot: "ban",
        late: LATE,
        client: |deed| format!("check-{deed}"),
        meet: |world, deed, _| world.enter(&format!("check-{deed}")).unwrap().disconnect(),
    });
}

/// The table stays, and what comes later is told.
#[test]
fn on_events() {
    misbehave(&Meeting {
        slot: "ban",
        late: 1,
        client: |deed| format!("events-{deed}"),
        meet: |world, deed, outcome| {
            if outcome == Outcome::Good {
                return catch(world);
            }
            let batches = if deed == "late" { LATE_BATCH } else { 1 };
            for _ in 0..batches {
                // The batch with its end begins with it.
                let client = world.enter(&format!("events-{deed}")).unwrap();
                pause(TOLD);
                client.disconnect();
                pause(TOLD);
            }
        },
    });
}

/// What a good batch leads to.
fn catch(world: &mut World) {
    world.count += 1;
    let name = world.count;
    world.enter(&format!("events-good-{name}")).unwrap().disconnect();
    let caught = format!("caught-{name}");
    wait_until("it is shut out", || world.enter(&caught).map(drop) == Err(BANNED));
    pause(TOLD);
}

/// What fails before it goes live never goes live.
#[test]
fn global_limits() {
    let world = World::new("");
    let good = std::fs::read_to_string(world.site.path("etc/theseus.toml")).unwrap();
    for deed in ["loop", "hoard", "recurse", "trap", "huge", "hang"] {
        let mark = world.broker.mark();
        let asked = format!("[plugins.saboteur]\nglobal = \"{deed}\"");
        world.site.write("etc/theseus.toml", good.replace("[plugins.saboteur]", &asked));
        let line = world.broker.wait_for_line(mark, &["WARN", "the configuration in force stays"]);
        assert!(line.contains("saboteur") && line.contains("`global-limits`"), "{deed}: {line}");
        world.expect_sound(deed);
    }
}
