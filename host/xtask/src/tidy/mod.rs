//! The rules of this code base that no other tool checks. Each check is a small file beside this
//! one, with a test that shows it failing. It reads text and compiles nothing, so it takes a moment.
//! Used by `cargo xtask tidy`, and by `cargo test` through `tidy_is_clean`.

mod bounds;
mod finding;
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
mod tree;

use std::path::Path;

use finding::Finding;
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
    ("length", length::check),
    ("naming", naming::check),
    ("leftovers", leftovers::check),
    ("map", map::check),
    ("invariants", invariants::check),
];

/// Everything that is wrong below `root`, in the order of the checks, then of the files.
pub(crate) fn findings(root: &Path) -> Vec<Finding> {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => return vec![Finding::of_file(".", "read", error.to_string())],
    };
    CHECKS.iter().flat_map(|(_, check)| check(&tree)).collect()
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
