//! `cargo xtask`: one command to build, run, test, measure and check Theseus.
//! It only calls other programs and reads the sources; it is not shipped and holds no broker code.
//! Used by people at the prompt and by `.ci/run`.
#![forbid(unsafe_code)]

mod artefacts;
mod check;
mod clients;
mod command;
mod fuzz;
mod help;
mod javascript;
mod place;
mod plugins;
mod statements;
mod tidy;

use std::process::ExitCode;

use command::Failure;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = args.split_first() else {
        print!("{}", help::TEXT);
        return Ok(());
    };
    match name.as_str() {
        "-h" | "--help" | "help" => {
            print!("{}", help::TEXT);
            Ok(())
        }
        "run" => artefacts::run(passed_on(rest)),
        "build" => artefacts::build(rest),
        "test" => artefacts::test(rest),
        "plugins" => plugins::plugins(rest),
        "bench" => artefacts::bench(passed_on(rest)),
        "check" => check::check(rest),
        "tidy" => check::tidy(rest),
        "clients" => clients::install(rest),
        "fuzz" => fuzz::fuzz(rest),
        "statements" => statements::statements(rest),
        unknown => Err(Failure::Usage(help::unknown("command", unknown, help::COMMANDS))),
    }
}

/// What follows belongs to another program; a leading `--` only separates and is dropped.
fn passed_on(args: &[String]) -> &[String] {
    match args.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => args,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_command_is_a_usage_error_with_a_suggestion() {
        let failure = dispatch(&["bnech".to_owned()]).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("did you mean `bench`?"), "{failure}");
    }

    #[test]
    fn only_the_first_separator_is_dropped() {
        let args = ["--", "--config", "--"].map(str::to_owned);
        assert_eq!(passed_on(&args), &args[1..]);
        assert_eq!(passed_on(&args[1..]), &args[1..]);
    }
}
