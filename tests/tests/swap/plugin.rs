//! The plugin that lets clients in is changed a hundred times under a thousand of them.

use crate::announced::{Announced, versions};
use crate::fleet::Flows;
use crate::gate::{self, Gate};
use crate::knock::{Knock, Knocking, Table, decisions};
use crate::{CHANGES, EACH, PERIOD, installation, median_and_max, one_at_a_time};
use std::time::{Duration, Instant};
use theseus_tests::{Broker, Site, Version, skip, wait_until};

/// The first changes bring files that have never been there, the others find theirs compiled.
const NEVER_SEEN: u64 = 12;
/// A bad file comes before every change of a number like this.
const BAD_EVERY: u64 = 4;

const RULES: &str = "[[rules]]\npermission = \"allow\"\naction = \"all\"\ntopics = [\"flow/#\"]\n";

#[test]
fn a_thousand_clients_do_not_notice_a_hundred_changes_of_the_plugin_that_let_them_in() {
    let _alone = one_at_a_time();
    if !Flows::are_installed() {
        return skip("MQTT.js");
    }
    let site = installation(RULES);
    let broker = site.start();
    let mut flows = Flows::connect(broker.port(), EACH, Some(Gate::Odd.credentials()));
    flows.start_publishing(PERIOD);
    let knocking = Knocking::start(&broker);
    let mut voyage = Voyage::begin(&site, &broker);
    for change in 0..CHANGES {
        if change % BAD_EVERY == 1 {
            voyage.refuse_bad_file(change);
        }
        let before = flows.received();
        voyage.change(change);
        wait_until("messages go on coming", || flows.received() > before);
        flows.assert_untroubled(&format!("generation {}", voyage.generation));
    }
    let knocks = knocking.stop();
    let totals = flows.settle();
    voyage.check_every(&knocks);
    voyage.report();
    println!("{totals:?}; {} knocks", knocks.len());
    assert!(totals.least >= CHANGES / 4, "somebody hardly spoke: {totals:?}");
}

/// What is changed, and what is known of it.
struct Voyage<'a> {
    site: &'a Site,
    broker: &'a Broker,
    generation: u64,
    /// What runs, in the words of the log; empty until the log says it.
    running: String,
    gates: Table,
    /// After each change one of each kind, with the generation that must have decided.
    sure: Vec<(Knock, u64)>,
    live_after: Vec<Duration>,
    compiling: Vec<Duration>,
    fewest_kept: u64,
}

impl<'a> Voyage<'a> {
    fn begin(site: &'a Site, broker: &'a Broker) -> Self {
        Self {
            site,
            broker,
            generation: broker.generation(),
            running: String::new(),
            gates: Table::default(),
            sure: Vec::new(),
            live_after: Vec::new(),
            compiling: Vec::new(),
            fewest_kept: u64::MAX,
        }
    }

    /// Brings a file that is no plugin; nothing changes, and the log says so.
    fn refuse_bad_file(&mut self, change: u64) {
        let mark = self.broker.mark();
        self.bring(&gate::bad(change / BAD_EVERY), change);
        self.broker.wait_for_line(mark, &[&format!("{}: ", gate::FILE), "keeps running"]);
        assert_eq!(self.broker.generation(), self.generation, "after a bad file");
    }

    /// Brings the other gate and waits until it is live: the next generation, whatever came between.
    fn change(&mut self, change: u64) {
        let gate = Gate::of(change);
        let fresh = change < NEVER_SEEN;
        let bytes = if fresh { gate::never_seen(gate, change) } else { gate::bytes(gate) };
        let (mark, start) = (self.broker.mark(), Instant::now());
        self.bring(&bytes, change);
        let line = self.broker.wait_for_line(mark, &["swapped gate "]);
        self.live_after.push(start.elapsed());
        let announced = Announced::read(&line);
        self.note_versions(&line, gate, &bytes);
        assert_eq!(announced.generation, self.generation + 1, "{line}");
        self.generation = announced.generation;
        self.fewest_kept = self.fewest_kept.min(announced.connections_kept);
        assert!(announced.connections_kept >= 2 * EACH as u64, "{line}");
        self.note_compiling(&announced, fresh, change);
        self.knock_both();
    }

    /// By rename, or as `cp` does it.
    fn bring(&self, bytes: &[u8], change: u64) {
        if change.is_multiple_of(3) {
            std::fs::write(self.site.path(gate::FILE), bytes).unwrap();
        } else {
            self.site.write(gate::FILE, bytes);
        }
    }

    /// The line speaks of the file that was brought, and of the one that ran.
    fn note_versions(&mut self, line: &str, gate: Gate, bytes: &[u8]) {
        let (from, to) = versions(line);
        let hash = gate::short_hash(bytes);
        assert!(to.ends_with(&format!("({hash})")), "{hash} was brought: {line}");
        if self.running.is_empty() {
            self.gates.insert(self.generation, Gate::Odd, &from);
        } else {
            assert_eq!(from, self.running, "{line}");
        }
        self.gates.insert(self.generation + 1, gate, &to);
        self.running = to;
    }

    fn note_compiling(&mut self, announced: &Announced, fresh: bool, change: u64) {
        let (compiled, cached) = (announced.step("compiled"), announced.step("cached"));
        // The first time that Gate::Even is there as it was built.
        let fresh = fresh || change == NEVER_SEEN;
        assert_eq!((compiled.is_some(), cached.is_some()), (fresh, !fresh), "{announced:?}");
        self.compiling.extend(compiled);
    }

    /// What knocks now is decided by what is live now.
    fn knock_both(&mut self) {
        for with in [Gate::Odd, Gate::Even] {
            let id = format!("sure-{with:?}-{}", self.generation);
            let knock = Knock::at(self.broker.address(), Version::V5, id, with);
            self.sure.push((knock, self.generation));
        }
    }

    /// Every outcome is the one of the gate that the log names.
    fn check_every(&self, knocks: &[Knock]) {
        let all = decisions(&self.broker.lines(0));
        let sure = self.sure.iter().map(|(knock, _)| knock);
        let judged =
            knocks.iter().chain(sure).map(|knock| self.gates.judge(knock, all.get(&knock.id)));
        let wrong: Vec<String> = judged.filter_map(Result::err).collect();
        assert!(
            wrong.is_empty(),
            "{} wrong outcomes, first: {:#?}",
            wrong.len(),
            &wrong[..wrong.len().min(10)]
        );
        for (knock, generation) in &self.sure {
            assert_eq!(all[&knock.id].generation, *generation, "{knock:?}");
        }
        for gate in [Gate::Odd, Gate::Even] {
            let of_it = || knocks.iter().filter(|knock| knock.with == gate);
            let let_in = of_it().filter(|knock| knock.code == 0).count();
            let few = CHANGES as usize / 4;
            assert!(let_in > few && of_it().count() - let_in > few, "{gate:?}: {let_in} let in");
        }
    }

    fn report(&mut self) {
        assert_eq!(self.broker.generation(), self.generation);
        println!("from the file to the line: {}", median_and_max(&mut self.live_after));
        println!("compiling: {}", median_and_max(&mut self.compiling));
        println!("connections kept, at least: {}", self.fewest_kept);
    }
}
