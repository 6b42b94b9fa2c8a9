//! Every figure of the broker and of its plugins, as Prometheus reads them (text exposition format
//! 0.0.4). Names are `theseus_…`; counters end in `_total`, times are in seconds. How a page is written is
//! in `page`.

use std::collections::BTreeMap;

use theseus_core::Metrics;
use theseus_policy::{COMPLAINTS, Fault, Figures};
use theseus_reload::{ConnectorStatus, RunningStatus, Status, SwapOutcome, Tallies};
use theseus_tls::{Acceptor, Authority};

use super::Sources;
use super::page::Page;

/// The whole page.
pub(super) fn render(sources: &Sources) -> String {
    let mut page = Page::default();
    broker(&mut page, sources);
    bans(&mut page, sources);
    certificates(&mut page, sources);
    let status = sources.files.status();
    generation(&mut page, &status);
    plugins(&mut page, &status.running);
    bounds(&mut page, &status.running);
    tallies(&mut page, &sources.files.tallies());
    connectors(&mut page, &status.connectors);
    libraries(&mut page, sources);
    page.into_text()
}

/// What the core counts, over all shards, and how much there is now.
fn broker(page: &mut Page, sources: &Sources) {
    let broker = &sources.broker;
    page.gauge("theseus_connections", "Clients that are connected.", broker.connections());
    page.gauge("theseus_sessions", "Sessions, connected or not.", broker.sessions());
    page.gauge("theseus_retained_messages", "Topics with a retained message.", broker.retained());
    let buckets = broker.buckets();
    page.gauge("theseus_limit_buckets", "Buckets of limits that are kept.", buckets.len());
    let (name, help) = ("theseus_limit_buckets_full_total", "Times they were too many to keep.");
    page.family(name, "counter", help);
    page.sample(name, &[], buckets.times_full());
    let shards: Vec<_> = (0..broker.shards()).map(|shard| broker.metrics(shard)).collect();
    for (index, (name, help)) in Metrics::HELP.iter().enumerate() {
        let of_shard = |metrics: &&Metrics| metrics.iter().nth(index).map_or(0, |(_, value)| value);
        let name = format!("theseus_{name}_total");
        page.family(&name, "counter", help.trim());
        page.sample(&name, &[], shards.iter().map(of_shard).sum::<u64>());
    }
}

/// The ban table, and what plugins of the slot ban were told.
fn bans(page: &mut Page, sources: &Sources) {
    page.gauge("theseus_bans", "Entries of the ban table.", sources.bans.len());
    for (name, help, value) in sources.bans.counters().iter().chain(sources.told.iter()) {
        let name = format!("theseus_{name}_total");
        page.family(&name, "counter", help.trim());
        page.sample(&name, &[], value);
    }
}

/// What listeners under TLS show, and what they look revoked certificates up in.
fn certificates(page: &mut Page, sources: &Sources) {
    let help = "When the certificate of a listener expires, in seconds since 1970.";
    ends(page, sources, "theseus_tls_certificate_expires_seconds", help, ["serial"], |acceptor| {
        acceptor.certificates().into_iter().map(|it| ([it.serial], it.expires)).collect()
    });
    let help = "Until when the OCSP answer shown with the certificate of a listener holds, in seconds since \
                1970; 0: none is shown.";
    ends(page, sources, "theseus_tls_ocsp_expires_seconds", help, ["serial"], |acceptor| {
        let until = acceptor.stapled_until().unwrap_or(0);
        acceptor.inquiry().iter().map(|about| ([about.serial().to_owned()], until)).collect()
    });
    let help = "When the certificate of an authority in cacertfile expires, in seconds since 1970.";
    let (name, labels) = ("theseus_tls_authority_expires_seconds", ["subject", "serial"]);
    ends(page, sources, name, help, labels, |acceptor| {
        let of = |it: &Authority| ([it.subject.clone(), it.serial.clone()], it.expires);
        acceptor.authorities().iter().map(of).collect()
    });
    let help = "Until when a list of revoked certificates counts, in seconds since 1970.";
    ends(page, sources, "theseus_tls_crl_expires_seconds", help, ["issuer"], |acceptor| {
        acceptor.revocation_lists().into_iter().map(|it| ([it.issuer], it.expires)).collect()
    });
}

