//! The command line: `theseus [--config FILE]`, `theseus ctl`, `passwd`, `plugin`, `certs`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use theseus_native::WORD;

use crate::certs::CertsDev;
use crate::ctl::{Question, Verb};
use crate::passwd::Passwd;
use crate::plugin::Plugin;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve(Serve),
    Ctl(Ctl),
    Passwd(Passwd),
    Plugin(Plugin),
    Certs(CertsDev),
    /// What only the broker asks for: to be a process that has a native plugin.
    PluginChild {
        file: PathBuf,
        memory: u64,
    },
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
    pub(crate) question: Question,
    pub(crate) json: bool,
}

const HELP: &str = "\
theseus: an MQTT broker that is never stopped

Usage: theseus [--config FILE]                 serve
       theseus ctl [--json] VERB               ask the running broker
       theseus passwd [--file FILE] USER       add a user, or change a password
       theseus plugin inspect | sign | keygen  look into a plugin, vouch for it
       theseus certs dev                       certificates to try TLS with

  --config FILE   the configuration; without it etc/theseus.toml, then
                  /etc/theseus/theseus.toml
  --help          this text; also after each of these words
  --version       the version

Every key can also be set by a variable: listeners.tcp.default.bind is
THESEUS_LISTENERS__TCP__DEFAULT__BIND. All keys: docs/configuration.md";

const CTL_HELP: &str = "\
theseus ctl: asks the broker that runs on this configuration's data_dir

Usage: theseus ctl [--config FILE] [--json] VERB

  status    generation, connections, and what is wrong with any file
  plugins   every plugin file with its state, version, hash and reason, and
            how the versions that run do
  plugins promote NAME
            makes the version live that waits for it
  plugins rollback NAME
            takes the version on probation back, and puts it in quarantine
  plugins shadow NAME
            how a version does that waits to be promoted
  plugins quarantine [lift HASH]
            what is not loaded; lets a hash (8 digits or more) out again
  bans      who is banned, for how long, by whom and why
  ban add TARGET [--for DURATION] [--reason TEXT]
            shuts out new connections; without --for until it is removed
  ban remove TARGET
            lets in again

  revalidate
            how it goes with clients that are asked about again
  revalidate all | client-id:ID | username:NAME
            asks the plugins whether connected clients may stay

  TARGET    client-id:ID, username:NAME, an address or a prefix
  DURATION  as 30s, 15m, 2h or 7d
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

const PLUGIN_HELP: &str = "\
theseus plugin: what to do with the file of a plugin, without a broker

Usage: theseus plugin inspect [--public-key KEY]... FILE
       theseus plugin sign --key KEYFILE FILE
       theseus plugin keygen [--no-password] KEYFILE

  inspect   what it is, what it wants, and whether its signature is good
  sign      writes FILE.minisig, which says name, version and content
  keygen    makes a key to sign with, and its .pub for trust.public_keys

Keys and signatures are those of minisign. The password of a key is asked
for, or read as one line where standard input is no terminal.

  --public-key KEY  RW..., or the path of a .pub; may be given several times
  --key KEYFILE     the secret key
  --no-password     the key is not locked: whoever has the file can sign";

const CERTS_HELP: &str = "\
theseus certs dev: throw-away certificates, to try TLS with

Usage: theseus certs dev [--dir DIR]

Writes ca.pem, and signed by it server.pem and client.pem with their .key,
for localhost, 127.0.0.1 and ::1. Nothing is overwritten.

  --dir DIR   where to; certs if nothing is said";

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
            Value(word) if word == "plugin" => return parse_plugin(&mut parser),
            Value(word) if word == "certs" => return parse_certs(&mut parser),
            Value(word) if word == WORD => return parse_plugin_child(&mut parser),
            Value(word) if word == "passwd" => return parse_passwd(&mut parser, serve.config),
            other => return Err(unknown(other, "theseus --help")),
        }
    }
    Ok(Command::Serve(serve))
}

fn parse_ctl(parser: &mut lexopt::Parser, config: Option<PathBuf>) -> Result<Command, String> {
    let (mut config, mut verb, mut json, mut words) = (config, None, false, Vec::new());
    while let Some(arg) = next(parser)? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Print(CTL_HELP.to_owned())),
            Long("config") | Short('c') => config = Some(file(parser, "--config")?),
            Long("json") => json = true,
            Value(word) if verb.is_none() => {
                let word = word.to_string_lossy().into_owned();
                verb = Some(Verb::named(&word).ok_or_else(|| no_verb(&word))?);
            }
            Long(option @ ("for" | "reason")) if takes_words(verb) => {
                let option = format!("--{option}");
                let value = text(parser, &option, "a value")?;
                words.extend([option, value]);
            }
            Value(word) if takes_words(verb) => {
                words.push(word.into_string().map_err(|_| "ctl: not UTF-8".to_owned())?);
            }
            other => return Err(unknown(other, "theseus ctl --help")),
        }
    }
    let verb = verb.ok_or_else(|| format!("ctl needs a verb: {}", verbs()))?;
    Ok(Command::Ctl(Ctl { config, question: Question { verb, words }, json }))
}

fn takes_words(verb: Option<Verb>) -> bool {
    verb.is_some_and(Verb::takes_words)
}

fn parse_plugin_child(parser: &mut lexopt::Parser) -> Result<Command, String> {
    let file = file(parser, WORD)?;
    let memory = text(parser, WORD, "FILE BYTES")?;
    let memory = memory.parse().map_err(|_| format!("{WORD}: `{memory}` is no number of bytes"))?;
    Ok(Command::PluginChild { file, memory })
}

