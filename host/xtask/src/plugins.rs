//! Plugins as components, and for tests as libraries: cargo builds them, and they are put where the broker or
//! the tests look. A file is replaced at once, and only by other bytes, because a broker may be watching.
//! Used by `run`, `build`, `test` and `cargo xtask plugins`.

use std::path::{Path, PathBuf};

use crate::check::is_installed;
use crate::command::{Failure, answer, cargo, output, program, step};
use crate::{javascript, place};

const TARGET: &str = "wasm32-wasip2";

/// What is shipped.
const SHIPPED: &[&str] = &["theseus-password", "theseus-acl-plugin"];

/// What tests drop into a broker besides: libraries and examples, each a plugin.
const FOR_TESTS: &[&str] =
    &["theseus-test-exchange", "theseus-test-hostile", "theseus-test-http-login"];

/// What is shipped as a component, and tests need as a library too.
const SHIPPED_AS_LIBRARIES: &[&str] = &["theseus-password"];

/// What tests need in both forms of one source.
const IN_BOTH_FORMS: &[&str] = &[
    "theseus-test-gate",
    "theseus-test-jail",
    "theseus-test-keeper",
    "theseus-test-mirror",
    "theseus-test-rate",
    "theseus-test-umpire",
];

/// `cargo xtask plugins [DIR]`: the shipped ones into `plugins/`, or all into DIR.
pub(crate) fn plugins(args: &[String]) -> Result<(), Failure> {
    let (folder, names) = match args {
        [] => (place::plugins(), ship()?),
        [folder] if !folder.starts_with('-') => {
            let folder = std::path::absolute(folder).map_err(|error| failed(folder, &error))?;
            let names = build_all(&folder)?;
            (folder, names)
        }
        _ => return Err(Failure::Usage("`cargo xtask plugins` takes one folder at most".into())),
    };
    println!("{}: {}", folder.display(), names.join(", "));
    Ok(())
}

/// Builds the shipped plugins into the folder that the shipped configuration names; their names.
pub(crate) fn ship() -> Result<Vec<String>, Failure> {
    build(&[SHIPPED], &place::plugins())
}

/// Builds all plugins into a folder for the tests, which is returned.
pub(crate) fn for_tests() -> Result<PathBuf, Failure> {
    let folder = place::test_plugins();
    build_all(&folder)?;
    Ok(folder)
}

/// Everything; the names of the components.
fn build_all(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = build(&[SHIPPED, FOR_TESTS, IN_BOTH_FORMS], folder)?;
    build_libraries(folder)?;
    names.extend(javascript::build(folder)?);
    Ok(names)
}

fn build(packages: &[&[&str]], folder: &Path) -> Result<Vec<String>, Failure> {
    ensure_target()?;
    let mut command = cargo("build --lib --examples --profile plugin");
    command.args(["--target", TARGET, "--message-format", "json-render-diagnostics"]);
    for package in packages.iter().copied().flatten() {
        command.args(["--package", package]);
    }
    put_all(&files(&output("the plugins", &mut command)?, ".wasm"), folder)
}

/// For this machine: `mirror.so` beside `mirror.wasm`.
fn build_libraries(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut command = cargo("build --lib --examples --profile plugin");
    command.args(["--message-format", "json-render-diagnostics"]);
    for package in SHIPPED_AS_LIBRARIES.iter().chain(IN_BOTH_FORMS) {
        command.args(["--package", package]);
    }
    put_all(&files(&output("the native plugins", &mut command)?, ".so"), folder)
}