/// Names of what ends, each of so many parts, and when: in seconds since 1970.
type Ends<const N: usize> = Vec<([String; N], i64)>;

/// One sample for each name, of one or more parts, however often it stands there: that which ends first.
fn ends<const N: usize>(
    page: &mut Page,
    sources: &Sources,
    name: &str,
    help: &str,
    labels: [&str; N],
    read: fn(&Acceptor) -> Ends<N>,
) {
    page.family(name, "gauge", help);
    for listener in &sources.listeners {
        let of_listener = listener.tls.as_ref().map(|tls| read(&tls.acceptor));
        let mut first = BTreeMap::new();
        for (of, end) in of_listener.into_iter().flatten() {
            let known = first.entry(of).or_insert(end);
            *known = end.min(*known);
        }
        for (of, end) in first {
            let of = labels.into_iter().zip(of.iter().map(String::as_str));
            let labels: Vec<_> = [("listener", &*listener.title)].into_iter().chain(of).collect();
            page.sample(name, &labels, end);
        }
    }
}

fn generation(page: &mut Page, status: &Status) {
    let help = "The number of everything that is live.";
    page.gauge("theseus_generation", help, status.generation);
    let help = "When it became live, in seconds since 1970.";
    page.gauge("theseus_generation_changed_seconds", help, status.changed);
}

