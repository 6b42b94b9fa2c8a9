//! The plugin `twin` in its first version, the wishes that clients have of it, and its second version beside it
//! (`tests/plugins/umpire/examples/twin`).

use std::collections::BTreeMap;

use serde_json::Value;
use theseus_tests::{Broker, Connect, Ended, Raw, Site, Version, wait_until};

/// Each slot, and where the plugin is named for it.
pub(crate) const SLOTS: [(&str, &str); 4] =
    [("authz", "authorization.sources"), ("limit", "limits"), ("ban", "bans"), ("hook", "hooks")];

const FILE: &str = "twin.wasm";

pub(crate) struct Twins {
    pub(crate) site: Site,
    pub(crate) broker: Broker,
    client: Raw,
}

impl Twins {
    /// The first version runs in all slots, under these keys of `[policy.plugins.twin]`.
    pub(crate) fn start(policy: &str) -> Self {
        Self::in_slots(&SLOTS, policy)
    }

    pub(crate) fn in_slots(slots: &[(&str, &str)], policy: &str) -> Self {
        let site = Site::new();
        let named: String =
            slots.iter().map(|(_, chain)| format!("{chain} = [\"twin\"]\n")).collect();
        // A loaded machine is slow, not wrong.
        let patient = "authorize_cpu_time = \"500ms\"\nlogin_cpu_time = \"500ms\"\n";
        site.config(&format!(
            "allow_anonymous = true\nauthorization.no_match = \"allow\"\n{named}\
             [policy.plugins.twin]\n{patient}{policy}"
        ));
        site.drop_in("twin-one", FILE);
        let broker = site.start();
        let mut client = Raw::connect(&broker, &Connect::new(Version::V5, "client"));
        client.subscribe("twin/#", 0);
        Self { site, broker, client }
    }

    /// Brings the second version, which waits for something: what was decided lately has been put to it then.
    pub(crate) fn bring_second(&self) {
        let mark = self.broker.mark();
        self.site.drop_in("twin-two", FILE);
        self.broker.wait_for_line(mark, &["twin 2.0.0", "waits: "]);
    }

    /// The second version as it becomes live.
    pub(crate) fn wait_for_swap(&self, mark: usize) {
        self.broker.wait_for_line(mark, &["swapped twin 1.0.0", "-> 2.0.0"]);
    }

    /// Has the plugin asked in one slot by somebody with this wish; whether what he does goes through.
    pub(crate) fn ask(&mut self, slot: &str, wish: &str) -> bool {
        match slot {
            "authz" => self.client.publish_answered(&format!("ask/{wish}"), "x", 1) < 0x80,
            "limit" => self.enters(&format!("limit-{wish}")),
            "ban" => self.enters(&format!("check-{wish}")),
            _ => {
                self.client.publish_answered("twin/x", &format!("{wish}-secret"), 1);
                !self.client.waiting_messages().is_empty()
            }
        }
    }

    /// The same in every slot.
    pub(crate) fn ask_all(&mut self, wish: &str) {
        SLOTS.iter().for_each(|(slot, _)| assert!(self.ask(slot, wish), "{slot} {wish}"));
    }

    fn enters(&self, id: &str) -> bool {
        let connect = Connect::new(Version::V5, id);
        Raw::try_connect(&self.broker, &connect).map(Raw::disconnect).is_ok()
    }

    /// What the version that runs finds of what was written.
    pub(crate) fn report(&mut self) -> String {
        self.client.publish("twin/x", "report", 1);
        self.client.message().payload
    }

    pub(crate) fn shadow(&self) -> Value {
        self.broker.ctl("plugins")["shadows"][0].clone()
    }

    /// `theseus ctl plugins shadow twin`.
    pub(crate) fn shown(&self) -> String {
        self.site.theseus(&["ctl", "plugins", "shadow", "twin"], "").stdout
    }

    pub(crate) fn promote(&self) -> Ended {
        self.site.theseus(&["ctl", "plugins", "promote", "twin"], "")
    }

    pub(crate) fn state(&self) -> String {
        self.broker.plugin_state(FILE)
    }

    pub(crate) fn wait_for_compared(&self, questions: usize) {
        let compared = || self.shadow()["shadow"]["compared"].as_u64().unwrap_or_default();
        wait_until("all are compared", || compared() == questions as u64);
    }
}

/// Questions that one asking leads to: who is not shut out is asked about in two slots.
pub(crate) fn questions(slot: &str, goes_through: bool) -> usize {
    if ["limit", "ban"].contains(&slot) && goes_through { 2 } else { 1 }
}

/// The same of [`Twins::ask_all`].
pub(crate) fn questions_in_all() -> usize {
    SLOTS.iter().map(|(slot, _)| questions(slot, true)).sum()
}

/// Who asked what, as it is shown among the examples.
pub(crate) fn asked(slot: &str, wish: &str) -> String {
    match slot {
        "authz" => format!("authorize client tcp:default ask/{wish}"),
        "limit" => format!("limits-for limit-{wish} tcp:default"),
        "ban" => format!("check check-{wish} tcp:default"),
        _ => "on-publish client tcp:default twin/x".to_owned(),
    }
}

/// How often there is each, as JSON.
pub(crate) fn counted<'a>(kinds: impl Iterator<Item = &'a str>) -> Value {
    let mut counts = BTreeMap::<&str, u64>::new();
    kinds.for_each(|kind| *counts.entry(kind).or_default() += 1);
    serde_json::json!(counts)
}

/// A line of a table has these words.
pub(crate) fn has_row(text: &str, row: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().eq(row.split_whitespace()))
}
