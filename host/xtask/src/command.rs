//! Calling other programs, and how a command of ours can fail.
//! No shell is involved: arguments go to the program as they are. Used by every command.

use std::fmt;
use std::process::{Command, Stdio};

use crate::place;

/// Why a command ended, by what the person has to do next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Typed wrongly: the text says what is accepted. Exit code 2.
    Usage(String),
    /// A program is missing: the text says how to get it. Exit code 1.
    Missing(String),
    /// A step ran and failed; its own output says why. Exit code 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Missing(_) | Self::Failed(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Missing(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

/// The cargo that called us, in the workspace root, with these arguments (split at spaces).
pub(crate) fn cargo(args: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program(cargo);
    command.args(args.split_whitespace());
    command
}

/// Any program, in the workspace root.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(place::root());
    command
}

/// Runs it with our input and output. `what` names the step when it fails.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Failed(format!("{what} failed ({status})"))),
        Err(error) => Err(Failure::Missing(format!(
            "{what}: cannot start `{}`: {error}",
            command.get_program().display()
        ))),
    }
}

/// What it prints, trimmed; `None` when it is missing or fails. For questions, so it is silent.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// What it prints on standard output; errors and progress go to ours. `what` names the step when it
/// fails.
pub(crate) fn output(what: &str, command: &mut Command) -> Result<String, Failure> {
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| {
            let program = command.get_program().display().to_string();
            Failure::Missing(format!("{what}: cannot start `{program}`: {error}"))
        })?;
    if !output.status.success() {
        return Err(Failure::Failed(format!("{what}: failed ({})", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Refuses what is left over on the command line, so that a typing error is never ignored.
pub(crate) fn no_more(command: &str, args: &[String]) -> Result<(), Failure> {
    match args.first() {
        None => Ok(()),
        Some(arg) => Err(Failure::Usage(format!("`cargo xtask {command}` takes no `{arg}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_and_a_failing_one_are_told_apart() {
        let missing = step("x", &mut program("no-such-program-here")).unwrap_err();
        assert!(matches!(missing, Failure::Missing(_)), "{missing}");
        let failed = step("x", cargo("no-such-subcommand").stderr(Stdio::null())).unwrap_err();
        assert!(matches!(failed, Failure::Failed(_)), "{failed}");
        assert_eq!(answer(&mut program("no-such-program-here")), None);
    }

    #[test]
    fn left_over_arguments_are_refused() {
        assert!(no_more("tidy", &[]).is_ok());
        let text = no_more("tidy", &["--fast".to_owned()]).unwrap_err().to_string();
        assert!(text.contains("takes no `--fast`"), "{text}");
    }
}
