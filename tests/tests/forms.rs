//! The same source as a component and as a native library, in the real broker: every slot is enforced in both
//! forms, what a plugin keeps is the same, and one form takes the other's place under connected clients.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use theseus_tests::{Broker, Connect, Form, Raw, Site, Version, Witness, wait_until};

fn anybody(id: &str) -> Connect {
    Connect::new(Version::V5, id)
}

#[test]
fn limits_questions_and_hooks_hold_in_every_form() {
    for form in Form::ALL {
        let site = Site::in_form(
            form,
            &[("rate", "rate"), ("umpire", "umpire")],
            "allow_anonymous = true\nlimits = [\"rate\"]\nhooks = [\"umpire\"]\n\
             [authorization]\nsources = [\"umpire\"]\n",
            "[plugins.rate]\nfor_each = [\"l messages-in client 1/86400000 4 refuse\"]\n",
        );
        let broker = site.start();
        let mut client = Raw::connect(&broker, &anybody("c"));
        let answers: Vec<u8> = ["free", "closed", "ask/deny", "ask/next", "free"]
            .iter()
            .map(|topic| client.publish_answered(topic, "x", 1))
            .collect();
        // Nobody listens; not authorized twice; the fifth message is one too many.
        assert_eq!(answers, [0x10, 0x87, 0x87, 0x10, 0x97], "{form:?}");
        let mut watcher = Raw::connect(&broker, &anybody("watcher"));
        watcher.subscribe("#", 0);
        let mut other = Raw::connect(&broker, &anybody("d"));
        assert_eq!(other.publish_answered("hook/a", "deny", 1), 0x87, "{form:?}");
        other.publish("hook/b", "keep", 1);
        assert_eq!(watcher.message().topic, "hook/b", "{form:?}");
    }
}

#[test]
fn who_fails_too_often_is_shut_out_in_every_form() {
    for form in Form::ALL {
        let site = Site::in_form(
            form,
            &[("jail-one", "jail"), ("gate-even", "gate")],
            "authentication = [\"gate\"]\nbans = [\"jail\"]\n",
            "[policy]\nmax_instances = 1\n[plugins.jail]\nfailures = 2\n",
        );
        let broker = site.start();
        let login = |word| anybody("c").login("anna", word);
        Raw::connect(&broker, &login("even")).disconnect();
        for _ in 0..2 {
            assert!(Raw::try_connect(&broker, &login("odd")).is_err());
        }
        wait_until("it is shut out", || broker.ctl("bans")["all"] == 1);
        assert_eq!(broker.ctl("bans")["bans"][0]["by"], "jail", "{form:?}");
    }
}

fn kept(broker: &Broker) -> String {
    said(broker, "read")
}

/// What the plugin says of what this user has it do.
fn said(broker: &Broker, user: &str) -> String {
    let mut raw = Raw::open(broker);
    raw.send(&Connect::new(Version::V5, &format!("c-{user}")).login(user, "").bytes());
    String::from_utf8_lossy(&raw.packet().body[2..]).into_owned()
}

fn add(broker: &Broker) {
    Raw::connect(broker, &Connect::new(Version::V5, "c-add").login("add", "")).disconnect();
}

/// A component, a library in its place, the component again; then a library of a higher schema, which
/// migrates what all of them kept. `self_test` adds a thousand each time, which nobody shall see.
#[test]
fn one_form_takes_the_place_of_the_other_with_all_that_is_kept() {
    let all = [("keeper", "keeper"), ("keeper-2", "keeper")];
    let top = "authentication = [\"keeper\"]\n[authorization]\nno_match = \"allow\"\n";
    let site = Site::in_form(Form::Library, &all, top, "[policy]\nlogin_timeout = \"30s\"\n");
    site.remove("plugins/keeper.so");
    Form::Component.drop_in(&site, "keeper", "keeper");
    let broker = site.start();
    let mut inside = Raw::connect(&broker, &Connect::new(Version::V5, "c").login("add", ""));
    for (count, form) in [Form::Library, Form::Component].into_iter().enumerate() {
        add(&broker);
        let mark = broker.mark();
        site.remove(["plugins/keeper.wasm", "plugins/keeper.so"][count]);
        form.drop_in(&site, "keeper", "keeper");
        broker.wait_for_line(mark, &["swapped keeper 1.0.0 ("]);
        let wanted = format!("logins={};", count + 2);
        assert!(kept(&broker).contains(&wanted), "{form:?}: {}", kept(&broker));
    }
    let mark = broker.mark();
    Form::Library.drop_in(&site, "keeper-2", "keeper");
    broker.wait_for_line(mark, &["swapped keeper 1.0.0 (", "2.0.0 ("]);
    assert!(kept(&broker).contains("entries=3;"), "{}", kept(&broker));
    add(&broker);
    wait_until("it counts on", || kept(&broker).contains("entries=4;"));
    inside.ping();
}

