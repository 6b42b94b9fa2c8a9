//! How figures are written down: the text exposition format 0.0.4 of Prometheus. Not which figures there are.

use std::fmt::{Display, Write as _};

use theseus_policy::Within;

/// A page that grows, family by family.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {}", help.replace('\\', "\\\\").replace('\n', " "));
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(text));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// The samples of one histogram; `micros` is the sum of all.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        within: &Within,
        micros: u64,
    ) {
        let bucket = format!("{name}_bucket");
        let bounds = Within::BOUNDS.map(|bound| seconds(bound).to_string());
        for (bound, shorter) in bounds.iter().zip(within.shorter) {
            self.sample(&bucket, &[labels, &[("le", bound)]].concat(), shorter);
        }
        self.sample(&bucket, &[labels, &[("le", "+Inf")]].concat(), within.all);
        self.sample(&format!("{name}_sum"), labels, seconds(micros));
        self.sample(&format!("{name}_count"), labels, within.all);
    }

    /// A family of one sample.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// As the format wants the value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_the_form_of_the_format() {
        let mut page = Page::default();
        page.gauge("g", "What\nit \\ is.", 3);
        page.sample("c", &[("a", "x\"y\\z\n"), ("b", "")], 4);
        let wanted =
            "# HELP g What it \\\\ is.\n# TYPE g gauge\ng 3\nc{a=\"x\\\"y\\\\z\\n\",b=\"\"} 4\n";
        assert_eq!(page.0, wanted);
    }

    #[test]
    fn a_histogram_has_all_its_bounds_in_seconds() {
        let mut within = Within { shorter: [2; Within::BOUNDS.len()], all: 3 };
        within.shorter[0] = 1;
        let mut page = Page::default();
        page.histogram("h", &[("slot", "authn")], &within, 17_500_000);
        let lines: Vec<&str> = page.0.lines().collect();
        assert_eq!(lines.len(), Within::BOUNDS.len() + 3);
        assert_eq!(lines[0], "h_bucket{slot=\"authn\",le=\"0.000016\"} 1");
        assert_eq!(lines[20], "h_bucket{slot=\"authn\",le=\"16.777216\"} 2");
        assert_eq!(lines[21], "h_bucket{slot=\"authn\",le=\"+Inf\"} 3");
        assert_eq!(lines[22..], ["h_sum{slot=\"authn\"} 17.5", "h_count{slot=\"authn\"} 3"]);
    }
}
