//! The broker `theseus`: reads its configuration, claims its folder, starts its shards, and ends
//! them when it is told to. What it is made of is in the crates below it.
#![forbid(unsafe_code)]

mod accept;
mod admin;
mod args;
mod certs;
mod clock;
mod ctl;
mod events;
mod exchange;
mod expiry;
mod feed;
mod fetch;
mod file_limit;
mod first_user;
mod flush;
mod framing;
mod handshake;
mod introduction;
mod listen;
mod local;
mod lock;
mod logging;
mod logins;
mod moving;
mod native;
mod new_file;
mod passwd;
mod peers;
mod places;
mod plugin;
mod policy;
mod proxy;
mod questions;
mod reauthentication;
mod refresh;
mod revalidation;
mod serve;
mod settings;
mod shard_thread;
mod stapling;
mod start;
mod stop;
mod stranger;
mod stream;
mod system;
mod telling;
mod tls;
mod wire;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use theseus_config::{Config, Loaded, PluginValue};

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)).and_then(carry_out) {
        Ok(text) => {
            if !text.is_empty() {
                // Who reads no further, as `head` does, has what it wanted.
                let _ = writeln!(std::io::stdout(), "{text}");
            }
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("theseus: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked; returns what there is to say about it. An error is a sentence for a person.
fn carry_out(command: args::Command) -> Result<String, String> {
    match command {
        args::Command::Print(text) => Ok(text),
        args::Command::Serve(serve) => run_broker(serve),
        args::Command::Ctl(ctl) => {
            // What is wrong with the configuration is what may be asked for.
            let variables = theseus_config::variables();
            let data_dir = theseus_config::data_dir(ctl.config.as_deref(), variables);
            ctl::ask(&data_dir, &ctl.question, ctl.json)
        }
        args::Command::PluginChild { file, memory } => {
            let served = theseus_native::serve(&file, memory);
            served.map(|()| String::new()).map_err(|error| error.to_string())
        }
        args::Command::Certs(certs) => certs::dev(&certs),
        args::Command::Plugin(plugin) => plugin::run(&plugin),
        args::Command::Passwd(passwd) => match &passwd.file {
            Some(file) => passwd::run(&passwd, file),
            None => passwd::run(&passwd, &users_file(&load(passwd.config.as_deref())?.config)?),
        },
    }
}

fn run_broker(serve: args::Serve) -> Result<String, String> {
    let loaded = load(serve.config.as_deref())?;
    let _log = logging::start(loaded.config.log.level);
    start::run(loaded).map_err(|error| error.to_string())?;
    Ok(String::new())
}

fn load(path: Option<&Path>) -> Result<Loaded, String> {
    Config::load(path, theseus_config::variables()).map_err(|errors| errors.to_string())
}

/// `plugins.password.users_file`.
fn users_file(config: &Config) -> Result<std::path::PathBuf, String> {
    let plugin = config.plugins.iter().find(|plugin| plugin.name == "password");
    let mut settings = plugin.iter().flat_map(|plugin| &plugin.settings);
    match settings.find(|setting| setting.key == "users_file").map(|setting| &setting.value) {
        Some(PluginValue::Text(path) | PluginValue::Variable(path)) => Ok(config.base.join(path)),
        _ => Err("the configuration names no plugins.password.users_file; name the file with \
                  --file"
            .to_owned()),
    }
}
