//! The rules of this code base that no other tool checks. Each check is a small file beside this
//! one, with a test that shows it failing. It reads text and compiles nothing, so it takes a moment.
//! Used by `cargo xtask tidy`, and by `cargo test` through `tidy_is_clean`.

mod bounds;
mod finding;
mod frozen;
mod invariants;
mod layers;
mod leftovers;
mod length;
mod locks;
mod manifest;
mod map;
mod mask;
mod naming;
mod profiles;
mod pure;
mod safety;
mod source;
mod statements;
mod tree;

use std::path::Path;

use finding::Finding;
pub(crate) use statements::{Proof, listed};
use tree::Tree;

type Check = fn(&Tree) -> Vec<Finding>;

/// Name (as ARCHITECTURE.md may cite it: `tidy::NAME`) and what it does.
const CHECKS: &[(&str, Check)] = &[
    ("pure", pure::check),
    ("layers", layers::check),
    ("safety", safety::check),
    ("locks", locks::check),
    ("bounds", bounds::check),
    ("profiles", profiles::check),
    ("frozen", frozen::check),
    ("length", length::check),
    ("naming", naming::check),
    ("leftovers", leftovers::check),
    ("map", map::check),
    ("invariants", invariants::check),
    ("statements", statements::check),
];

/// Everything that is wrong below `root`, in the order of the checks, then of the files.
pub(crate) fn findings(root: &Path) -> Vec<Finding> {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => return vec![Finding::of_file(".", "read", error.to_string())],
    };
    CHECKS.iter().flat_map(|(_, check)| check(&tree)).collect()
}

/// How many statements of MQTT are tested, a line per version.
pub(crate) fn statement_totals(root: &Path) -> Vec<String> {
    Tree::read(root).map_or_else(|_| Vec::new(), |tree| statements::totals(&tree))
}

/// What `pick` picks from the table, the identifier and the proof of each statement's row.
pub(crate) fn proofs<T>(
    root: &Path,
    mut pick: impl FnMut(&'static str, &str, Proof<'_>) -> Option<T>,
) -> Vec<T> {
    let Ok(tree) = Tree::read(root) else { return Vec::new() };
    let mut picked = Vec::new();
    for edition in &statements::EDITIONS {
        let text = tree.file(edition.table).map_or("", |file| file.text.as_str());
        let rows = statements::rows(text).filter_map(Result::ok);
        picked.extend(rows.filter_map(|row| pick(edition.table, row.id, row.proof)));
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;

    #[test]
    fn tidy_is_clean() {
        let found: Vec<String> = findings(&place::root()).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
