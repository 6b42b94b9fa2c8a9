//! Which statement of the standard is kept, and which test says so. One table per version of MQTT
//! in `docs/statements`, one row per statement that binds a server; the identifiers stand here once
//! more, so that a row that is deleted is found. A test is named as `path/of/file.rs::function`.

mod proof;
mod row;

use super::finding::Finding;
use super::tree::Tree;

pub(crate) use proof::listed;
pub(crate) use row::{Proof, Row, rows};

const RULE: &str = "statements";

/// A version of MQTT: its name, its table, and the statements of it that bind a server.
pub(crate) struct Edition {
    name: &'static str,
    pub(crate) table: &'static str,
    ids: &'static str,
}

pub(crate) const EDITIONS: [Edition; 2] = [
    Edition {
        name: "3.1.1",
        table: "docs/statements/mqtt-3.1.1.tsv",
        ids: include_str!("mqtt-3.1.1.ids"),
    },
    Edition {
        name: "5.0",
        table: "docs/statements/mqtt-5.0.tsv",
        ids: include_str!("mqtt-5.0.ids"),
    },
];

/// Where the totals are told.
const README: &str = "docs/statements/README.md";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        EDITIONS.iter().flat_map(|edition| wrong_table(tree, edition)).collect();
    let readme = tree.file(README).map_or("", |file| file.text.as_str());
    let untold = EDITIONS.iter().map(|edition| count(tree, edition).told(edition));
    findings.extend(untold.filter(|line| !readme.contains(line.as_str())).map(|line| {
        Finding::of_file(README, RULE, format!("the totals are wrong; they are: {line}"))
    }));
    findings
}

/// The totals of each version, as `cargo xtask tidy` prints them.
pub(crate) fn totals(tree: &Tree) -> Vec<String> {
    let line = |edition: &Edition| {
        let Count { all, tested } = count(tree, edition);
        format!("statements of MQTT {}: {tested}/{all} tested", edition.name)
    };
    EDITIONS.iter().map(line).collect()
}

struct Count {
    all: usize,
    tested: usize,
}

impl Count {
    /// The row of the README's table.
    fn told(&self, edition: &Edition) -> String {
        let untestable = self.all - self.tested;
        format!("| {} | {} | {} | {untestable} |", edition.name, self.all, self.tested)
    }
}

fn count(tree: &Tree, edition: &Edition) -> Count {
    let text = tree.file(edition.table).map_or("", |file| file.text.as_str());
    let rows: Vec<Row<'_>> = rows(text).filter_map(Result::ok).collect();
    let tested = rows.iter().filter(|row| matches!(row.proof, Proof::Tests(_))).count();
    Count { all: rows.len(), tested }
}

