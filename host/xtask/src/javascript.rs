//! Plugins in JavaScript, built as their authors build them: by ComponentizeJS, which `cargo xtask clients`
//! installs. One takes ten seconds, and no two builds give the same bytes, which a broker would compile
//! again: so what was built of the same inputs is kept.

use std::path::{Path, PathBuf};

use crate::clients::{lacks_npm, npm};
use crate::command::{Failure, program, step};
use crate::place;
use crate::plugins::{failed, put};

/// The sources in `tests/plugins/javascript`; `js-NAME.wasm` is what becomes of them.
const SOURCES: &[&str] = &["door", "door-dated"];

const WORLD: &str = "authn-plugin";

/// What a plugin may not import is left out of the interpreter that it brings along.
const DISABLED: &[&str] = &["http", "fetch-event"];

/// Every package in its version.
const LOCK: &str = "package-lock.json";

/// Installs ComponentizeJS if it is not there yet.
pub(crate) fn install() -> Result<(), Failure> {
    if lacks_npm("ComponentizeJS") {
        return Ok(());
    }
    if tool().is_some() {
        println!("ComponentizeJS: already there");
        return Ok(());
    }
    let folder = place::componentize_js();
    println!("ComponentizeJS: installing into {}", folder.display());
    // Should this be cut off, nothing may look installed.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| failed(folder.display(), &error))?;
    for file in ["package.json", LOCK] {
        std::fs::copy(sources().join(file), folder.join(file))
            .map_err(|error| failed(file, &error))?;
    }
    npm("ci", &folder, &[])
}

/// The program, for node, if it is there as the lock says; npm writes a lock of its own when it is done.
fn tool() -> Option<PathBuf> {
    let folder = place::componentize_js();
    let [wanted, there] =
        [sources(), folder.clone()].map(|folder| std::fs::read(folder.join(LOCK)));
    let is_there = wanted.ok()? == there.ok()?;
    let packages = folder.join("node_modules");
    let is_done = packages.join(".package-lock.json").exists();
    (is_there && is_done).then(|| packages.join("@bytecodealliance/componentize-js/src/cli.js"))
}

fn sources() -> PathBuf {
    place::root().join("tests").join("plugins").join("javascript")
}

/// Puts them into a folder; their names. Without the tool there are none, and their tests print a SKIP.
pub(crate) fn build(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for source in SOURCES {
        let name = format!("js-{source}");
        match built(source)? {
            Some(file) => {
                put(&file, folder, &format!("{name}.wasm"))?;
                names.push(name);
            }
            // One of an older source would be tested in its place.
            None => drop(std::fs::remove_file(folder.join(format!("{name}.wasm")))),
        }
    }
    if names.len() < SOURCES.len() {
        println!("plugins in JavaScript: not built (`cargo xtask clients` fetches ComponentizeJS)");
    }
    Ok(names)
}

/// The component of a source, as it is kept or built now.
fn built(source: &str) -> Result<Option<PathBuf>, Failure> {
    let source = sources().join(format!("{source}.js"));
    let kept = place::javascript().join(source.file_name().unwrap_or_default());
    let (component, recipe) = (kept.with_extension("wasm"), kept.with_extension("inputs"));
    let inputs = inputs(&source)?;
    if component.exists() && std::fs::read_to_string(&recipe).is_ok_and(|made_of| made_of == inputs)
    {
        return Ok(Some(component));
    }
    let Some(tool) = tool() else { return Ok(None) };
    println!("{}: building with ComponentizeJS", source.display());
    let folder = place::javascript();
    std::fs::create_dir_all(&folder).map_err(|error| failed(folder.display(), &error))?;
    // Should this be cut off, what is there is no longer what the recipe says.
    let _ = std::fs::remove_file(&recipe);
    let mut command = program("node");
    command.arg(tool).arg(&source).args(["--wit", "wit", "--world-name", WORLD]);
    command.arg("--disable").args(DISABLED).arg("--out").arg(&component);
    step("componentize-js", &mut command)?;
    std::fs::write(&recipe, inputs).map_err(|error| failed(recipe.display(), &error))?;
    Ok(Some(component))
}

/// All that a component is made of, as one text.
fn inputs(source: &Path) -> Result<String, Failure> {
    let mut files = vec![source.to_owned(), sources().join(LOCK)];
    let wit = place::root().join("wit");
    wit_files(&wit, &mut files).map_err(|error| failed(wit.display(), &error))?;
    let mut text = format!("{WORLD} without {DISABLED:?}\n");
    for file in files {
        let read = std::fs::read_to_string(&file);
        text += &read.map_err(|error| failed(file.display(), &error))?;
    }
    Ok(text)
}

/// In an order that does not depend on the file system.
fn wit_files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            wit_files(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "wit") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_interface_is_an_input() {
        let source = sources().join("door.js");
        let inputs = inputs(&source).unwrap();
        for part in [
            "componentize-js\"",
            "name: \"door\"",
            "world authn-plugin",
            "interface files",
            "interface ban",
        ] {
            assert!(inputs.contains(part), "{part}");
        }
    }

    /// Who follows the guide builds as it is done here.
    #[test]
    fn the_guide_says_what_is_done_here() {
        let guide = std::fs::read_to_string(place::root().join("docs/plugins.md")).unwrap();
        let how = format!("--world-name {WORLD} --disable {} --out", DISABLED.join(" "));
        for part in ["cp ../theseus/tests/plugins/javascript/package*.json", "npm ci", &how] {
            assert!(guide.contains(part), "{part}");
        }
    }
}
