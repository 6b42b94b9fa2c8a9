//! The command line: `theseus [--config FILE]`, `--help`, `--version`.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve(Serve),
    Print(String),
}

/// Options of the broker itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Serve {
    /// The configuration file; without it the usual places are tried.
    pub(crate) config: Option<PathBuf>,
}

const HELP: &str = "\
theseus: an MQTT broker that is never stopped

Usage: theseus [--config FILE]

  --config FILE   the configuration; without it etc/theseus.toml, then
                  /etc/theseus/theseus.toml
  --help          this text
  --version       the version

Every key can also be set by a variable: listeners.tcp.default.bind is
THESEUS_LISTENERS__TCP__DEFAULT__BIND. All keys: docs/configuration.md";

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut serve = Serve::default();
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--help" | "-h") => return Ok(Command::Print(HELP.to_owned())),
            Some("--version" | "-V") => {
                return Ok(Command::Print(format!("theseus {}", env!("CARGO_PKG_VERSION"))));
            }
            Some("--config" | "-c") => {
                let file = args.next().ok_or("--config needs a FILE after it")?;
                serve.config = Some(file.into());
            }
            Some(arg) if arg.starts_with("--config=") => {
                serve.config = Some(arg["--config=".len()..].into());
            }
            _ => {
                let arg = arg.to_string_lossy();
                return Err(format!("unknown argument `{arg}`; `theseus --help` lists them"));
            }
        }
    }
    Ok(Command::Serve(serve))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, String> {
        parse(args.iter().map(OsString::from))
    }

    #[test]
    fn takes_a_configuration_in_both_spellings() {
        let serve = Command::Serve(Serve { config: Some("a.toml".into()) });
        assert_eq!(parsed(&["--config", "a.toml"]).as_ref(), Ok(&serve));
        assert_eq!(parsed(&["--config=a.toml"]).as_ref(), Ok(&serve));
        assert_eq!(parsed(&[]), Ok(Command::Serve(Serve::default())));
    }

    #[test]
    fn names_what_it_does_not_know() {
        assert!(parsed(&["--confg"]).is_err_and(|problem| problem.contains("`--confg`")));
        assert!(parsed(&["--config"]).is_err_and(|problem| problem.contains("FILE")));
    }
}
