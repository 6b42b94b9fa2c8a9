//! Build the broker and its plugins, and what needs the built broker: run, test, bench.
//! Always the release build: what is tested and measured is what people start.

use std::process::Command;

use crate::command::{Failure, cargo, no_more, program, step};
use crate::{place, plugins, statements};

/// `cargo xtask run [-- ARGS]`: does not return on success (on unix this process becomes the broker).
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    build_broker()?;
    plugins::ship()?;
    become_it(program(place::broker()).args(args))
}

/// `cargo xtask build`: all artefacts, and where they are.
pub(crate) fn build(args: &[String]) -> Result<(), Failure> {
    no_more("build", args)?;
    build_broker()?;
    let names = plugins::ship()?;
    println!("the broker   {}", place::broker().display());
    println!("its plugins  {} ({})", place::plugins().display(), names.join(", "));
    println!("its settings {}", place::root().join("etc").join("theseus.toml").display());
    Ok(())
}

/// `cargo xtask test [--ci] [ARGS]`: all tests of the workspace; ARGS go to `cargo test`. Without
/// ARGS also: are the tests that docs/statements names among them?
pub(crate) fn test(args: &[String]) -> Result<(), Failure> {
    build_broker()?;
    // All that is wrong is worth knowing, where a run takes so long.
    let mut tests = cargo("test --workspace --no-fail-fast");
    tests.env("THESEUS_BIN", place::broker());
    tests.env("THESEUS_PLUGINS", plugins::for_tests()?);
    for arg in args {
        match arg.as_str() {
            "--ci" => tests.env("THESEUS_REQUIRE_CLIENTS", "1"),
            _ => tests.arg(arg),
        };
    }
    if args.iter().all(|arg| arg == "--ci") {
        statements::check_listed()?;
    }
    step("test", &mut tests)
}

/// `cargo xtask bench [ARGS]`: the load program, with the release broker to start and its plugins; or
/// `cargo xtask bench calls`: what asking a plugin costs.
pub(crate) fn bench(args: &[String]) -> Result<(), Failure> {
    build_broker()?;
    let mut program = match args {
        [word] if word == "calls" => cargo("bench --package theseus-tests --bench calls"),
        args => {
            let mut load = cargo("run --release --package theseus-load --");
            load.args(args);
            load
        }
    };
    program.env("THESEUS_BIN", place::broker()).env("THESEUS_PLUGINS", plugins::for_tests()?);
    step("bench", &mut program)
}

fn build_broker() -> Result<(), Failure> {
    step("build", &mut cargo("build --release --package theseus"))
}

/// The broker takes our place, so signals and the exit code are its own.
#[cfg(unix)]
fn become_it(broker: &mut Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    let error = broker.exec();
    Err(Failure::Failed(format!("cannot start {}: {error}", broker.get_program().display())))
}

#[cfg(not(unix))]
fn become_it(broker: &mut Command) -> Result<(), Failure> {
    step("theseus", broker)
}
