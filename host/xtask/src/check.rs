//! `cargo xtask check`: everything a change must pass besides the tests, and `cargo xtask tidy`.
//! The steps can be named one by one; `.ci/run` does so to time each.

use crate::command::{Failure, answer, cargo, no_more, program, step};
use crate::help;
use crate::place;
use crate::tidy;

/// In the order in which they run: the quick ones first.
const STEPS: &[&str] = &["fmt", "tidy", "clippy", "wasm", "deny"];

/// These must build where there is no socket, no file and no clock (invariant 1).
const SANS_IO: &str = "--package theseus-mqtt --package theseus-websocket --package theseus-route \
                       --package theseus-proxy --package theseus-limit --package theseus-core";

/// The bare target has no `std` back end at all, so it proves more; WASI is what plugins use.
const WASM_TARGETS: &[&str] = &["wasm32-unknown-unknown", "wasm32-wasip2"];

/// `cargo xtask check [--ci] [STEP…]`. With `--ci` a missing cargo-deny is a failure.
pub(crate) fn check(args: &[String]) -> Result<(), Failure> {
    let (flags, named): (Vec<&str>, Vec<&str>) =
        args.iter().map(String::as_str).partition(|arg| arg.starts_with("--"));
    let ci = flags.contains(&"--ci");
    if let Some(wrong) = flags.iter().find(|flag| **flag != "--ci") {
        return Err(Failure::Usage(help::unknown("option", wrong, &["--ci"])));
    }
    if let Some(wrong) = named.iter().find(|name| !STEPS.contains(name)) {
        return Err(Failure::Usage(help::unknown("step", wrong, STEPS)));
    }
    for name in STEPS.iter().filter(|name| named.is_empty() || named.contains(name)) {
        println!("-- {name}");
        run_step(name, ci)?;
    }
    println!("-- all good");
    Ok(())
}

/// `cargo xtask tidy`.
pub(crate) fn tidy(args: &[String]) -> Result<(), Failure> {
    no_more("tidy", args)?;
    let findings = tidy::findings(&place::root());
    for finding in &findings {
        println!("{finding}");
    }
    tidy::statement_totals(&place::root()).iter().for_each(|line| println!("{line}"));
    match findings.len() {
        0 => Ok(()),
        n => Err(Failure::Failed(format!("tidy: {n} finding(s)"))),
    }
}

fn run_step(name: &str, ci: bool) -> Result<(), Failure> {
    match name {
        "fmt" => step("fmt (`cargo fmt --all` mends it)", &mut cargo("fmt --all --check")),
        "clippy" => {
            step("clippy", &mut cargo("clippy --workspace --all-targets -- --deny warnings"))
        }
        "tidy" => tidy(&[]),
        "wasm" => wasm(),
        _ => deny(ci),
    }
}

fn wasm() -> Result<(), Failure> {
    let target = wasm_target()?;
    step("wasm", cargo("build --target").arg(target).args(SANS_IO.split_whitespace()))
}

/// The first target that is installed, or else that rustup can fetch.
fn wasm_target() -> Result<&'static str, Failure> {
    if let Some(target) = WASM_TARGETS.iter().find(|target| is_installed(target)) {
        return Ok(target);
    }
    for target in WASM_TARGETS {
        println!("fetching the target {target} with rustup");
        if step("rustup", program("rustup").args(["target", "add", target])).is_ok() {
            return Ok(target);
        }
    }
    Err(Failure::Missing(format!(
        "wasm: no WebAssembly target: `rustup target add {}`, or your distribution's package of it",
        WASM_TARGETS[0]
    )))
}

/// Asks the compiler, not rustup: a toolchain of a distribution has no rustup.
pub(crate) fn is_installed(target: &str) -> bool {
    answer(program("rustc").args(["--print", "target-libdir", "--target", target]))
        .is_some_and(|folder| std::path::Path::new(&folder).is_dir())
}

fn deny(ci: bool) -> Result<(), Failure> {
    if answer(&mut cargo("deny --version")).is_some() {
        return step("deny", &mut cargo("deny check licenses bans sources"));
    }
    let how = "cargo-deny is not installed: `cargo install cargo-deny --locked`";
    if ci {
        return Err(Failure::Missing(how.to_owned()));
    }
    println!("SKIP deny: {how}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_step_or_option_is_refused_before_anything_runs() {
        let step = check(&["clipy".to_owned()]).unwrap_err();
        assert!(step.to_string().contains("did you mean `clippy`?"), "{step}");
        let option = check(&["--c".to_owned()]).unwrap_err();
        assert_eq!(option.exit_code(), 2);
    }

    #[test]
    fn a_target_that_does_not_exist_is_not_installed() {
        assert!(!is_installed("no-such-target"));
    }
}
