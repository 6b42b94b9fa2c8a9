//! The file of rules is edited a hundred times under a thousand clients. What an edit denies stops
//! with it, what it says nothing of goes on.

use crate::announced::Announced;
use crate::fleet::Flows;
use crate::gate::Gate;
use crate::switch::{Rule, Switch, judge};
use crate::{CHANGES, EACH, PERIOD, installation, median_and_max, one_at_a_time};
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Site, skip, wait_until};

const FILE: &str = "etc/acl.toml";
/// Topics that are denied and allowed in turn.
const SWITCHES: usize = 4;
/// A broken edit comes before every one of a number like this.
const BROKEN_EVERY: u64 = 5;

#[test]
fn a_thousand_clients_do_not_notice_a_hundred_edits_of_the_rules_but_for_what_they_deny() {
    let _alone = one_at_a_time();
    if !Flows::are_installed() {
        return skip("MQTT.js");
    }
    let site = installation(&rules(None));
    let broker = site.start();
    let credentials = Gate::Odd.credentials();
    let mut flows = Flows::connect(broker.port(), EACH, Some(credentials));
    flows.start_publishing(PERIOD);
    let switch = |number| Switch::start(broker.address(), credentials, number);
    let switches: Vec<Switch> = (0..SWITCHES).map(switch).collect();
    let mut editor = Editor::begin(&site, &broker);
    for edit in 0..CHANGES {
        if edit % BROKEN_EVERY == 1 {
            editor.break_it(edit / BROKEN_EVERY);
            editor.let_all_be_used(&switches);
        }
        let before = flows.received();
        editor.edit(denied_by(edit));
        editor.let_all_be_used(&switches);
        wait_until("messages go on coming", || flows.received() > before);
        flows.assert_untroubled(&format!("generation {}", editor.generation()));
    }
    let all: Vec<_> = switches.into_iter().map(Switch::stop).collect();
    let totals = flows.settle();
    for (number, publishes) in all.iter().enumerate() {
        let sure =
            judge(number, &editor.rules, publishes).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(
            sure.iter().all(|count| *count > 0),
            "an edit was not felt on switch/{number}: {sure:?}"
        );
    }
    editor.report();
    println!("{totals:?}; {} on switches", all.iter().map(Vec::len).sum::<usize>());
    assert!(totals.least >= CHANGES / 4, "somebody hardly spoke: {totals:?}");
}

/// Every second edit denies a switch, one after the other.
fn denied_by(edit: u64) -> Option<usize> {
    edit.is_multiple_of(2).then_some((edit / 2) as usize % SWITCHES)
}

fn rules(denied: Option<usize>) -> String {
    let denied = denied.map(|number| deny(&format!("switch/{number}")));
    let allowed = "[[rules]]\npermission = \"allow\"\naction = \"all\"\n\
                   topics = [\"flow/#\", \"switch/#\"]\n";
    format!("{}{allowed}", denied.unwrap_or_default())
}

fn deny(filter: &str) -> String {
    format!("[[rules]]\npermission = \"deny\"\naction = \"publish\"\ntopics = [\"{filter}\"]\n\n")
}

/// A file that would deny everything, if it were not broken in the line that is returned too.
fn broken(number: u64) -> (String, usize) {
    let wrong = match number % 4 {
        0 => "topics = [",
        1 => "effect = \"deny\"",
        2 => "permission = \"perhaps\"",
        _ => "topics = [\"flow/#/x\"]",
    };
    let rest: String = ["permission = \"deny\"", "action = \"all\"", "topics = [\"#\"]"]
        .iter()
        .filter(|line| line.split(' ').next() != wrong.split(' ').next())
        .map(|line| format!("{line}\n"))
        .collect();
    let text = format!("{}[[rules]]\n{rest}{wrong}\n", deny("#"));
    let line = text.lines().count();
    (text, line)
}

/// What is edited, and what was in force when.
struct Editor<'a> {
    site: &'a Site,
    broker: &'a Broker,
    rules: Vec<Rule>,
    live_after: Vec<Duration>,
    fewest_kept: u64,
}

impl<'a> Editor<'a> {
    fn begin(site: &'a Site, broker: &'a Broker) -> Self {
        let now = Instant::now();
        // The switches were in use under the first rules already, however long ago that was.
        let earlier = now.checked_sub(Duration::from_secs(600)).unwrap_or(now);
        let generation = broker.generation();
        let first = Rule { generation, denied: None, written: earlier, live: now };
        let (rules, live_after) = (vec![first], Vec::new());
        Self { site, broker, rules, live_after, fewest_kept: u64::MAX }
    }

    fn generation(&self) -> u64 {
        self.rules.last().unwrap().generation
    }

    /// Edits the file and waits until that is live.
    fn edit(&mut self, denied: Option<usize>) {
        let (mark, written) = (self.broker.mark(), Instant::now());
        self.site.write(FILE, rules(denied));
        let line = self.broker.wait_for_line(mark, &[FILE, ": generation "]);
        let live = Instant::now();
        let announced = Announced::read(&line);
        assert_eq!(announced.generation, self.generation() + 1, "{line}");
        assert!(announced.connections_kept >= (2 * EACH + 2 * SWITCHES) as u64, "{line}");
        self.fewest_kept = self.fewest_kept.min(announced.connections_kept);
        self.live_after.push(live - written);
        self.rules.push(Rule { generation: announced.generation, denied, written, live });
    }

    /// Breaks the file; nothing changes, and the log says where it is broken.
    fn break_it(&self, number: u64) {
        let (text, line) = broken(number);
        let mark = self.broker.mark();
        self.site.write(FILE, text);
        self.broker.wait_for_line(mark, &[&format!("{FILE}:{line}:"), "keeps running"]);
        assert_eq!(self.broker.generation(), self.generation(), "after a broken edit");
    }

    /// Waits until every switch was used under the rules in force, from beginning to end.
    fn let_all_be_used(&self, switches: &[Switch]) {
        for switch in switches {
            let before = switch.answered();
            wait_until("a switch is used", || switch.answered() >= before + 2);
        }
    }

    fn report(&mut self) {
        assert_eq!(self.broker.generation(), self.generation());
        println!("from the file to the line: {}", median_and_max(&mut self.live_after));
        println!("connections kept, at least: {}", self.fewest_kept);
    }
}
