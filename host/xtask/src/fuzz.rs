//! `cargo xtask fuzz [SECONDS]`: every fuzz target of the codec, one after the other.
//! It needs nightly Rust and cargo-fuzz, so it is no part of `check`; the property tests are.

use crate::command::{Failure, answer, no_more, program, step};
use crate::place;

/// The crate that the targets belong to; they are in its folder `fuzz`.
const CRATE: &str = "host/mqtt";
const DEFAULT_SECONDS: u32 = 60;

pub(crate) fn fuzz(args: &[String]) -> Result<(), Failure> {
    let seconds = seconds(args)?;
    let listed = answer(&mut cargo_fuzz(&["list"]));
    let Some(targets) = listed else { return Err(missing()) };
    for target in targets.lines() {
        println!("-- {target}, {seconds} s");
        let limit = format!("-max_total_time={seconds}");
        let mut run = cargo_fuzz(&["run", target, "--", &limit]);
        step(&format!("fuzz target {target}"), &mut run)?;
    }
    Ok(())
}

fn seconds(args: &[String]) -> Result<u32, Failure> {
    let Some((first, rest)) = args.split_first() else { return Ok(DEFAULT_SECONDS) };
    no_more("fuzz", rest)?;
    first.parse().map_err(|_| Failure::Usage(format!("`{first}` is not a number of seconds")))
}

/// Through rustup, with our own toolchain's variable gone: nightly has to find its own cargo.
fn cargo_fuzz(args: &[&str]) -> std::process::Command {
    let mut command = program("rustup");
    command.current_dir(place::root().join(CRATE)).env_remove("CARGO");
    command.args(["run", "nightly", "cargo", "fuzz"]).args(args);
    command
}

fn missing() -> Failure {
    if !place::root().join(CRATE).join("fuzz").is_dir() {
        return Failure::Missing(format!("{CRATE} has no fuzz targets"));
    }
    Failure::Missing(
        "fuzz needs nightly Rust and cargo-fuzz: `rustup toolchain install nightly` and \
         `cargo install cargo-fuzz --locked`"
            .to_owned(),
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
}
