//! The command line.
//! Not the environment: `contest` reads THESEUS_BIN and THESEUS_PLUGINS.

use std::path::PathBuf;
use std::time::Duration;

use crate::cases::{ALL, Case};
use crate::contender::Kind;
use crate::fault::Fault;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures Theseus ($THESEUS_BIN) and mosquitto in turn on loopback. Cases marked * are run when
named; but for those of TLS they compare Theseus with itself in other configurations, with the
plugins of $THESEUS_PLUGINS.

  --list            name the cases and end
  --case NAME       only this case (may be repeated; a prefix is enough)
  --only BROKER     theseus or mosquitto, where both are compared
  --rounds N        fresh broker processes per case and broker (5, and 9 for those marked *); of the
                    cases swap* pairs of windows, with 100 swaps in all
  --seconds N       how long a case measures (4)
  --peer PATH       the mosquitto program (/usr/sbin/mosquitto)
  --json FILE       write every sample there as well

message-chain*      what a message costs with authentication and authorization
connect-chain*      what a CONNECT costs with each kind of authentication, with a policy in JavaScript
                    too (`cargo xtask clients` fetches what that is built by)
users*              a users file of a million users: memory, loading, looking up
swap*               latency of messages while a plugin is replaced again and again, by versions that
                    are known
swap-logins*        latency of logins, for each of which that plugin is asked, while it is replaced
swap-compiled*      as swap*, by versions that have to be compiled
tls-handshakes*     what a TLS 1.3 connection costs, with one certificate on P-256 for both brokers, and
                    a plain one as the floor
tls-resumed*        the same with sessions that are resumed; one that is not ends the case
tls-messages*       what a message costs under TLS and plain
tls-messages-peer*  the same of mosquitto
tls-idle*           memory for each idle connection under TLS, and plain
";

/// What to run.
pub(crate) struct Args {
    pub(crate) help: bool,
    pub(crate) list: bool,
    pub(crate) cases: Vec<&'static Case>,
    pub(crate) only: Option<Kind>,
    /// Where none are named, each case has its own number.
    pub(crate) rounds: Option<usize>,
    pub(crate) time: Duration,
    pub(crate) peer: PathBuf,
    pub(crate) json: Option<PathBuf>,
}

impl Args {
    /// Reads the words after the program's name.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let mut args = Self {
            help: false,
            list: false,
            cases: Vec::new(),
            only: None,
            rounds: None,
            time: Duration::from_secs(4),
            peer: "/usr/sbin/mosquitto".into(),
            json: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| usage(&format!("{word} wants a value")));
            match word.as_str() {
                "--help" | "-h" => args.help = true,
                "--list" => args.list = true,
                "--case" => args.cases.extend(cases(&value()?)?),
                "--only" => args.only = Some(kind(&value()?)?),
                "--rounds" => args.rounds = Some(count(&value()?)?),
                "--seconds" => args.time = Duration::from_secs(count(&value()?)? as u64),
                "--peer" => args.peer = value()?.into(),
                "--json" => args.json = Some(value()?.into()),
                other => return Err(usage(&format!("unknown argument {other}"))),
            }
        }
        if args.cases.is_empty() {
            args.cases = ALL.iter().filter(|case| case.is_default()).collect();
        }
        Ok(args)
    }
}

fn cases(name: &str) -> Result<Vec<&'static Case>, Fault> {
    if let Some(exact) = ALL.iter().find(|case| case.name == name) {
        return Ok(vec![exact]);
    }
    let found: Vec<_> = ALL.iter().filter(|case| case.name.starts_with(name)).collect();
    if found.is_empty() { Err(usage(&format!("no case {name}; see --list"))) } else { Ok(found) }
}

fn kind(name: &str) -> Result<Kind, Fault> {
    [Kind::Theseus, Kind::Mosquitto]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| usage(&format!("no broker {name}: theseus or mosquitto")))
}

fn count(text: &str) -> Result<usize, Fault> {
    match text.parse() {
        Ok(count @ 1..=3600) => Ok(count),
        _ => Err(usage(&format!("{text} is not a count from 1 to 3600"))),
    }
}

fn usage(why: &str) -> Fault {
    Fault::Usage(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, Fault> {
        Args::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn an_exact_name_is_one_case_and_a_prefix_many() {
        assert_eq!(parse("--case p2p-qos1").unwrap().cases.len(), 1);
        assert_eq!(parse("--case fan").unwrap().cases.len(), 3);
        assert_eq!(parse("--case message-chain").unwrap().cases.len(), 4);
        assert_eq!(parse("--case connect").unwrap().cases.len(), 1);
        assert_eq!(parse("--case tls-messages").unwrap().cases.len(), 6);
        assert_eq!(parse("").unwrap().cases.len(), 10);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--case x", "--only emqx", "--rounds 0", "--seconds", "--frobnicate"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
