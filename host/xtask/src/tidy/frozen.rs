//! A version of the plugin interface that others may have built for never changes again: what is to change
//! goes into a newer version beside it. Its comments may still get clearer.

use super::finding::Finding;
use super::tree::Tree;

const RULE: &str = "frozen";

/// The folder of each frozen version, and the print of what it says.
const FROZEN: &[(&str, u64)] = &[("wit/deps/theseus-plugin-0.1.0/", 0xec60_0a93_8750_c68e)];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    FROZEN.iter().filter_map(|(folder, print)| changed(tree, folder, *print)).collect()
}

fn changed(tree: &Tree, folder: &str, wanted: u64) -> Option<Finding> {
    let files = tree.files.iter().filter(|file| file.path.starts_with(folder));
    let lines = files.flat_map(|file| file.text.lines()).map(str::trim);
    let said = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    let print = print(said);
    let text = format!(
        "this version of the interface is frozen ({print:#018x}): put what changes into a newer one, as \
         docs/plugins.md says"
    );
    (print != wanted).then(|| Finding::of_file(folder, RULE, text))
}

/// FNV-1a with 64 bits: against accidents, not against malice.
fn print<'a>(lines: impl Iterator<Item = &'a str>) -> u64 {
    let bytes = lines.flat_map(|line| line.bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |print, byte| {
        (print ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "wit/a/";
    const TEXT: &str = "/// Who.\nrecord client {\n    id: string,\n}\n";

    fn finding(text: &str) -> Option<Finding> {
        let print = print(["record client {", "id: string,", "}"].into_iter());
        changed(&Tree::of(&[("wit/a/types.wit", text), ("wit/b.wit", "x")]), FOLDER, print)
    }

    #[test]
    fn comments_may_change_and_nothing_else() {
        assert!(finding(TEXT).is_none());
        assert!(finding(&TEXT.replace("Who.", "Who it is.")).is_none());
        for changed in [
            TEXT.replace("id: string", "id: u32"),
            TEXT.replace("    id: string,\n", ""),
            TEXT.replace("}", "    port: u16,\n}"),
            String::new(),
        ] {
            let said = finding(&changed).map(|it| it.to_string()).unwrap_or_default();
            assert!(said.starts_with("wit/a/:1: [frozen] this version"), "{said}");
        }
    }
}