fn wrong_table(tree: &Tree, edition: &Edition) -> Vec<Finding> {
    let Some(file) = tree.file(edition.table) else {
        return vec![Finding::of_file(edition.table, RULE, "the table is missing")];
    };
    let mut findings = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (number, row) in rows(&file.text).enumerate() {
        let mut find = |text| {
            // The first line says what the columns are.
            let (path, line) = (edition.table.to_owned(), number + 2);
            findings.push(Finding { path, line, rule: RULE, text });
        };
        let row = match row {
            Ok(row) => row,
            Err(text) => {
                find(text.to_owned());
                continue;
            }
        };
        if !edition.ids.lines().any(|id| id == row.id) {
            find(format!("no statement {} binds a server", row.id));
        }
        if seen.contains(&row.id) {
            find(format!("{} has two rows", row.id));
        }
        seen.push(row.id);
        proof::wrong(tree, &row).into_iter().for_each(find);
    }
    let missing = edition.ids.lines().filter(|id| !seen.contains(id));
    findings.extend(
        missing.map(|id| Finding::of_file(edition.table, RULE, format!("{id} has no row"))),
    );
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree whose table of 3.1.1 has these rows first, and all other rows after them.
    fn tree(first: &str) -> Tree {
        let mut tables = EDITIONS.iter().map(|edition| {
            let first = if edition.name == "3.1.1" { first } else { "" };
            let told: Vec<&str> = first.lines().filter_map(|row| row.split('\t').next()).collect();
            let rest = edition.ids.lines().filter(|id| !told.contains(id));
            let rest: String = rest.map(|id| format!("{id}\tKeeps it.\tnone: a wish\n")).collect();
            format!("id\tdoes\ttests\n{first}{rest}")
        });
        let (older, newer) = (tables.next().unwrap_or_default(), tables.next().unwrap_or_default());
        Tree::of(&[
            (EDITIONS[0].table, &older),
            (EDITIONS[1].table, &newer),
            ("host/core/tests/whole/flow.rs", "#[test]\nfn flows() {}\nfn helps() {}\n"),
        ])
    }

    fn found(first: &str) -> Vec<String> {
        let findings = check(&tree(first)).into_iter();
        // The totals have a test of their own.
        let findings = findings.filter(|finding| finding.path != README);
        findings.map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn the_statements_that_bind_a_server_are_as_many_as_the_standards_have() {
        let counts = EDITIONS.map(|edition| edition.ids.lines().count());
        assert_eq!(counts, [113, 206]);
    }

    #[test]
    fn a_row_whose_test_exists_is_accepted() {
        let row = "MQTT-3.12.4-1\tAnswers.\thost/core/tests/whole/flow.rs::flows\n";
        assert_eq!(found(row), [""; 0]);
    }

    #[test]
    fn a_missing_row_is_found() {
        let tree = Tree::of(&[(EDITIONS[0].table, "id\tdoes\ttests\n")]);
        let found = check(&tree);
        let missing = found.iter().filter(|finding| finding.text.ends_with("has no row")).count();
        assert_eq!(missing, 113);
        assert!(found.iter().any(|finding| finding.text == "the table is missing"));
    }

    #[test]
    fn a_wrong_row_is_found() {
        for (row, problem) in [
            ("MQTT-3.12.4-1\tAnswers.\t\n", "empty"),
            ("MQTT-3.12.4-1\t\tnone: why\n", "empty"),
            ("MQTT-3.12.4-1\tAnswers.\n", "three columns"),
            ("MQTT-3.12.4-1\tAnswers.\tnone:\n", "why there is no test"),
            ("MQTT-3.12.4-1\tAnswers.\tflows\n", "`path.rs::function`"),
            ("MQTT-3.12.4-1\tAnswers.\tpending: later\n", "`path.rs::function`"),
            ("MQTT-3.12.4-1\tA.\thost/core/tests/whole/gone.rs::flows\n", "there is no file"),
            ("MQTT-3.12.4-1\tA.\thost/core/tests/whole/flow.rs::gone\n", "no test `gone`"),
            ("MQTT-3.12.4-1\tA.\thost/core/tests/whole/flow.rs::helps\n", "no test `helps`"),
            ("MQTT-9.9.9-9\tAnswers.\tnone: why\n", "no statement"),
        ] {
            let found = found(row);
            assert!(found.iter().any(|text| text.contains(problem)), "{row}: {found:?}");
        }
        let twice = "MQTT-3.12.4-1\tAnswers.\tnone: why\n".repeat(2);
        assert!(found(&twice)[0].contains("two rows"));
    }

    #[test]
    fn wrong_totals_are_found() {
        let row = "MQTT-3.12.4-1\tAnswers.\thost/core/tests/whole/flow.rs::flows\n";
        let untold = check(&tree(row)).into_iter().map(|finding| finding.text).collect::<Vec<_>>();
        assert_eq!(untold.len(), 2);
        assert!(untold[0].ends_with("| 3.1.1 | 113 | 1 | 112 |"), "{untold:?}");
        assert_eq!(totals(&tree(row))[0], "statements of MQTT 3.1.1: 1/113 tested");
    }
}
