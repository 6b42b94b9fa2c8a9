//! The load benchmark: Theseus and mosquitto in turn, case by case, on loopback.
//! Not a test of conformance; it counts loss and disorder, and what a delivery costs the broker.
//! `cargo xtask bench` runs it with THESEUS_BIN set.

#![forbid(unsafe_code)]

mod args;
mod broker;
mod cases;
mod client;
mod fault;
mod report;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use args::Args;
use broker::{Broker, Kind, Program};
use cases::{ALL, Case, Sample};
use fault::Fault;
use report::{Round, Row, table};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("theseus-load: {fault}");
            ExitCode::from(2)
        }
    }
}

/// True if every round of every case yielded figures.
fn run() -> Result<bool, Fault> {
    let args = Args::parse(std::env::args().skip(1))?;
    if args.help {
        print!("{}", args::HELP);
        return Ok(true);
    }
    if args.list {
        ALL.iter().for_each(|case| println!("{:<13} {}", case.name, case.unit));
        return Ok(true);
    }
    let programs = programs(&args)?;
    raise_file_limit()?;
    println!("load average before: {}", load_average());
    let mut rows = Vec::new();
    for case in &args.cases {
        rows.push(measure(case, &programs, &args));
    }
    print!("{}", table(&rows));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&rows).map_err(std::io::Error::from)?;
        std::fs::write(path, text)?;
    }
    let rounds = |row: &Row| row.columns.iter().all(|column| column.rounds.iter().all(measured));
    Ok(rows.iter().all(rounds))
}

fn measured(round: &Round) -> bool {
    round.sample().is_some()
}

/// All rounds of a case: one of each broker in turn, so that both see the same weather.
fn measure(case: &Case, programs: &[Program], args: &Args) -> Row {
    let mut columns: Vec<(&'static str, Vec<Round>)> =
        programs.iter().map(|program| (program.kind.name(), Vec::new())).collect();
    for round in 0..args.rounds {
        for (program, (name, rounds)) in programs.iter().zip(&mut columns) {
            let outcome = match once(case, program, args) {
                Ok(sample) => Round::Measured(Box::new(sample)),
                Err(fault) => Round::Failed(fault.to_string()),
            };
            match &outcome {
                Round::Measured(sample) => {
                    eprintln!(
                        "{} {name} round {round}: {:.2} {}",
                        case.name, sample.cost, case.unit
                    );
                }
                Round::Failed(why) => eprintln!("{} {name} round {round}: {why}", case.name),
            }
            rounds.push(outcome);
        }
    }
    Row::new(case.name, case.unit, columns)
}

fn once(case: &Case, program: &Program, args: &Args) -> Result<Sample, Fault> {
    let broker = Broker::start(program)?;
    let sample = case.run(&broker, args.time)?;
    broker.stop()?;
    Ok(sample)
}

fn programs(args: &Args) -> Result<Vec<Program>, Fault> {
    let mut programs = Vec::new();
    if args.only != Some(Kind::Mosquitto) {
        let path = std::env::var_os("THESEUS_BIN").map(PathBuf::from);
        let path = path.ok_or_else(|| Fault::Usage("THESEUS_BIN is not set".into()))?;
        programs.push(Program { kind: Kind::Theseus, path: found(path)? });
    }
    if args.only != Some(Kind::Theseus) {
        programs.push(Program { kind: Kind::Mosquitto, path: found(args.peer.clone())? });
    }
    Ok(programs)
}

/// Absolute, because a broker is started in a folder of its own.
fn found(path: PathBuf) -> Result<PathBuf, Fault> {
    path.canonicalize().map_err(|error| Fault::Usage(format!("{}: {error}", path.display())))
}

/// For this process and, inherited, for the brokers.
fn raise_file_limit() -> Result<(), Fault> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    if hard < 10_500 {
        eprintln!("theseus-load: only {hard} open files allowed; the idle case will fail");
    }
    Ok(())
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim_end().into()
}