fn parse_certs(parser: &mut lexopt::Parser) -> Result<Command, String> {
    let (mut dir, mut verb) = (PathBuf::from("certs"), false);
    while let Some(arg) = next(parser)? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Print(CERTS_HELP.to_owned())),
            Long("dir") => dir = file(parser, "--dir")?,
            Value(word) if !verb && word == "dev" => verb = true,
            other => return Err(unknown(other, "theseus certs --help")),
        }
    }
    if !verb {
        return Err("certs needs a verb: dev".to_owned());
    }
    Ok(Command::Certs(CertsDev { dir }))
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

fn parse_plugin(parser: &mut lexopt::Parser) -> Result<Command, String> {
    let (mut verb, mut path, mut key) = (None, None, None);
    let (mut public_keys, mut no_password) = (Vec::new(), false);
    while let Some(arg) = next(parser)? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Print(PLUGIN_HELP.to_owned())),
            Long("key") => key = Some(file(parser, "--key")?),
            Long("public-key") => public_keys.push(text(parser, "--public-key", "KEY")?),
            Long("no-password") => no_password = true,
            Value(word) if verb.is_none() => verb = Some(word.to_string_lossy().into_owned()),
            Value(word) if path.is_none() => path = Some(PathBuf::from(word)),
            other => return Err(unknown(other, "theseus plugin --help")),
        }
    }
    let verb = verb.ok_or("plugin needs a verb: inspect, sign, keygen")?;
    let path = path.ok_or_else(|| format!("plugin {verb} needs a FILE"));
    Ok(Command::Plugin(match (verb.as_str(), key) {
        ("inspect", None) if !no_password => Plugin::Inspect { file: path?, public_keys },
        ("sign", Some(key)) if public_keys.is_empty() && !no_password => {
            Plugin::Sign { file: path?, key }
        }
        ("sign", None) => return Err("plugin sign needs --key KEYFILE".to_owned()),
        ("keygen", None) if public_keys.is_empty() => Plugin::Keygen { key: path?, no_password },
        ("inspect" | "sign" | "keygen", _) => {
            return Err(format!("plugin {verb} takes other options; `theseus plugin --help`"));
        }
        _ => return Err(format!("plugin knows no `{verb}`, but inspect, sign, keygen")),
    }))
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
    fn words_stand_behind_verbs_that_take_some() {
        let words = ["add", "::1", "--reason", "too loud"].map(str::to_owned).to_vec();
        let question = Question { verb: Verb::Ban, words };
        let ctl = Command::Ctl(Ctl { config: None, question, json: true });
        let args = ["ctl", "ban", "add", "::1", "--reason", "too loud", "--json"];
        assert_eq!(parsed(&args), Ok(ctl));
        assert!(parsed(&["ctl", "status", "now"]).is_err_and(|problem| problem.contains("`now`")));
        assert!(parsed(&["ctl", "bans", "--for", "2h"]).is_err_and(|why| why.contains("`--for`")));
    }

    #[test]
    fn subcommands_take_the_configuration_before_and_after_their_name() {
        let config = Some("a.toml".into());
        let question = Question { verb: Verb::Plugins, words: Vec::new() };
        let ctl = Command::Ctl(Ctl { config, question, json: true });
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

    #[test]
    fn a_plugin_is_inspected_signed_or_given_a_key() {
        let plugin = |args: &[&str]| parsed(&[&["plugin"], args].concat());
        let sign = Plugin::Sign { file: "a.wasm".into(), key: "k".into() };
        assert_eq!(plugin(&["sign", "--key", "k", "a.wasm"]), Ok(Command::Plugin(sign)));
        let public_keys = vec!["RW".to_owned(), "b.pub".to_owned()];
        let inspect = Plugin::Inspect { file: "a.wasm".into(), public_keys };
        let args = ["inspect", "a.wasm", "--public-key", "RW", "--public-key", "b.pub"];
        assert_eq!(plugin(&args), Ok(Command::Plugin(inspect)));
        let keygen = Plugin::Keygen { key: "k".into(), no_password: true };
        assert_eq!(plugin(&["keygen", "--no-password", "k"]), Ok(Command::Plugin(keygen)));
        for (args, part) in [
            (&[][..], "needs a verb"),
            (&["sing", "a"], "`sing`"),
            (&["sign", "a"], "--key KEYFILE"),
            (&["sign", "--key", "k"], "needs a FILE"),
            (&["inspect", "--key", "k", "a"], "other options"),
            (&["inspect", "a", "b"], "`b`"),
        ] {
            assert!(plugin(args).is_err_and(|it| it.contains(part)), "{args:?}");
        }
    }

    #[test]
    fn certificates_go_where_one_says() {
        let certs = |dir: &str| Ok(Command::Certs(CertsDev { dir: dir.into() }));
        assert_eq!(parsed(&["certs", "dev"]), certs("certs"));
        assert_eq!(parsed(&["certs", "dev", "--dir", "a"]), certs("a"));
        assert!(parsed(&["certs"]).is_err_and(|it| it.contains("dev")));
        assert!(parsed(&["certs", "prod"]).is_err_and(|it| it.contains("`prod`")));
    }

    #[test]
    fn a_child_with_a_plugin_is_told_its_file_and_its_memory() {
        let child = Command::PluginChild { file: "a.so".into(), memory: 7 };
        assert_eq!(parsed(&["plugin-child", "a.so", "7"]), Ok(child));
        assert!(parsed(&["plugin-child", "a.so"]).is_err());
        assert!(parsed(&["plugin-child", "a.so", "x"]).is_err_and(|it| it.contains("`x`")));
    }
}
