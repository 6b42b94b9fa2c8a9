//! `cargo xtask fuzz [SECONDS]`: every fuzz target of every crate, one after the other.
//! The instrumented build needs a compiler that takes unstable flags, so it is no part of `check`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Failure, answer, no_more, program, step};
use crate::place;

const DEFAULT_SECONDS: u32 = 60;

pub(crate) fn fuzz(args: &[String]) -> Result<(), Failure> {
    let seconds = seconds(args)?;
    let compiler = Compiler::found()?;
    for folder in crates(&place::root().join("host")) {
        let Some(targets) = answer(&mut compiler.cargo_fuzz(&folder, &["list"])) else {
            return Err(missing());
        };
        for target in targets.lines() {
            println!("-- {} {target}, {seconds} s", folder.display());
            fuzz_target(&compiler, &folder, target, seconds)?;
        }
    }
    Ok(())
}

/// Begins with the seeds, which are in git, and keeps what it finds in the corpus, which is not.
fn fuzz_target(
    compiler: &Compiler,
    folder: &Path,
    target: &str,
    seconds: u32,
) -> Result<(), Failure> {
    let [corpus, seeds] = ["corpus", "seeds"].map(|kind| format!("fuzz/{kind}/{target}"));
    let corpus_made = std::fs::create_dir_all(folder.join(&corpus));
    corpus_made.map_err(|error| Failure::Failed(format!("cannot make {corpus}: {error}")))?;
    let mut args = vec!["run", target, &corpus];
    if folder.join(&seeds).is_dir() {
        args.push(&seeds);
    }
    let limit = format!("-max_total_time={seconds}");
    args.extend(["--", &limit, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    step(&format!("fuzz target {target}"), &mut compiler.cargo_fuzz(folder, &args))
}

/// The crates below `host` that have fuzz targets, by name.
fn crates(host: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(host).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("fuzz/Cargo.toml").is_file())
        .collect();
    found.sort();
    found
}

/// What builds with instrumentation.
enum Compiler {
    /// A nightly toolchain of rustup's.
    Nightly,
    /// The toolchain that calls us, told to take unstable flags. That is for our own builds only; what
    /// it makes is thrown away.
    Stable,
}

impl Compiler {
    fn found() -> Result<Self, Failure> {
        let nightly = answer(program("rustup").args(["run", "nightly", "rustc", "--version"]));
        if answer(program("cargo-fuzz").arg("--version")).is_none() {
            return Err(missing());
        }
        Ok(if nightly.is_some() { Self::Nightly } else { Self::Stable })
    }

    fn cargo_fuzz(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = match self {
            Self::Nightly => {
                // Our own toolchain's variables gone: nightly has to find its own cargo.
                let mut command = program("rustup");
                command.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
                command.args(["run", "nightly", "cargo", "fuzz"]);
                command
            }
            Self::Stable => {
                let mut command = program("cargo");
                command.env("RUSTC_BOOTSTRAP", "1").arg("fuzz");
                command
            }
        };
        command.current_dir(folder).args(args);
        command
    }
}

fn seconds(args: &[String]) -> Result<u32, Failure> {
    let Some((first, rest)) = args.split_first() else { return Ok(DEFAULT_SECONDS) };
    no_more("fuzz", rest)?;
    first.parse().map_err(|_| Failure::Usage(format!("`{first}` is not a number of seconds")))
}

fn missing() -> Failure {
    Failure::Missing(
        "fuzz needs cargo-fuzz and a C++ compiler: `cargo install cargo-fuzz --locked`".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_number_or_left_out() {
        assert_eq!(seconds(&[]).unwrap(), DEFAULT_SECONDS);
        assert_eq!(seconds(&["5".to_owned()]).unwrap(), 5);
        assert_eq!(seconds(&["5s".to_owned()]).unwrap_err().exit_code(), 2);
        assert!(seconds(&["5".to_owned(), "6".to_owned()]).is_err());
    }

    #[test]
    fn crates_with_targets_are_found() {
        let found = crates(&place::root().join("host"));
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()).collect();
        assert!(names.contains(&"mqtt".as_ref()) && names.contains(&"core".as_ref()), "{names:?}");
        assert!(!names.contains(&"xtask".as_ref()));
    }
}
