//! Two versions of the plugin interface at once: plugins that were built for 0.1.0, and never again, beside
//! those of today, in one broker, in one chain, and one after the other.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod questions;

use std::net::{IpAddr, Ipv4Addr};

use questions::component::started;
use theseus_abi::invent::Inventor;
use theseus_policy::{Call, Happening, Question, Version as _};
use theseus_tests::{
    Broker, Connect, Folder, Raw, Site, Version, built_plugin, frozen_plugin, theseus_says,
    wait_until,
};

/// Questions, over all slots.
const QUESTIONS: u64 = 20_000;

const EXCEEDED: &str = "c exceeded l: Meter::MessagesIn of Scope::Client";

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// What it is told and asked, and what becomes of its answers, is what it was: one source, built for
/// 0.1.0 and for today, answers the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_component_answers_as_ever() {
    let folder = Folder::new();
    let frozen = started(&folder, &std::fs::read(frozen_plugin("0.1.0", "mirror")).unwrap()).await;
    let today = started(&folder, &std::fs::read(built_plugin("mirror")).unwrap()).await;
    let rules = (frozen.rule_sets().await.unwrap(), today.rule_sets().await.unwrap());
    assert_eq!(format!("{:?}", rules.0), format!("{:?}", rules.1));
    let limits = frozen.global_limits().await.unwrap();
    assert_eq!(limits, today.global_limits().await.unwrap());
    for seed in 0..QUESTIONS {
        let question = questions::invent(&mut Inventor::new(seed));
        if is_told_otherwise(&question) {
            frozen.ask(question).await.unwrap();
            continue;
        }
        let (before, now) = (frozen.ask(question.clone()).await, today.ask(question.clone()).await);
        assert_eq!(before, now, "question {seed}: {question:?}");
    }
}

/// True for what 0.2.0 says in other words.
fn is_told_otherwise(question: &Question) -> bool {
    let Call::Events(batch) = &question.call else { return false };
    batch.iter().any(|event| matches!(event.happening, Happening::LimitExceeded { .. }))
}

/// `jail` speaks 0.1.0 and `warden` 0.2.0: both are told what happens, each in its words, and what each
/// does holds.
fn guarded() -> Site {
    let site = Site::new();
    site.config(
        "authentication = [\"password\"]\nlimits = [\"rate\"]\nbans = [\"jail\", \"warden\"]\n\
         [policy]\nmax_instances = 1\n\
         [plugins.password]\nusers_file = \"etc/users\"\n\
         [plugins.jail]\nfailures = 3\n\
         [plugins.warden]\nfailures = 1000\n\
         [plugins.rate]\nfor_all = [\"l messages-in client 1/86400000 1 drop\"]\n",
    );
    site.user("anna", "harbour", &[]);
    for built in ["password", "rate", "warden"] {
        site.drop_in(built, &format!("{built}.wasm"));
    }
    site.write("plugins/jail.wasm", std::fs::read(frozen_plugin("0.1.0", "jail")).unwrap());
    site
}

fn login(id: &str) -> Connect {
    Connect::new(Version::V5, id).login("anna", "harbour")
}

/// Goes over the limit until this is told of it: a limit is told of once a second for a connection, so one
/// that was exceeded just before the plugin came is news for nobody.
fn exceeds(client: &mut Raw, broker: &Broker, mark: usize, plugin: &str) {
    wait_until("it is told of the limit", || {
        client.publish("t", "one too many", 1);
        let mut lines = broker.lines(mark).into_iter();
        lines.any(|line| line.contains(plugin) && line.contains(EXCEEDED))
    });
}

fn is_shut_out(broker: &Broker) -> bool {
    Raw::knock_from(ELSEWHERE, broker, &login("other")).is_none()
}

#[test]
fn two_versions_are_live_at_once() {
    let site = guarded();
    let broker = site.start();
    let mut client = Raw::connect(&broker, &login("c"));
    let mark = broker.mark();
    exceeds(&mut client, &broker, mark, "plugin=\"warden\"");
    let wrong = Connect::new(Version::V5, "x").login("anna", "wrong");
    for _ in 0..3 {
        assert!(Raw::knock_from(ELSEWHERE, &broker, &wrong).is_some_and(|code| code != 0));
    }
    wait_until("jail shuts it out", || is_shut_out(&broker));

    // The one of today takes the place of the frozen one: the ban stays, the client notices nothing.
    let mark = broker.mark();
    site.drop_in("jail-two", "jail.wasm");
    broker.wait_for_line(mark, &["jail 1.1.0", "live"]);
    exceeds(&mut client, &broker, mark, "plugin=\"jail\" version=\"1.1.0\"");
    assert!(is_shut_out(&broker));
    client.ping();
}

/// `theseus plugin inspect` says what a plugin was built for.
#[test]
fn an_operator_sees_the_version() {
    for (file, version) in
        [(frozen_plugin("0.1.0", "jail"), "0.1.0"), (built_plugin("jail-two"), "0.2.0")]
    {
        let said = theseus_says(&["plugin", "inspect", file.to_str().unwrap()], "");
        let wanted = format!("interface   theseus:plugin@{version}\n");
        assert!(said.stdout.contains(&wanted), "{}{}", said.stdout, said.stderr);
    }
}
