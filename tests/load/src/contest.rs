//! The rounds of a case: each contender in turn, so that all see the same weather.
//! Not the arithmetic over them (`report`).

use std::path::PathBuf;
use std::sync::Arc;

use crate::args::Args;
use crate::arrangement::Arrangement;
use crate::broker::Broker;
use crate::cases::{Case, Entrant, Field, Rounds, swap};
use crate::contender::{Contender, Kind};
use crate::fault::Fault;
use crate::identity::Identity;
use crate::report::{Round, Row};
use crate::sample::Sample;

/// Where the programs are; those that no chosen case needs may be missing.
pub(crate) struct Programs {
    theseus: Option<PathBuf>,
    mosquitto: Option<PathBuf>,
    plugins: PathBuf,
    /// What every broker that speaks TLS shows.
    identity: Arc<Identity>,
}

impl Programs {
    /// From the environment and the command line.
    pub(crate) fn find(args: &Args) -> Result<Self, Fault> {
        let peers = args.cases.iter().any(|case| case.takes(Kind::Mosquitto));
        let own = args.cases.iter().any(|case| matches!(case.field, Field::Own(_)));
        let variable = |name: &str| {
            let value = std::env::var_os(name).map(PathBuf::from);
            found(value.ok_or_else(|| Fault::Usage(format!("{name} is not set")))?)
        };
        let theseus = own || args.only != Some(Kind::Mosquitto);
        let mosquitto = peers && args.only != Some(Kind::Theseus);
        Ok(Self {
            theseus: theseus.then(|| variable("THESEUS_BIN")).transpose()?,
            mosquitto: mosquitto.then(|| found(args.peer.clone())).transpose()?,
            plugins: if own { variable("THESEUS_PLUGINS")? } else { PathBuf::new() },
            identity: Arc::new(Identity::new()?),
        })
    }

    fn contenders(&self, field: Field, only: Option<Kind>) -> Vec<Contender> {
        let chosen = |entrant: &Entrant| only.is_none_or(|only| only == entrant.kind);
        let peer = |kind: Kind| Entrant::new(kind.name(), kind, Arrangement::OPEN);
        match field {
            Field::Own(all) => all
                .iter()
                .filter_map(|(name, how)| self.enter(Entrant::new(name, Kind::Theseus, *how)))
                .collect(),
            Field::Peers => [Kind::Theseus, Kind::Mosquitto]
                .map(peer)
                .into_iter()
                .filter(chosen)
                .filter_map(|entrant| self.enter(entrant))
                .collect(),
            Field::Lined(all) => all
                .iter()
                .copied()
                .filter(chosen)
                .filter_map(|entrant| self.enter(entrant))
                // Those whose clients do without it too: one configuration for all.
                .map(|it| Contender { identity: Some(Arc::clone(&self.identity)), ..it })
                .collect(),
        }
    }

    /// Nothing if its program is not there.
    fn enter(&self, entrant: Entrant) -> Option<Contender> {
        let Entrant { name, kind, arrangement, manner } = entrant;
        let path = match kind {
            Kind::Theseus => self.theseus.clone()?,
            Kind::Mosquitto => self.mosquitto.clone()?,
        };
        let plugins = self.plugins.clone();
        Some(Contender { name, kind, path, arrangement, identity: None, manner, plugins })
    }
}

/// All rounds of a case.
pub(crate) fn measure(case: &Case, programs: &Programs, args: &Args) -> Result<Row, Fault> {
    let contenders = programs.contenders(case.field, args.only);
    let rounds = args.rounds.unwrap_or(if case.is_default() { 5 } else { 9 });
    let mut columns: Vec<(&'static str, Vec<Round>)> =
        contenders.iter().map(|contender| (contender.name, Vec::new())).collect();
    for round in 0..rounds {
        let outcomes = match case.rounds() {
            Rounds::Windows(how) => return windows(case, how, &contenders[0], rounds),
            Rounds::Sliced => sliced(case, &contenders, args),
            Rounds::InTurn => in_turn(contenders.len(), round)
                .map(|nth| (nth, once(case, &contenders[nth], args)))
                .collect(),
        };
        for (nth, outcome) in outcomes {
            tell(case, contenders[nth].name, round, &outcome);
            columns[nth].1.push(Round::of(outcome));
        }
    }
    Ok(Row::new(case.name, case.unit, columns))
}

/// There and back: nobody always comes after the same one.
fn in_turn(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |nth| if round.is_multiple_of(2) { nth } else { count - 1 - nth })
}

fn once(case: &Case, contender: &Contender, args: &Args) -> Result<Sample, Fault> {
    let broker = Broker::start(contender)?;
    let sample = case.run(&broker, args.time)?;
    broker.stop()?;
    Ok(sample)
}

/// One round of all at once; what goes wrong with one is told of each.
fn sliced(
    case: &Case,
    contenders: &[Contender],
    args: &Args,
) -> Vec<(usize, Result<Sample, Fault>)> {
    let run = || {
        let brokers = contenders.iter().map(Broker::start).collect::<Result<Vec<_>, _>>()?;
        let samples = case.run_sliced(&brokers, args.time)?;
        brokers.into_iter().try_for_each(Broker::stop)?;
        Ok(samples)
    };
    match run() {
        Ok(samples) => samples.into_iter().map(Ok).enumerate().collect(),
        Err(fault) => {
            let fault: Fault = fault;
            let each = |nth| (nth, Err(Fault::Broker(fault.to_string())));
            (0..contenders.len()).map(each).collect()
        }
    }
}

/// The rounds of one process: pairs of windows.
fn windows(
    case: &Case,
    how: swap::Swaps,
    contender: &Contender,
    rounds: usize,
) -> Result<Row, Fault> {
    let broker = Broker::start(contender)?;
    let pairs = swap::run(how, &broker, rounds)?;
    broker.stop()?;
    let (mut swaps, mut control) = (Vec::new(), Vec::new());
    for pair in pairs {
        swaps.push(Round::of(Ok(pair.swaps)));
        control.push(Round::of(Ok(pair.control)));
    }
    Ok(Row::new(case.name, case.unit, vec![("swaps", swaps), ("none", control)]))
}

fn tell(case: &Case, name: &str, round: usize, outcome: &Result<Sample, Fault>) {
    match outcome {
        Ok(sample) => {
            eprintln!("{} {name} round {round}: {:.2} {}", case.name, sample.cost, case.unit);
        }
        Err(why) => eprintln!("{} {name} round {round}: {why}", case.name),
    }
}

/// Absolute, because a broker is started in a folder of its own.
fn found(path: PathBuf) -> Result<PathBuf, Fault> {
    path.canonicalize().map_err(|error| Fault::Usage(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_round_goes_backwards() {
        assert_eq!(in_turn(3, 0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(in_turn(3, 1).collect::<Vec<_>>(), [2, 1, 0]);
    }
}
