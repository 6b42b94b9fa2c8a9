//! ARCHITECTURE.md is the map of the workspace: every crate is on it, by its folder.

use super::finding::Finding;
use super::tree::Tree;

const RULE: &str = "map";
pub(crate) const FILE: &str = "ARCHITECTURE.md";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.file(FILE) else {
        return vec![Finding::of_file(FILE, RULE, "is missing: the map of the workspace")];
    };
    let missing = tree.manifests().filter(|manifest| !mentions(&map.text, manifest.folder));
    missing
        .map(|manifest| map.finding(0, RULE, format!("does not mention `{}`", manifest.folder)))
        .collect()
}

/// `host` is also mentioned by `host/src`, but not by `host/mqtt`, which is another crate.
fn mentions(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + folder.len()..];
        let own = after.strip_prefix('/').map_or_else(
            || !after.starts_with(|c: char| c.is_alphanumeric() || "_-".contains(c)),
            |rest| !rest.starts_with(char::is_alphanumeric) || rest.starts_with("src"),
        );
        own && before.is_none_or(|c| !c.is_alphanumeric() && !"/_-".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::of(&[(FILE, text), ("host/Cargo.toml", ""), ("host/mqtt/Cargo.toml", "")]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_crate_that_is_not_on_the_map_is_found() {
        assert!(found("`host/src` and `host/mqtt/`").is_empty());
        assert!(found("- `host`: the shell\n- `host/mqtt`: packets").is_empty());
        let found = found("only `host/mqtt` and `host/mqtt-tools`");
        assert_eq!(found, ["ARCHITECTURE.md:1: [map] does not mention `host`"]);
    }

    #[test]
    fn a_missing_map_is_found() {
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
