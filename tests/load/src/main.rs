//! The load benchmark: Theseus and mosquitto in turn, or Theseus in several configurations, case by
//! case, on loopback.
//! Not a test of conformance; it counts loss and disorder, and what a delivery costs the broker.
//! `cargo xtask bench` runs it with THESEUS_BIN and THESEUS_PLUGINS set.

#![forbid(unsafe_code)]

mod args;
mod arrangement;
mod broker;
mod cases;
mod client;
mod contender;
mod contest;
mod ctl;
mod fault;
mod identity;
mod interval;
mod login;
mod report;
mod sample;
mod secure;
mod wire;

use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use args::Args;
use cases::ALL;
use contest::Programs;
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
        let mark = |default| if default { " " } else { "*" };
        ALL.iter().for_each(|case| {
            println!("{:<26}{} {}", case.name, mark(case.is_default()), case.unit);
        });
        return Ok(true);
    }
    let programs = Programs::find(&args)?;
    raise_file_limit()?;
    println!("load average before: {}", load_average());
    let mut rows = Vec::new();
    for case in &args.cases {
        rows.push(contest::measure(case, &programs, &args)?);
    }
    print!("{}", table(&rows));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&rows).map_err(std::io::Error::from)?;
        std::fs::write(path, text)?;
    }
    let rounds =
        |row: &Row| row.columns.iter().all(|column| column.rounds.iter().all(Round::is_measured));
    Ok(rows.iter().all(rounds))
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