/// A figure of a plugin: its name, its type, what it means, and where it stands.
type Figure = (&'static str, &'static str, &'static str, fn(&RunningStatus) -> u64);

/// Of a version.
const OF_VERSION: [Figure; 3] = [
    ("theseus_plugin_instances", "gauge", "Instances of a version.", |it| it.instances),
    (
        "theseus_plugin_hanging_calls",
        "gauge",
        "Calls of a library that are overdue: policy.max_hanging_calls bounds them.",
        |it| it.hanging,
    ),
    ("theseus_plugin_generation", "gauge", "The generation it is live since.", |it| it.generation),
];

/// Of whatever version.
const OF_PLUGIN: [Figure; 2] = [
    ("theseus_plugin_kept_bytes", "gauge", "What a plugin keeps by keys.", |it| it.kept.bytes),
    (
        "theseus_plugin_kept_refused_total",
        "counter",
        "Times that a plugin had no room to keep more.",
        |it| it.kept.refused,
    ),
];

fn plugins(page: &mut Page, running: &[RunningStatus]) {
    for (name, kind, help, figure) in OF_VERSION {
        page.family(name, kind, help);
        for plugin in running {
            page.sample(name, &labels(plugin), figure(plugin));
        }
    }
    let name = "theseus_plugin_counter_total";
    page.family(name, "counter", "What a version of a plugin counts itself.");
    for plugin in running {
        for (counter, value) in &plugin.counters {
            let [name_of, version, sha256] = labels(plugin);
            page.sample(name, &[name_of, version, sha256, ("counter", counter)], value);
        }
    }
    for (name, kind, help, figure) in OF_PLUGIN {
        page.family(name, kind, help);
        for plugin in running {
            page.sample(name, &[("plugin", &plugin.name)], figure(plugin));
        }
    }
}

/// Bounds at which no call fails: something waited, or was left out.
fn bounds(page: &mut Page, running: &[RunningStatus]) {
    let name = "theseus_plugin_bounds_hit_total";
    page.family(name, "counter", "Times a plugin met a bound that costs it no call, by the bound.");
    for plugin in running {
        for (bound, count) in &plugin.bounds_hit {
            page.sample(name, &[("plugin", &plugin.name), ("bound", bound)], count);
        }
    }
    let name = "theseus_warnings_left_out_total";
    page.family(
        name,
        "counter",
        "Warnings about plugins that failed, beyond 20 a second of a kind.",
    );
    for (about, complaints) in COMPLAINTS {
        page.sample(name, &[("about", about)], complaints.left_out());
    }
}

fn labels(plugin: &RunningStatus) -> [(&'static str, &str); 3] {
    [("plugin", &plugin.name), ("version", &plugin.version), ("sha256", &plugin.sha256)]
}

/// What goes on over all versions: a swap begins nothing anew.
fn tallies(page: &mut Page, tallies: &Tallies) {
    let plugins = tallies.plugins();
    let of_slots =
        || plugins.iter().flat_map(|(name, slots)| slots.iter().map(move |it| (name, it)));
    let name = "theseus_plugin_calls_total";
    page.family(name, "counter", "Calls of a plugin in a slot, of all its versions.");
    for (plugin, Figures { slot, calls, .. }) in of_slots() {
        page.sample(name, &[("plugin", plugin), ("slot", &slot.to_string())], calls);
    }
    let name = "theseus_plugin_faults_total";
    page.family(name, "counter", "Those of them without an answer, by the kind of the fault.");
    for (plugin, Figures { slot, faults, .. }) in of_slots() {
        let slot = slot.to_string();
        for (kind, count) in Fault::KINDS.iter().zip(faults) {
            page.sample(name, &[("plugin", plugin), ("slot", &slot), ("kind", kind)], count);
        }
    }
    let name = "theseus_plugin_call_duration_seconds";
    page.family(name, "histogram", "How long those took that were made, waiting included.");
    for (plugin, Figures { slot, within, micros, .. }) in of_slots() {
        page.histogram(name, &[("plugin", plugin), ("slot", &slot.to_string())], within, *micros);
    }
    swaps(page, tallies);
}

/// What became of files.
fn swaps(page: &mut Page, tallies: &Tallies) {
    let name = "theseus_plugin_swaps_total";
    page.family(name, "counter", "What became of versions that were to take another's place.");
    for (outcome, text) in SwapOutcome::ALL {
        page.sample(name, &[("outcome", text)], tallies.outcome(outcome));
    }
    let name = "theseus_plugin_swap_duration_seconds";
    page.family(name, "histogram", "From a file that was seen to a live version, without shadow.");
    let (within, micros) = tallies.swaps();
    page.histogram(name, &[], &within, micros);
}

/// The same of a connector.
type ConnectorFigure = (&'static str, &'static str, &'static str, fn(&ConnectorStatus) -> u64);

const CONNECTOR_FIGURES: [ConnectorFigure; 11] = [
    (
        "theseus_connector_available",
        "gauge",
        "Whether its backend is asked: 0 while the breaker is open.",
        |it| u64::from(it.breaker != "open"),
    ),
    ("theseus_connector_at_work", "gauge", "Calls under way.", |it| it.at_work),
    ("theseus_connector_waiting", "gauge", "Calls that wait for others.", |it| it.waiting),
    ("theseus_connector_calls_total", "counter", "Calls that ended.", |it| it.calls),
    ("theseus_connector_opened_total", "counter", "How often the breaker opened.", |it| it.opened),
    (
        "theseus_connector_timed_out_total",
        "counter",
        "Calls that took longer than request_timeout.",
        |it| it.timed_out,
    ),
    (
        "theseus_connector_unavailable_total",
        "counter",
        "Calls that found no backend, or an open breaker.",
        |it| it.unavailable,
    ),
    (
        "theseus_connector_too_large_total",
        "counter",
        "Calls whose answer was larger than max_response_size.",
        |it| it.too_large,
    ),
    ("theseus_connector_invalid_total", "counter", "Calls that no plugin may make.", |it| {
        it.invalid
    }),
    (
        "theseus_connector_crowded_total",
        "counter",
        "Calls beyond max_pending; also among the unavailable.",
        |it| it.crowded,
    ),
    ("theseus_connector_connections_total", "counter", "Connections made.", |it| it.connections),
];

fn connectors(page: &mut Page, all: &[ConnectorStatus]) {
    for (name, kind, help, figure) in CONNECTOR_FIGURES {
        page.family(name, kind, help);
        for one in all {
            let labels = [("connector", &*one.name), ("kind", &*one.kind)];
            page.sample(name, &labels, figure(one));
        }
    }
}

/// What none of them ever gives back.
fn libraries(page: &mut Page, sources: &Sources) {
    let (count, bytes) = sources.loader.mapped();
    let help = "Native libraries that were loaded since the start; none is ever unloaded.";
    page.gauge("theseus_native_libraries", help, count);
    let help = "Bytes of their files.";
    page.gauge("theseus_native_library_bytes", help, bytes);
}