/// Tokens of the bucket that `keeper` takes from.
const BURST: u64 = 1000;
/// Shut out: by the plugin, and by an operator.
const BANNED: u8 = 0x8A;

/// Logs in again and again, as long as it is let in, until it is told to stop.
fn coming_and_going(
    broker: &Broker,
    user: &'static str,
    stop: &Arc<AtomicBool>,
    count: &Arc<AtomicU64>,
) -> JoinHandle<()> {
    let (address, stop, count) = (broker.address(), stop.clone(), count.clone());
    thread::spawn(move || {
        let login = Connect::new(Version::V5, &format!("c-{user}")).login(user, "");
        while !stop.load(Ordering::SeqCst) {
            match Raw::try_connect_at(address, &login) {
                Ok(raw) => {
                    count.fetch_add(1, Ordering::SeqCst);
                    raw.disconnect();
                }
                // The bucket is empty.
                Err(code) => return assert_eq!((user, code), ("take", 0x97)),
            }
        }
    })
}

/// Takes the file away and puts another there.
fn change_file(site: &Site, broker: &Broker, from: Form, to: Form) {
    let mark = broker.mark();
    site.remove(&from.file("keeper"));
    to.drop_in(site, "keeper", "keeper");
    broker.wait_for_line(mark, &["swapped keeper 1.0.0 ("]);
}

/// A library goes on elsewhere: in the broker, or in a process.
fn change_place(site: &Site, broker: &Broker, from: Form, to: Form) {
    let generation = broker.generation();
    site.edit("etc/theseus.toml", from.isolate(), to.isolate());
    wait_until("it is there", || broker.generation() > generation);
}

fn bans(broker: &Broker) -> serde_json::Value {
    let bans = broker.ctl("bans");
    bans["bans"].as_array().unwrap().iter().map(|ban| ban["target"].clone()).collect()
}

/// Twice round, the second time with library and process in the other order, while clients come and go, and
/// others are served: each login is counted once, each token taken once, whatever the plugin was made of.
#[test]
fn a_plugin_changes_its_form_again_and_again_under_load_and_keeps_everything() {
    use Form::{Component, Library, Process};
    let top = "authentication = [\"keeper\"]\n[authorization]\nno_match = \"allow\"\n";
    // Nothing is kept to go back to, so that there are processes only where it is in processes.
    // And everything is asked of the next version too, before it is live, which must not count.
    let tables = "[policy]\nlogin_timeout = \"30s\"\nprobation = \"0s\"\n\
         [policy.plugins.keeper]\nisolate = \"nothing\"\nshadow_sample = \"100%\"\n";
    let site = Site::in_form(Library, &[("keeper", "keeper")], top, tables);
    site.remove("plugins/keeper.so");
    Component.drop_in(&site, "keeper", "keeper");
    let broker = site.start();
    assert!(said(&broker, "ban").contains("banned=true;"));
    assert!(site.theseus(&["ctl", "ban", "add", "client-id:shut"], "").status.success());
    let banned = bans(&broker);
    assert_eq!(banned.as_array().unwrap().len(), 2, "{banned}");
    let mut inside = Raw::connect(&broker, &Connect::new(Version::V5, "c").login("add", ""));
    let witness = Witness::start(&broker, "add", "");
    let (stop, added, taken) = (Arc::default(), Arc::default(), Arc::default());
    let adding = ["add", "add slowly"].map(|user| coming_and_going(&broker, user, &stop, &added));
    let taking = [(); 2].map(|()| coming_and_going(&broker, "take", &stop, &taken));
    for [from, to] in [
        [Component, Library],
        [Library, Process],
        [Process, Component],
        [Component, Process],
        [Process, Library],
        [Library, Component],
    ] {
        let before = added.load(Ordering::SeqCst);
        if from.file("") == to.file("") {
            change_place(&site, &broker, from, to);
        } else {
            change_file(&site, &broker, from, to);
        }
        wait_until("it counts on", || added.load(Ordering::SeqCst) > before + 10);
        wait_until(&format!("{to:?}"), || {
            broker.process().children().is_empty() == (to != Process)
        });
        assert_eq!(bans(&broker), banned, "{to:?}");
        for shut in ["banned", "shut"] {
            let login = Connect::new(Version::V5, shut).login("add", "");
            assert_eq!(Raw::try_connect(&broker, &login).map(drop), Err(BANNED), "{to:?}");
        }
        inside.ping();
    }
    wait_until("the bucket is empty", || taking.iter().all(JoinHandle::is_finished));
    stop.store(true, Ordering::SeqCst);
    adding.into_iter().chain(taking).for_each(|thread| thread.join().unwrap());
    witness.stop();
    assert_eq!(taken.load(Ordering::SeqCst), BURST);
    // And the one inside, and the two witnesses.
    let logins = added.load(Ordering::SeqCst) + 3;
    assert!(kept(&broker).contains(&format!("logins={logins};")), "{logins}: {}", kept(&broker));
    inside.ping();
}
