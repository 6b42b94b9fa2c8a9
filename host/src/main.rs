//! The broker `theseus`: reads its configuration, claims its folder, starts its shards, and ends
//! them when it is told to. What it is made of is in the crates below it.
#![forbid(unsafe_code)]

mod accept;
mod args;
mod clock;
mod file_limit;
mod flush;
mod handshake;
mod listen;
mod local;
mod lock;
mod logging;
mod moving;
mod peers;
mod policy;
mod serve;
mod settings;
mod shard_thread;
mod start;
mod stop;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(args::Command::Serve(args)) => args,
        Ok(args::Command::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => return fail(&problem),
    };
    let loaded =
        match theseus_config::Config::load(args.config.as_deref(), theseus_config::variables()) {
            Ok(loaded) => loaded,
            Err(errors) => return fail(&errors),
        };
    logging::start(loaded.config.log.level);
    match start::run(&loaded) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says what is wrong, for a person, and ends with 1.
fn fail(problem: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("theseus: {problem}");
    ExitCode::FAILURE
}
