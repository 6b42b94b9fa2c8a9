//! The command line: `theseus [--config FILE]`, `theseus ctl`, `theseus passwd`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::ctl::Verb;
use crate::passwd::Passwd;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve(Serve),
    Ctl(Ctl),
    Passwd(Passwd),
    Print(String),
}

/// Options of the broker itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Serve {
    /// The configuration file; without it the usual places are tried.
    pub(crate) config: Option<PathBuf>,
}

/// A question to a running broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ctl {
    pub(crate) config: Option<PathBuf>,
    pub(crate) verb: Verb,
    pub(crate) json: bool,
}

const HELP: &str = "\
theseus: an MQTT broker that is never stopped

Usage: theseus [--config FILE]                 serve
       theseus ctl [--json] status | plugins   ask the running broker
       theseus passwd [--file FILE] USER       add a user, or change a password

  --config FILE   the configuration; without it etc/theseus.toml, then
                  /etc/theseus/theseus.toml
  --help          this text; also after ctl and passwd
  --version       the version

Every key can also be set by a variable: listeners.tcp.default.bind is
THESEUS_LISTENERS__TCP__DEFAULT__BIND. All keys: docs/configuration.md";

const CTL_HELP: &str = "\
theseus ctl: asks the broker that runs on this configuration's data_dir

Usage: theseus ctl [--config FILE] [--json] VERB

  status    generation, connections, and what is wrong with any file
  plugins   every plugin file with its state, version, hash and reason

  --json    the answer as JSON";

const PASSWD_HELP: &str = "\
theseus passwd: adds a user to a users file, or changes a password

Usage: theseus passwd [--file FILE | --config FILE] [OPTIONS] USER

The password is asked for, or read as one line where standard input is no
terminal. A running broker sees the change by itself.

  --file FILE       the users file; without it plugins.password.users_file
                    of the configuration
  --generate        choose a password and print it
  --superuser       no rule holds for this user
  --attribute N=V   a fact for rules; may be given several times. Without
                    these two a user keeps what is set
  --remove          remove the user";

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut serve = Serve::default();
    while let Some(arg) = next(&mut parser)? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Print(HELP.to_owned())),
            Long("version") | Short('V') => {
                return Ok(Command::Print(format!("theseus {}", env!("CARGO_PKG_VERSION"))));
            }
            Long("config") | Short('c') => serve.config = Some(file(&mut parser, "--config")?),
            Value(word) if word == "ctl" => return parse_ctl(&mut parser, serve.config),
            Value(word) if word == "passwd" => return parse_passwd(&mut parser, serve.config),
            other => return Err(unknown(other, "theseus --help")),
        }
    }
    Ok(Command::Serve(serve))
}

fn parse_ctl(parser: &mut lexopt::Parser, config: Option<PathBuf>) -> Result<Command, String> {
    let (mut config, mut verb, mut json) = (config, None, false);
    while let Some(arg) = next(parser)? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Print(CTL_HELP.to_owned())),
            Long("config") | Short('c') => config = Some(file(parser, "--config")?),
            Long("json") => json = true,
            Value(word) if verb.is_none() => {
                let word = word.to_string_lossy().into_owned();
                verb = Some(Verb::named(&word).ok_or_else(|| no_verb(&word))?);
            }
            other => return Err(unknown(other, "theseus ctl --help")),
        }
    }
    let verb = verb.ok_or_else(|| format!("ctl needs a verb: {}", verbs()))?;
    Ok(Command::Ctl(Ctl { config, verb, json }))
}

fn parse_passwd(parser: &mut lexopt::Parser, config: Option<PathBuf>) -> Result<Command, String> {
    let mut passwd = Passwd { config, ..Passwd::default() };
    while let Some(arg) = next(parser)? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Print(PASSWD_HELP.to_owned())),
            Long("config") | Short('c') => passwd.config = Some(file(parser, "--config")?),
            Long("file") => passwd.file = Some(file(parser, "--file")?),
            Long("generate") => passwd.generate = true,
            Long("remove") => passwd.remove = true,
            Long("superuser") => passwd.fields.push("superuser".to_owned()),
            Long("attribute") => passwd.fields.push(text(parser, "--attribute", "NAME=VALUE")?),
            Value(word) if passwd.user.is_empty() => {
                passwd.user = word.into_string().map_err(|_| "USER must be UTF-8".to_owned())?;
            }
            other => return Err(unknown(other, "theseus passwd --help")),
        }
    }
    if passwd.user.is_empty() {
        return Err("passwd needs a USER; `theseus passwd --help` says more".to_owned());
    }
    Ok(Command::Passwd(passwd))
}

fn next(parser: &mut lexopt::Parser) -> Result<Option<lexopt::Arg<'_>>, String> {
    parser.next().map_err(|error| error.to_string())
}

fn file(parser: &mut lexopt::Parser, option: &str) -> Result<PathBuf, String> {
    parser.value().map(PathBuf::from).map_err(|_| format!("{option} needs a FILE after it"))
}

fn text(parser: &mut lexopt::Parser, option: &str, what: &str) -> Result<String, String> {
    let wrong = |_| format!("{option} needs {what} after it");
    parser.value().map_err(wrong)?.into_string().map_err(|_| format!("{option}: not UTF-8"))
}

fn unknown(arg: lexopt::Arg<'_>, help: &str) -> String {
    let shown = match arg {
        Short(letter) => format!("-{letter}"),
        Long(name) => format!("--{name}"),
        Value(word) => word.to_string_lossy().into_owned(),
    };
    format!("unknown argument `{shown}`; `{help}` lists them")
}

fn no_verb(word: &str) -> String {
    format!("ctl knows no `{word}`, but {}", verbs())
}

fn verbs() -> String {
    Verb::ALL.map(Verb::name).join(", ")
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
        assert!(parsed(&["ctl", "plugin"]).is_err_and(|problem| problem.contains("plugins")));
        assert!(parsed(&["ctl"]).is_err_and(|problem| problem.contains("status")));
        assert!(parsed(&["passwd"]).is_err_and(|problem| problem.contains("USER")));
        assert!(parsed(&["passwd", "a", "b"]).is_err_and(|problem| problem.contains("`b`")));
    }

    #[test]
    fn subcommands_take_the_configuration_before_and_after_their_name() {
        let config = Some("a.toml".into());
        let ctl = Command::Ctl(Ctl { config, verb: Verb::Plugins, json: true });
        assert_eq!(parsed(&["-c", "a.toml", "ctl", "--json", "plugins"]).as_ref(), Ok(&ctl));
        assert_eq!(parsed(&["ctl", "plugins", "--json", "--config", "a.toml"]).as_ref(), Ok(&ctl));
        let passwd = Passwd {
            user: "ann".to_owned(),
            generate: true,
            fields: vec!["superuser".to_owned(), "a=b".to_owned()],
            ..Passwd::default()
        };
        let args = ["passwd", "--generate", "ann", "--superuser", "--attribute", "a=b"];
        assert_eq!(parsed(&args), Ok(Command::Passwd(passwd)));
    }
}