fn put_all(built: &[PathBuf], folder: &Path) -> Result<Vec<String>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder.display(), &error))?;
    let mut names = Vec::new();
    for file in built {
        let (Some(stem), Some(ending)) = (file.file_stem(), file.extension()) else { continue };
        // Cargo writes `gate_odd` for the example `gate-odd`, and `libmirror.so` for a library.
        let name = stem.to_string_lossy().replace('_', "-");
        let name = if ending == "so" { name.trim_start_matches("lib") } else { &name };
        put(file, folder, &format!("{name}.{}", ending.to_string_lossy()))?;
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

/// Asks rustup for the target if the compiler has none.
fn ensure_target() -> Result<(), Failure> {
    if is_installed(TARGET) {
        return Ok(());
    }
    let missing = |why: &str| {
        Failure::Missing(format!(
            "plugins are built for {TARGET}, which this Rust toolchain lacks, and {why}: \
             `rustup target add {TARGET}`, or your distribution's package of it"
        ))
    };
    if answer(program("rustup").arg("--version")).is_none() {
        return Err(missing("there is no rustup to fetch it"));
    }
    println!("fetching the target {TARGET} with rustup");
    step("rustup", program("rustup").args(["target", "add", TARGET]))
        .map_err(|_| missing("rustup could not fetch it"))
}

/// The files with this ending in cargo's messages, also those that were fresh; not the libraries that the
/// compiler itself loads.
fn files(messages: &str, ending: &str) -> Vec<PathBuf> {
    let ours = messages.lines().filter(|line| !line.contains("\"kind\":[\"proc-macro\"]"));
    let lists = ours.filter_map(|line| {
        let (_, rest) = line.split_once("\"filenames\":[")?;
        Some(rest.split_once(']')?.0)
    });
    let names = lists.flat_map(|list| list.split(',')).map(|name| name.trim().trim_matches('"'));
    let wanted = names.filter(|name| name.ends_with(ending));
    wanted.map(|name| PathBuf::from(name.replace("\\\\", "\\"))).collect()
}

/// Writes beside it first: who watches the folder must never see half a plugin.
pub(crate) fn put(file: &Path, folder: &Path, name: &str) -> Result<(), Failure> {
    let bytes = std::fs::read(file).map_err(|error| failed(file.display(), &error))?;
    let to = folder.join(name);
    if std::fs::read(&to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let part = folder.join(format!(".{name}.part"));
    std::fs::write(&part, bytes)
        .and_then(|()| std::fs::rename(&part, &to))
        .map_err(|error| failed(to.display(), &error))
}

pub(crate) fn failed(what: impl std::fmt::Display, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_among_cargos_messages() {
        let messages = r#"
{"reason":"compiler-artifact","filenames":["/t/libtheseus_plugin.rlib"],"fresh":true}
{"reason":"compiler-artifact","filenames":["/t/acl.wasm","/t/libacl.rlib"],"fresh":true}
{"reason":"compiler-artifact","filenames":["C:\\t\\gate_odd.wasm"],"fresh":false}
{"reason":"compiler-artifact","target":{"kind":["proc-macro"]},"filenames":["/t/libserde_derive.so"]}
{"reason":"build-finished","success":true}
"#;
        let expected = [PathBuf::from("/t/acl.wasm"), PathBuf::from("C:\\t\\gate_odd.wasm")];
        assert_eq!(files(messages, ".wasm"), expected);
        assert_eq!(files(messages, ".rlib").len(), 2);
        assert_eq!(files(messages, ".so").len(), 0);
    }

    #[test]
    fn the_same_bytes_do_not_touch_the_file() {
        let folder = std::env::temp_dir().join(format!("xtask-plugins-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let built = folder.join("built");
        let put_and_look = |bytes: &[u8]| {
            std::fs::write(&built, bytes).unwrap();
            put(&built, &folder, "gate.wasm").unwrap();
            let to = folder.join("gate.wasm");
            let opened = std::fs::File::options().write(true).open(&to).unwrap();
            let seen = opened.metadata().unwrap().modified().unwrap();
            opened.set_modified(std::time::UNIX_EPOCH).unwrap();
            (std::fs::read(&to).unwrap(), seen == std::time::UNIX_EPOCH)
        };
        assert_eq!(put_and_look(b"one"), (b"one".to_vec(), false));
        assert_eq!(put_and_look(b"one"), (b"one".to_vec(), true));
        assert_eq!(put_and_look(b"two"), (b"two".to_vec(), false));
        let names: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn more_than_a_folder_is_refused_before_anything_is_built() {
        for args in [vec!["a".to_owned(), "b".to_owned()], vec!["--all".to_owned()]] {
            assert_eq!(plugins(&args).unwrap_err().exit_code(), 2);
        }
    }
}
